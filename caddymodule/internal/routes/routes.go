// Package routes finds the site that a handler is part of, and warns of routes
// around it that lead past the gate.
//
//   - routes.go: the site's hosts and ports
//   - gate.go: warnings about the routes around a gate
//   - errors.go: routes for errors, and which routes lead to an application
//   - past.go: routes that lead to the application past the gate
//   - reach.go: which addresses are routed to a gate
//   - earlier.go: handlers before a gate, which answer or change requests for it
//   - named.go: named routes, which others invoke
package routes

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"golang.org/x/net/publicsuffix"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// A Site is what is known about the site that a handler is part of.
type Site struct {
	Hosts []string // may have wildcards; nil if every host matches
	Ports []string // the ports that the server listens on
}

// Of returns the site of the handler that is being loaded.
func Of(ctx caddy.Context) Site {
	s := Site{Hosts: hosts(ctx)}
	if server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		s.Ports = ports(server)
	}
	return s
}

// hosts returns the hosts that the routes around the handler match, which may
// have wildcards. It returns nil if every host matches. Otherwise it leaves out
// hosts that only a request shows.
func hosts(ctx caddy.Context) []string {
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return nil
	}
	var all []string
	for _, l := range levels(ctx, server.Routes) {
		if inner, restricted := matched(l.route()); restricted {
			all = inner
		}
	}
	return slices.DeleteFunc(slices.Clone(lastingHosts(all)), options.HasPlaceholder)
}

// lastingHosts replaces the placeholders that are the same for every request.
func lastingHosts(hosts []string) []string {
	if !slices.ContainsFunc(hosts, func(host string) bool { return strings.Contains(host, "{") }) {
		return hosts
	}
	all := slices.Clone(hosts)
	for i, host := range all {
		if expanded, err := options.ExpandLasting(host); err == nil {
			all[i] = expanded
		}
	}
	return all
}

// A level is a list of routes around the handler that is being loaded. Caddy
// has loaded the handlers of the routes before the one with the handler, and is
// about to load those of that route.
type level struct {
	routes caddyhttp.RouteList
	at     int // the index of that route
}

func (l level) route() caddyhttp.Route { return l.routes[l.at] }

// levels returns the routes around the handler that is being loaded, the outermost
// first. outermost are those of its server.
func levels(ctx caddy.Context, outermost caddyhttp.RouteList) (all []level) {
	add := func(routes caddyhttp.RouteList) {
		if i := slices.IndexFunc(routes, loading); i >= 0 {
			all = append(all, level{routes, i})
		}
	}
	add(outermost)
	for _, module := range ctx.Modules() {
		if subroute, ok := module.(*caddyhttp.Subroute); ok {
			add(subroute.Routes)
		}
	}
	return all
}

// loading reports whether the handlers of a route are about to be loaded.
func loading(r caddyhttp.Route) bool { return r.HandlersRaw != nil }

// matched returns the hosts that a route matches, and whether it matches only
// these.
func matched(r caddyhttp.Route) (hosts []string, restricted bool) {
	for _, set := range r.MatcherSets {
		j := slices.IndexFunc(set, isHost)
		if j < 0 {
			return nil, false
		}
		matcher, _ := set[j].(*caddyhttp.MatchHost)
		if hosts == nil { // a server may have many sites, and each gate looks at all of them
			hosts = slices.Clip([]string(*matcher))
			continue
		}
		hosts = append(hosts, *matcher...)
	}
	return hosts, len(hosts) > 0
}

// Bracketed returns the hosts in the form of a Host header, where an IPv6
// address has brackets.
func (s Site) Bracketed() []string {
	all := slices.Clone(s.Hosts)
	for i, host := range all {
		if _, err := netip.ParseAddr(host); err == nil && strings.Contains(host, ":") {
			all[i] = "[" + host + "]"
		}
	}
	return all
}

// Told returns the hosts that authentik may be told: those of the site, with
// the scheme's own port or a port that the server listens on. Browsers that use
// another port come through another proxy.
func (s Site) Told() (all []string) {
	for _, host := range s.Bracketed() {
		all = append(all, host)
		for _, port := range s.Ports {
			all = append(all, host+":"+port)
		}
	}
	return all
}

// ports returns the ports that a server listens on.
func ports(server *caddyhttp.Server) (all []string) {
	for _, listen := range server.Listen {
		addr, err := caddy.ParseNetworkAddress(listen)
		if err != nil || addr.IsUnixNetwork() || addr.IsFdNetwork() {
			continue
		}
		for i := range min(addr.PortRangeSize(), maxPorts) {
			all = append(all, strconv.FormatUint(uint64(addr.StartPort+i), 10))
		}
	}
	return all
}

// maxPorts is how many ports of a range are listed.
const maxPorts = 100

// CheckCookieDomain refuses a domain that is not above the hosts of the site.
// Browsers drop such a cookie, so no visitor would ever be signed in.
func (s Site) CheckCookieDomain(domain string, log *slog.Logger) error {
	if domain == "" || rules.CookieDomain(domain) != nil {
		return nil
	}
	if len(s.Hosts) == 0 {
		log.Warn("cookie domain: the hosts of this site are not known; browsers drop the cookie of hosts that are not below the domain", "domain", domain)
	}
	var wrong options.Mistakes
	for _, host := range s.Hosts {
		switch rules.Reach(domain, host) {
		case rules.NotReached:
			wrong = append(wrong, fmt.Errorf("cookie domain: %q is not above the host %s, and browsers drop the cookie there; %s", domain, host, otherDomain(host)))
		case rules.PartlyReached:
			log.Warn("cookie domain: only some hosts of this site are below the domain; browsers drop the cookie of the others", "domain", domain, "host", host)
		case rules.Reached:
		}
	}
	return wrong.Err()
}

// otherDomain returns what to write for a host.
func otherDomain(host string) string {
	name := strings.TrimPrefix(rules.Host(host), "*.")
	above, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil || rules.CookieDomain(above) != nil {
		return "leave domain out"
	}
	return "write domain " + above + ", or leave it out"
}
