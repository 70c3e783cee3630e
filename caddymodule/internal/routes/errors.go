package routes

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// warnOfErrorRoutes warns of routes for errors that lead to an application
// without the gate. An error that is raised before the gate, for example by the
// directive error, gets there with the identity headers of the client.
func (g Gate) warnOfErrorRoutes(server *caddyhttp.Server) {
	if server.Errors == nil {
		return
	}
	if g.lead(server, server.Errors.Routes, ways{headers: g.Headers, server: server}) {
		g.Log.Warn("handle_errors: its reverse_proxy passes on identity headers from clients, and the gate's cookies; "+
			"write there before it authentik with open *, or at least: request_header -"+g.Headers,
			"site", strings.Join(g.Site.Hosts, " "))
	}
}

// lead reports whether routes of a server lead to an application at one of the site's
// hosts.
func (g Gate) lead(server *caddyhttp.Server, routes caddyhttp.RouteList, to ways) bool {
	hosts := g.Site.Hosts
	if Named(server) {
		hosts = invoking(server)
	}
	everyHost := len(hosts) == 0
	for _, route := range routes {
		if !everyHost && len(hosts) == 0 {
			return false
		}
		if !mayBeAt(route, hosts) {
			continue
		}
		if leads, _ := to.lead(caddyhttp.RouteList{route}, false); leads {
			return true
		}
		if route.Terminal { // as for each site of a Caddyfile
			patterns, restricted := hostsOf(route)
			hosts = slices.DeleteFunc(slices.Clone(hosts), func(host string) bool { return !restricted || matchedBy(patterns, host) })
		}
	}
	return false
}

// mayBeAt reports whether a route, loaded or not, may match one of the hosts. Without
// hosts there is every host.
func mayBeAt(route caddyhttp.Route, hosts []string) bool {
	patterns, restricted := hostsOf(route)
	return !restricted || len(hosts) == 0 || slices.ContainsFunc(patterns, options.HasPlaceholder) ||
		slices.ContainsFunc(hosts, func(host string) bool { return matchedBy(patterns, host) })
}

// matchedBy reports whether a host is one of the patterns or matches one. Most have no
// wildcard, and a server may have many.
func matchedBy(patterns []string, host string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		return strings.EqualFold(pattern, host) || strings.Contains(pattern, "*") && rules.HostMatches(pattern, host)
	})
}

// ForErrors reports whether the handler that is being loaded is in a route for errors.
// Caddy loads those after the others.
func ForErrors(server *caddyhttp.Server) bool {
	return server != nil && server.Errors != nil && !slices.ContainsFunc(server.Routes, loading) && slices.ContainsFunc(server.Errors.Routes, loading)
}

// invoking returns the hosts of the sites that invoke the named route that is being
// loaded, or nil if one of them has every host.
func invoking(server *caddyhttp.Server) (all []string) {
	for _, site := range server.Routes {
		if _, invoked := invocation(server, site, ""); invoked {
			hosts, restricted := matched(site)
			if !restricted {
				return nil
			}
			all = append(all, lastingHosts(hosts)...)
		}
	}
	return all
}

// hostsOf returns the hosts that a route matches, and whether it matches these only. It
// may be loaded or not.
func hostsOf(route caddyhttp.Route) (all []string, restricted bool) {
	if len(route.MatcherSets) > 0 {
		all, restricted = matched(route)
		return lastingHosts(all), restricted
	}
	for _, set := range route.MatcherSetsRaw {
		var hosts []string
		if json.Unmarshal(set["host"], &hosts) != nil {
			return nil, false
		}
		all = append(all, hosts...)
	}
	return lastingHosts(all), len(all) > 0
}

// ways are ways to an application, as far as they matter to identity headers.
type ways struct {
	headers string // a pattern for the headers
	server  *caddyhttp.Server
	dials   []string // the addresses of the application; none: any
	invoked []string // the named routes around what is looked at
}

// A handlerText is what the JSON of a handler says about that.
type handlerText struct {
	Handler        string              `json:"handler"`
	Name           string              `json:"name"`   // of the route that is invoked
	Routes         caddyhttp.RouteList `json:"routes"` // of a subroute
	HandleResponse []struct {
		Routes caddyhttp.RouteList `json:"routes"`
	} `json:"handle_response"`
	Request deletions `json:"request"` // of the directive request_header
	Headers struct {
		Request deletions `json:"request"`
	} `json:"headers"` // of a reverse proxy
	Upstreams []struct {
		Dial string `json:"dial"`
	} `json:"upstreams"` // likewise
	Rewrite struct {
		Method string `json:"method"`
	} `json:"rewrite"` // likewise
}

type deletions struct {
	Delete []string `json:"delete"`
}

// lead reports whether routes lead to an application with the headers that a client
// has sent. clean says that these are removed already, and cleaned that they are
// removed for the routes that follow.
func (e ways) lead(routes caddyhttp.RouteList, clean bool) (leads, cleaned bool) {
	for _, route := range routes {
		inside := clean
		for _, h := range handlersOf(route) {
			if leads, inside = e.leadBy(h, inside); leads {
				return true, false
			}
		}
		if len(route.MatcherSetsRaw)+len(route.MatcherSets) == 0 {
			clean = inside
		}
	}
	return false, clean
}

// leadBy is lead for one handler.
func (e ways) leadBy(h handlerText, clean bool) (leads, cleaned bool) {
	cleaned = clean
	switch h.Handler {
	case "headers":
		cleaned = clean || slices.Contains(h.Request.Delete, e.headers)
	case "authentik":
		cleaned = true
	case "reverse_proxy":
		if len(e.dials) > 0 && h.Rewrite.Method == http.MethodGet && len(h.HandleResponse) > 0 { // forward_auth, which guards by itself
			return false, true
		}
		leads = !clean && !slices.Contains(h.Headers.Request.Delete, e.headers) && (len(e.dials) == 0 || e.dialed(h))
	case "invoke":
		if route := e.server.NamedRoutes[h.Name]; route != nil && !slices.Contains(e.invoked, h.Name) {
			e.invoked = append(slices.Clone(e.invoked), h.Name)
			leads, cleaned = e.lead(caddyhttp.RouteList{*route}, clean)
		}
	default:
		leads, cleaned = e.lead(h.Routes, clean)
	}
	for _, response := range h.HandleResponse {
		if !leads {
			leads, _ = e.lead(response.Routes, clean)
		}
	}
	return leads, cleaned
}

// dialed reports whether a reverse proxy leads to the application.
func (e ways) dialed(h handlerText) bool {
	for _, up := range h.Upstreams {
		if slices.Contains(e.dials, up.Dial) {
			return true
		}
	}
	return false
}

// handlersOf returns the handlers of a route, which may be loaded or not.
func handlersOf(route caddyhttp.Route) (all []handlerText) {
	raw := route.HandlersRaw
	if raw == nil {
		for _, m := range route.Handlers {
			if below, ok := m.(*caddyhttp.Subroute); ok {
				all = append(all, handlerText{Handler: "subroute", Routes: below.Routes})
			} else if text := rawOf(m); text != nil {
				raw = append(raw, text)
			}
		}
	}
	for _, text := range raw {
		var h handlerText
		if json.Unmarshal(text, &h) == nil {
			all = append(all, h)
		}
	}
	return all
}
