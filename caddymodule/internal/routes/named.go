package routes

import (
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Named reports whether the handler that is being loaded is in a named route,
// which other routes invoke. Caddy loads named routes last. One request may
// pass such a route several times.
func Named(server *caddyhttp.Server) bool {
	if server == nil || len(server.NamedRoutes) == 0 || slices.ContainsFunc(server.Routes, loading) ||
		server.Errors != nil && slices.ContainsFunc(server.Errors.Routes, loading) {
		return false
	}
	for _, route := range server.NamedRoutes {
		if loading(*route) {
			return true
		}
	}
	return false
}

// reachNamed reports whether a path is routed to a gate on every site that invokes
// a named route with a gate. around is the path of the route that invokes it on a
// site where it is not.
func reachNamed(server *caddyhttp.Server, method, path string) (around string, reached bool) {
	for _, site := range server.Routes {
		around, invoked := invocation(server, site, "")
		if !invoked {
			continue
		}
		hosts, _ := matched(site)
		in := within{server: server, hosts: lastingHosts(hosts), method: method}
		if !slices.ContainsFunc(server.Routes, func(r caddyhttp.Route) bool { return in.mayMatch(r, path) && in.holdsGate(r, path) }) {
			return around, false
		}
	}
	return "", true
}

// invocation returns the path of the innermost route in which a named route is
// invoked that has a gate and is not loaded yet. One of them is being loaded.
func invocation(server *caddyhttp.Server, r caddyhttp.Route, around string) (path string, invoked bool) {
	around = firstPath(r, around)
	for _, m := range r.Handlers {
		switch m := m.(type) {
		case *caddyhttp.Invoke:
			if route := server.NamedRoutes[m.Name]; route != nil && loading(*route) && mention(route.HandlersRaw, gateText) {
				return around, true
			}
		case *caddyhttp.Subroute:
			for _, inner := range m.Routes {
				if path, invoked = invocation(server, inner, around); invoked {
					return path, true
				}
			}
		}
	}
	return "", false
}

// namedHoldsGate is holdsGate of a named route. Named routes may invoke each other in
// a circle, which Caddy does not refuse.
func (in within) namedHoldsGate(name, path string) bool {
	route := in.server.NamedRoutes[name]
	if route == nil || slices.Contains(in.invoked, name) {
		return false
	}
	in.invoked = append(slices.Clone(in.invoked), name)
	return in.holdsGate(*route, path)
}
