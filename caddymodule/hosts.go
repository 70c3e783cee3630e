package caddymodule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"golang.org/x/net/publicsuffix"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// siteHosts returns the hosts that the routes around the handler match, which
// may have wildcards. It returns nil if every host matches, and otherwise leaves
// out hosts that are known only with a request.
func siteHosts(ctx caddy.Context) []string {
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return nil
	}
	hosts, _ := routeHosts(server.Routes)
	for _, module := range ctx.Modules() {
		subroute, ok := module.(*caddyhttp.Subroute)
		if !ok {
			continue
		}
		if inner, restricted := routeHosts(subroute.Routes); restricted {
			hosts = inner
		}
	}
	return slices.DeleteFunc(slices.Clone(lastingHosts(hosts)), options.HasPlaceholder)
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

// routeHosts returns the hosts that the route with the handler matches, and
// whether it matches these only. Caddy is about to load the handlers of that
// route, and has loaded those of the routes before it.
func routeHosts(routes caddyhttp.RouteList) (hosts []string, restricted bool) {
	i := slices.IndexFunc(routes, func(r caddyhttp.Route) bool { return r.HandlersRaw != nil })
	if i < 0 {
		return nil, false
	}
	for _, set := range routes[i].MatcherSets {
		j := slices.IndexFunc(set, func(m any) bool { _, ok := m.(*caddyhttp.MatchHost); return ok })
		if j < 0 {
			return nil, false
		}
		matcher, _ := set[j].(*caddyhttp.MatchHost)
		hosts = append(hosts, *matcher...)
	}
	return hosts, len(hosts) > 0
}

// checkSite checks the options against the site that the handler is part of.
func (h *Handler) checkSite(ctx caddy.Context) error {
	h.hosts = siteHosts(ctx)
	if u := parsed(h.Site); u != nil {
		h.hosts = []string{u.Host}
	}
	if h.ForwardAuth != nil {
		h.hosts = h.ForwardAuth.hosts()
	}
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if ok {
		h.warnOfErrorRoutes(server)
		h.warnOfUnreachableAddresses(ctx, server)
		h.ports = listenPorts(server)
	}
	return options.Mistakes(nil).And(h.checkCookieDomain()).And(h.checkToldHosts()).And(h.checkTicketHosts()).Err()
}

// pageHost reports whether authentik is told the host of this site.
func (h *Handler) pageHost() bool {
	return h.Host == "page" || h.Host == "" && h.Login == string(proxy.LoginRelay)
}

// checkToldHosts refuses a site without names of its own if authentik is told
// the name: any client could make one up.
func (h *Handler) checkToldHosts() error {
	if !h.pageHost() {
		return nil
	}
	option := "host page"
	if h.Host == "" {
		option = "login relay"
	}
	return options.In(option, rules.ToldHosts(bracketed(h.hosts)))
}

// bracketed returns hosts as they stand in a Host header, where an address of
// IPv6 has brackets.
func bracketed(hosts []string) []string {
	all := slices.Clone(hosts)
	for i, host := range all {
		if _, err := netip.ParseAddr(host); err == nil && strings.Contains(host, ":") {
			all[i] = "[" + host + "]"
		}
	}
	return all
}

// toldHosts returns the hosts that authentik may be told: those of the site,
// with the scheme's own port or one that the server listens on. Browsers that
// come by another port do so through something in front, which site is for.
func (h *Handler) toldHosts() (all []string) {
	if h.Site != "" {
		return nil // the gate knows it
	}
	for _, host := range bracketed(h.hosts) {
		all = append(all, host)
		for _, port := range h.ports {
			all = append(all, host+":"+port)
		}
	}
	return all
}

// listenPorts returns the ports that a server listens on.
func listenPorts(server *caddyhttp.Server) (ports []string) {
	for _, listen := range server.Listen {
		addr, err := caddy.ParseNetworkAddress(listen)
		if err != nil || addr.IsUnixNetwork() || addr.IsFdNetwork() {
			continue
		}
		for i := range min(addr.PortRangeSize(), maxPorts) {
			ports = append(ports, strconv.FormatUint(uint64(addr.StartPort+i), 10))
		}
	}
	return ports
}

