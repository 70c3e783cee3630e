package routes

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/rewrite"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/matchers"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// warnOfUnreachableAddresses warns of a gate whose own addresses are not routed
// to any gate, as in `handle_path /app/* { authentik … }` beside a `handle` for
// the rest of the site. Visitors are then sent to a sign-in page that the
// neighbour answers.
func (g Gate) warnOfUnreachableAddresses(server *caddyhttp.Server, around []level) {
	prefix := strings.TrimSuffix(cmp.Or(g.Prefix, "/.authentik"), "/")
	known := g.Site.Hosts
	if route := (within{server: server, hosts: known, method: http.MethodGet}).taken(around, prefix+"/login"); route != "" {
		g.Log.Warn("route: another route gets the gate's own addresses before this gate, and no visitor can sign in; "+
			"leave them out of its matcher: not path "+prefix+"/*", "prefix", prefix, "route", route)
		return
	}
	reach := func(method, path string) (route string, reached bool) {
		return within{server: server, hosts: known, method: method}.reach(around, path)
	}
	if Named(server) {
		reach = func(method, path string) (route string, reached bool) { return reachNamed(server, method, path) }
	}
	route, reached := reach(http.MethodGet, prefix+"/login")
	if reached { // forms are sent to this address
		route, reached = reach(http.MethodPost, prefix+"/login")
	}
	if !reached {
		below := strings.TrimRight(route, "/*")
		if strings.ContainsAny(below, "*{") {
			below = "/app"
		}
		advice := "write a handle for them: handle " + prefix + "/* { authentik … }"
		if below != "" {
			advice = "write prefix " + below + "/.authentik, or a handle for them: handle " + prefix + "/* { authentik … }"
		}
		g.Log.Warn("route: the gate's own addresses do not reach a gate, and no visitor can sign in; "+advice, "prefix", prefix, "route", route)
	}
	if !g.PageHost {
		return
	}
	if route, reached := reach(http.MethodGet, "/if/flow/x/"); !reached {
		g.Log.Warn("route: authentik's pages below /if/flow/ do not reach a gate, which login relay and links in mails need; "+
			"write the directive where it gets all paths of the site", "route", route)
	}
}

// within are the hosts of a server whose requests are checked. Without hosts,
// those of every host are.
type within struct {
	server  *caddyhttp.Server
	hosts   []string
	method  string
	invoked []string // the named routes around the checked ones
}

// reach reports whether a path is routed to the gate that is being loaded, or
// to another gate, which hands the request over. Otherwise route is the path of
// the route that gets the request.
func (in within) reach(around []level, path string) (route string, reached bool) {
	reached = true
	var neighbours []func() bool // asked last: most gates need none, and a server may have many
	for _, l := range around {
		before, after, here := l.routes[:l.at], l.routes[l.at+1:], path
		switch {
		case !in.mayMatch(l.route(), here):
			route, reached = firstPath(l.route(), route), false
		case l.route().Terminal: // as for each site of a Caddyfile
			after = nil
		}
		elsewhere := func(r caddyhttp.Route) bool { return in.mayMatch(r, here) && in.holdsGate(r, here) }
		neighbours = append(neighbours, func() bool {
			return slices.ContainsFunc(before, elsewhere) || slices.ContainsFunc(after, elsewhere)
		})
		path = strippedBy(before, path)
	}
	if reached || slices.ContainsFunc(neighbours, func(reach func() bool) bool { return reach() }) {
		return "", true
	}
	return route, false
}

// taken returns the path of a route before the gate that gets the requests for a
// path instead of the gate, such as one that refuses all paths that begin with a
// dot. Without such a route it returns an empty text.
func (in within) taken(around []level, path string) (route string) {
	for _, l := range around {
		group := l.route().Group
		for _, r := range l.routes[:l.at] {
			if in.mustMatch(r, path) && !in.holdsGate(r, path) && (r.Group != "" && r.Group == group || answering(r)) {
				return firstPath(r, path)
			}
			path = stripped(r, path)
		}
	}
	return ""
}

// mustMatch reports whether a route has matchers, and matches every request for a
// path.
func (in within) mustMatch(r caddyhttp.Route, path string) bool {
	return slices.ContainsFunc(r.MatcherSets, func(set caddyhttp.MatcherSet) bool {
		if slices.ContainsFunc(set, isHost) { // as in each of a server's sites, which may be many
			return false
		}
		asked := in.request(path)
		return !slices.ContainsFunc(set, func(m any) bool {
			matches, known := answer(m, asked)
			return !known || !matches
		})
	})
}

