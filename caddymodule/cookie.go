package caddymodule

import (
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/gates"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// Cookie is the session cookie.
type Cookie struct {
	// The name, without the prefix `__Host-` or `__Secure-`, which the handler
	// adds. Default: `authentik_gate`.
	Name string `json:"name,omitempty"`

	// The domain whose hosts all share one session, for example `example.com`.
	// The site's host must lie below it, and it cannot be a public suffix such
	// as `co.uk` or `duckdns.org`. Default: the session is for this host only.
	Domain string `json:"domain,omitempty"`

	// Whether the cookie is kept when the browser is closed, up to `lifetime`.
	// Default: it is not.
	Persistent bool `json:"persistent,omitempty"`
}

// AppCookie is a cookie of the application.
type AppCookie struct {
	// The name, with the prefix `__Host-` or `__Secure-` if it has one.
	Name string `json:"name"`

	// The path that the application sets it with. Default: `/`.
	Path string `json:"path,omitempty"`

	// The domain that the application sets it with. Default: none.
	Domain string `json:"domain,omitempty"`
}

func (p *parser) cookieOption(d *caddyfile.Dispenser) {
	if d.Val() != "persistent" {
		p.One(d, "cookie "+d.Val())
		return
	}
	p.flag(d, "cookie persistent", &p.handler.Cookie.Persistent)
}

// appCookies reads one line: a name, and the path and the domain after the
// words path and domain. Each cookie has a separate line.
func (p *parser) appCookies(d *caddyfile.Dispenser) {
	words := d.RemainingArgs()
	p.NoBlock(d, "app_cookies")
	if len(words)%2 == 0 {
		p.Wrong(d, "app_cookies has %d values; write for example: app_cookies sid path /app", len(words))
		return
	}
	c := AppCookie{Name: words[0]}
	for pair := range slices.Chunk(words[1:], 2) {
		switch into := map[string]*string{"path": &c.Path, "domain": &c.Domain}[pair[0]]; {
		case into == nil:
			p.Wrong(d, "app_cookies: %q is not known; write path or domain%s", pair[0], rules.Suggest(pair[0], []string{"path", "domain"}))
		case *into != "":
			p.Wrong(d, "app_cookies: %s is given twice; keep one of them", pair[0])
		default:
			*into = pair[1]
		}
	}
	if slices.Contains(p.handler.AppCookies, c) {
		p.Wrong(d, "app_cookies: %s is given twice; keep one of them", c.Name)
	}
	p.handler.AppCookies = append(p.handler.AppCookies, c)
	if !slices.ContainsFunc(words, options.HasPlaceholder) {
		if err := c.check(p.handler.Cookie.Name); err != nil {
			p.Wrong(d, "app_cookies: %v", err)
		}
	}
}

func (p *parser) clearSiteData(d *caddyfile.Dispenser) {
	p.handler.ClearSiteData = p.Values(d, "clear_site_data", 1, 2, "clear_site_data storage")
	for _, what := range p.handler.ClearSiteData {
		if err := checkSiteData(what); err != nil && !options.HasPlaceholder(what) {
			p.Wrong(d, "clear_site_data: %v", err)
		}
	}
}

// checkSiteData checks which data browsers clear. "cookies" is not allowed: it
// would end the sessions of the gate, of authentik and of all other hosts below
// the same registrable domain.
func checkSiteData(what string) error { return options.OneOf("storage", "cache")(what) }

func (c AppCookie) check(gate string) error {
	if gate == "" {
		gate = "authentik_gate"
	}
	return rules.AppCookie(c.Name, c.Path, c.Domain, gate)
}

// expandChange replaces the placeholders in the options for a change of the
// user.
func (h *Handler) expandChange() (wrong options.Mistakes) {
	for i := range h.AppCookies {
		c := &h.AppCookies[i]
		for _, value := range []*string{&c.Name, &c.Path, &c.Domain} {
			if *value != "" {
				wrong = wrong.And(options.In("app_cookies", options.Expand(value)))
			}
		}
		wrong = wrong.And(options.In("app_cookies", c.check(h.Cookie.Name)))
	}
	wrong = append(wrong, options.ExpandAll("clear_site_data", h.ClearSiteData)...)
	for _, what := range h.ClearSiteData {
		wrong = wrong.And(options.In("clear_site_data", checkSiteData(what)))
	}
	return wrong
}

// appCookies returns the cookies for the gate.
func (h *Handler) appCookies() (all []proxy.AppCookie) {
	for _, c := range h.AppCookies {
		all = append(all, proxy.AppCookie(c))
	}
	return all
}

// sessionCookie returns the properties by which browsers distinguish the
// handler's session cookie from others.
func (h *Handler) sessionCookie() gates.Cookie {
	c := gates.Cookie{
		Name: h.Cookie.Name, Flow: h.Flow + h.pageOr() + h.LoginAt, Client: h.ClientID, Domain: h.Cookie.Domain,
		Store: h.storeName, Authentik: h.URL + " " + h.PublicURL,
	}
	if c.Domain == "" {
		c.Hosts = h.site.Hosts
	}
	return c
}
