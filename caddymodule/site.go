package caddymodule

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/routes"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/telemetry"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// checkSite checks the options against the site that the handler is part of.
func (h *Handler) checkSite(ctx caddy.Context) error {
	h.site = routes.Of(ctx)
	if u := parsed(h.Site); u != nil {
		h.site.Hosts = []string{u.Host}
	}
	if h.ForwardAuth != nil {
		h.site.Hosts = h.ForwardAuth.hosts()
	}
	routes.Gate{Site: h.site, Prefix: h.Prefix, PageHost: h.pageHost(), Headers: h.identityHeaders(), Tells: h.tells(), Log: h.log}.Warn(ctx)
	h.warnOfInnerURL()
	return options.Mistakes(nil).And(h.site.CheckCookieDomain(h.Cookie.Domain, h.log)).And(h.checkToldHosts()).And(h.checkTicketHosts()).Err()
}

// warnOfInnerURL warns of an address of authentik that the browsers of a public
// site cannot open: pages link to it when the visitor has to continue on
// authentik's own pages.
func (h *Handler) warnOfInnerURL() {
	u := parsed(h.URL)
	if u == nil || u.Hostname() == "" || h.publicURL() != nil || !rules.InnerHost(u.Hostname()) {
		return
	}
	for _, address := range h.site.Hosts {
		if site := (&url.URL{Host: address}).Hostname(); !strings.Contains(site, "*") && !rules.InnerHost(site) {
			h.log.Warn("public_url: not set, and browsers cannot open url", "url", u.Redacted(), "site", site,
				"remedy", "write the address of authentik that browsers use, such as public_url https://auth.example.com")
			return
		}
	}
}

// pageHost reports whether authentik is told the host of this site.
func (h *Handler) pageHost() bool {
	return h.Host == "page" || h.Host == "" && h.Login == string(proxy.LoginRelay)
}

// checkToldHosts refuses a site without host names if authentik is told the
// name: any client could invent one.
func (h *Handler) checkToldHosts() error {
	if !h.pageHost() {
		return nil
	}
	option := "host page"
	if h.Host == "" {
		option = "login relay"
	}
	return options.In(option, rules.ToldHosts(h.site.Bracketed()))
}

// toldHosts returns the hosts that authentik may be told. With site the gate
// knows them itself.
func (h *Handler) toldHosts() []string {
	if h.Site != "" {
		return nil
	}
	return h.site.Told()
}

// checkTicketHosts refuses a site without host names if its visitors sign in at
// a login host, or if it is a login host.
func (h *Handler) checkTicketHosts() error {
	switch {
	case h.LoginAt != "":
		return options.In("login at", rules.TicketHosts(h.site.Bracketed()))
	case h.LoginHost != "":
		return options.Mistakes(nil).And(options.In("login_host", rules.ToldHosts(h.site.Bracketed()))).And(h.checkPublicHost()).Err()
	}
	return nil
}

// checkPublicHost refuses a public address of a login host that is not one of its own
// addresses: browsers come there with requests that it would not know.
func (h *Handler) checkPublicHost() error {
	u, hosts := parsed(h.PublicURL), h.site.Told()
	if site := parsed(h.Site); site != nil {
		hosts = []string{site.Host}
	}
	if u == nil || slices.ContainsFunc(hosts, func(host string) bool { return rules.OriginMatches(u.Scheme, host, u.Host) }) {
		return nil
	}
	return options.In("public_url", fmt.Errorf("%q is not an address of this login host; leave it out, and if browsers reach the site there, write site %s://%s", h.PublicURL, u.Scheme, u.Host))
}

// publicURL returns authentik's address for browsers: that of the login host, if
// there is one, with authentik's own path.
func (h *Handler) publicURL() *url.URL {
	var origin *url.URL
	switch {
	case h.PublicURL != "" || h.LoginAt == "" && h.LoginHost == "":
		return parsed(h.PublicURL)
	case h.LoginAt != "":
		origin = parsed(h.LoginAt)
	case h.Site != "":
		origin = parsed(h.Site)
	case len(h.site.Hosts) > 0:
		origin = &url.URL{Scheme: "https", Host: h.site.Bracketed()[0]}
	}
	inner := parsed(h.URL)
	if origin == nil || inner == nil {
		return origin
	}
	return &url.URL{Scheme: origin.Scheme, Host: origin.Host, Path: inner.Path, RawPath: inner.RawPath}
}

// siteLabel returns the label of the handler's site in metrics: its first host
// in the configuration.
func (h *Handler) siteLabel() string {
	if len(h.site.Hosts) == 0 {
		return telemetry.AnySite
	}
	return h.site.Hosts[0]
}

// tells reports whether the application is told who the user is.
func (h *Handler) tells() bool {
	return h.LoginHost == "" && h.ForwardAuth == nil && (h.Headers.Preset != string(proxy.HeadersOff) || len(h.Headers.Own) > 0)
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