func isHost(m any) bool { _, ok := m.(*caddyhttp.MatchHost); return ok }

// request returns a function that makes a request for a path, once: most routes
// are for another host, and their other matchers are not asked.
func (in within) request(path string) func() *http.Request {
	return sync.OnceValue(func() *http.Request {
		ctx := context.WithValue(context.Background(), caddy.ReplacerCtxKey, caddy.NewReplacer())
		return (&http.Request{Method: in.method, URL: &url.URL{Path: path}, Header: http.Header{}}).WithContext(ctx)
	})
}

// answer reports whether a matcher matches a request. Only matchers of paths and
// methods know that before a request is there.
func answer(m any, asked func() *http.Request) (matches, known bool) {
	parts := matchers.PartsRead(m) &^ rules.PartAnyCase
	if parts != rules.PartPath && parts != rules.PartMethod || matchers.Name(m) == "expression" || matchers.Name(m) == "file" {
		return false, false
	}
	matches, err := caddyhttp.MatcherSet{m}.MatchWithError(asked())
	return matches, err == nil
}

// mayMatch reports whether a route may match a path at all of the hosts. It
// calls only matchers of paths, methods and hosts.
func (in within) mayMatch(r caddyhttp.Route, path string) bool {
	asked := in.request(path)
	return len(r.MatcherSets) == 0 || slices.ContainsFunc(r.MatcherSets, func(set caddyhttp.MatcherSet) bool {
		return !slices.ContainsFunc(set, func(m any) bool {
			if patterns, ok := m.(*caddyhttp.MatchHost); ok {
				return !coverHosts(*patterns, in.hosts)
			}
			matches, known := answer(m, asked)
			return known && !matches
		})
	})
}

// coverHosts reports whether patterns match each of a site's hosts. Hosts that
// only a request shows count as matching. A site without hosts has every host.
func coverHosts(patterns, hosts []string) bool {
	if hosts == nil {
		return false
	}
	lasting := lastingHosts(patterns)
	return !slices.ContainsFunc(hosts, func(host string) bool {
		return !slices.ContainsFunc(lasting, func(pattern string) bool {
			return options.HasPlaceholder(pattern) || rules.HostMatches(pattern, host)
		})
	})
}

// holdsGate reports whether a route has a gate that a path may reach. It
// searches routes that are not loaded yet as text.
func (in within) holdsGate(r caddyhttp.Route, path string) bool {
	if loading(r) {
		return mention(r.HandlersRaw, gateText) || slices.ContainsFunc(slices.Collect(maps.Keys(in.server.NamedRoutes)), func(name string) bool {
			return mention(r.HandlersRaw, `"handler":"invoke"`, `"name":"`+name+`"`) && in.namedHoldsGate(name, path)
		})
	}
	return slices.ContainsFunc(r.Handlers, func(m caddyhttp.MiddlewareHandler) bool {
		if module, ok := m.(caddy.Module); ok && module.CaddyModule().ID == handlerID {
			return true
		}
		switch m := m.(type) {
		case *caddyhttp.Invoke:
			return in.namedHoldsGate(m.Name, path)
		case *caddyhttp.Subroute:
			rest := path
			for _, inner := range m.Routes {
				if in.mayMatch(inner, rest) && in.holdsGate(inner, rest) {
					return true
				}
				rest = stripped(inner, rest)
			}
		}
		return false
	})
}

// stripped returns a path after a route that removes its beginning, such as
// handle_path.
func stripped(r caddyhttp.Route, path string) string {
	for _, m := range r.Handlers {
		if rewriting, ok := m.(*rewrite.Rewrite); ok && len(r.MatcherSets) == 0 {
			path = strings.TrimPrefix(path, rewriting.StripPathPrefix)
		}
	}
	return path
}

// strippedBy is stripped for several routes.
func strippedBy(routes caddyhttp.RouteList, path string) string {
	for _, r := range routes {
		path = stripped(r, path)
	}
	return path
}

// firstPath returns the first path that a route matches, or another text if it
// has no path.
func firstPath(r caddyhttp.Route, otherwise string) string {
	for _, set := range r.MatcherSets {
		for _, m := range set {
			if paths, ok := m.(*caddyhttp.MatchPath); ok && len(*paths) > 0 {
				return (*paths)[0]
			}
		}
	}
	return otherwise
}
