package routes

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// warnOfWaysPast warns of routes of the site that lead to the application behind the
// gate without a gate, as in `handle /api/* { reverse_proxy app }` beside
// `handle { authentik … reverse_proxy app }`. The application believes the identity
// headers on every path, and on that one every client can send them.
func (g Gate) warnOfWaysPast(server *caddyhttp.Server, here caddyhttp.RouteList, around []level) {
	if !g.Tells {
		return
	}
	to := ways{headers: g.Headers, server: server}
	for _, route := range server.NamedRoutes {
		if Named(server) && loading(*route) && mention(route.HandlersRaw, gateText) {
			to.dials = append(to.dials, to.dialsOf(afterGate(*route))...)
		}
	}
	for i, l := range around {
		if i == len(around)-1 {
			to.dials = append(to.dials, to.dialsOf(afterGate(l.route()))...)
		}
		if l.route().Terminal { // as for each site of a Caddyfile
			continue
		}
		for _, next := range l.routes[l.at+1:] {
			if group := l.route().Group; group == "" || next.Group != group { // as of blocks handle
				to.dials = append(to.dials, to.dialsOf(handlersOf(next))...)
			}
		}
	}
	if len(to.dials) > 0 && g.lead(server, here, to) {
		g.Log.Warn("route: a reverse_proxy leads to the application past this gate, and passes on identity headers that clients make up; "+
			"write authentik before it and a matcher that leaves it open, or in it: header_up -"+g.Headers,
			"site", strings.Join(g.Site.Hosts, " "), "application", strings.Join(slices.Compact(slices.Sorted(slices.Values(to.dials))), " "))
	}
}

// afterGate returns the handlers of a route after its gate. They are all of them if the
// gate is in one of them that is no subroute, and so gets responses.
func afterGate(route caddyhttp.Route) []handlerText {
	handlers := handlersOf(route)
	return handlers[slices.IndexFunc(handlers, func(h handlerText) bool { return h.Handler == "authentik" })+1:]
}

// dialsOf returns the addresses of the applications that handlers lead to.
func (e ways) dialsOf(handlers []handlerText) (all []string) {
	for _, h := range handlers {
		for _, up := range h.Upstreams {
			all = append(all, up.Dial)
		}
		if route := e.server.NamedRoutes[h.Name]; h.Handler == "invoke" && route != nil && !slices.Contains(e.invoked, h.Name) {
			inside := e
			inside.invoked = append(slices.Clone(e.invoked), h.Name)
			all = append(all, inside.dialsOf(handlersOf(*route))...)
		}
		for _, route := range h.Routes {
			all = append(all, e.dialsOf(handlersOf(route))...)
		}
	}
	return all
}