// maxPorts bounds how many ports of a range are listed.
const maxPorts = 100

// checkCookieDomain refuses a domain that is not above the hosts of the site:
// browsers drop the cookie there, and no sign-in ever holds.
func (h *Handler) checkCookieDomain() error {
	domain := h.Cookie.Domain
	if domain == "" || rules.CookieDomain(domain) != nil {
		return nil
	}
	if len(h.hosts) == 0 {
		h.log.Warn("cookie domain: the hosts of this site are not known; browsers drop the cookie of hosts that are not below the domain", "domain", domain)
	}
	var wrong options.Mistakes
	for _, host := range h.hosts {
		switch rules.Reach(domain, host) {
		case rules.NotReached:
			wrong = append(wrong, fmt.Errorf("cookie domain: %q is not above the host %s, and browsers drop the cookie there; %s", domain, host, otherDomain(host)))
		case rules.PartlyReached:
			h.log.Warn("cookie domain: only some hosts of this site are below the domain; browsers drop the cookie of the others", "domain", domain, "host", host)
		case rules.Reached:
		}
	}
	return wrong.Err()
}

// otherDomain says what to write for a host.
func otherDomain(host string) string {
	name := strings.TrimPrefix(rules.Host(host), "*.")
	above, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil || rules.CookieDomain(above) != nil {
		return "leave domain out"
	}
	return "write domain " + above + ", or leave it out"
}

// warnOfErrorRoutes warns of routes for errors that lead to an application
// without the gate. An error that is raised before the gate, for example by the
// directive error, gets there with the identity headers of the client.
func (h *Handler) warnOfErrorRoutes(server *caddyhttp.Server) {
	if server.Errors == nil {
		return
	}
	for _, route := range server.Errors.Routes {
		if h.sameSite(route) && h.leadsToApplication(route) {
			h.log.Warn("handle_errors: its reverse_proxy passes on identity headers that clients make up; write there before it: request_header -"+h.identityHeaders(),
				"site", strings.Join(h.hosts, " "))
			return
		}
	}
}

// sameSite reports whether a route that is not loaded yet may match a host of
// the site.
func (h *Handler) sameSite(route caddyhttp.Route) bool {
	if len(route.MatcherSetsRaw) == 0 || len(h.hosts) == 0 {
		return true
	}
	for _, set := range route.MatcherSetsRaw {
		var hosts []string
		if json.Unmarshal(set["host"], &hosts) != nil {
			return true
		}
		if slices.ContainsFunc(hosts, func(host string) bool { return slices.Contains(h.hosts, host) }) {
			return true
		}
	}
	return false
}

// leadsToApplication reports whether a route that is not loaded yet has a
// reverse proxy, and neither a gate nor something that removes the headers.
func (h *Handler) leadsToApplication(route caddyhttp.Route) bool {
	raw := bytes.Join(rawMessages(route.HandlersRaw), nil)
	return bytes.Contains(raw, []byte(`"handler":"reverse_proxy"`)) &&
		!bytes.Contains(raw, []byte(`"handler":"authentik"`)) &&
		!bytes.Contains(raw, []byte(`"`+h.identityHeaders()+`"`))
}

func rawMessages(raw []json.RawMessage) [][]byte {
	all := make([][]byte, len(raw))
	for i, message := range raw {
		var compact bytes.Buffer
		if json.Compact(&compact, message) == nil {
			all[i] = compact.Bytes()
		}
	}
	return all
}

// identityHeaders returns a pattern for the headers that the application trusts.
func (h *Handler) identityHeaders() string {
	switch {
	case h.Headers.Preset == string(proxy.HeadersAuthentik):
		return "X-Authentik-*"
	case h.Headers.Preset != string(proxy.HeadersRemote) && len(h.Headers.Own) > 0:
		return h.Headers.Own[0].Name
	default:
		return "Remote-*"
	}
}
