package caddymodule

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// The pages on which visitors sign in at a login host: authentik's own, or the
// gate's.
const (
	loginHostAuthentik = "authentik"
	loginHostPage      = "page"
)

// loginPage makes visitors sign in on the gate's page, even if there is
// login_at.
const loginPage = "page"

// pageOr is the beginning of the value for gates whose visitors sign in on the
// page or at a login host.
func (h *Handler) pageOr() string {
	if h.LoginAt != "" && h.Login == loginPage {
		return "page or "
	}
	return ""
}

// login reads how visitors sign in on this site, or at which login host they
// do.
func (p *parser) login(d *caddyfile.Dispenser) {
	args, how := d.RemainingArgs(), "login"
	if len(args) > 2 && args[0] == loginPage && args[1] == "or" {
		args, how = args[2:], "login page or"
	}
	if len(args) == 0 || args[0] != "at" {
		d.Reset()
		d.Next()
		p.One(d, "login")
		return
	}
	if p.Repeated(d, "login") {
		return
	}
	if how != "login" {
		p.handler.Login = loginPage
	}
	args = args[1:]
	defer p.NoBlock(d, how+" at")
	if len(args) != 1 || args[0] == "" {
		p.Wrong(d, "%s at has %d values and takes one; write for example: %s at https://auth.example.com", how, len(args), how)
		return
	}
	p.handler.LoginAt = args[0]
	if options.HasPlaceholder(args[0]) {
		return
	}
	if err := rules.LoginOrigin(args[0]); err != nil {
		p.Wrong(d, "login at: %v", err)
	}
}

// loginHost reads that the site is a login host.
func (p *parser) loginHost(d *caddyfile.Dispenser) {
	if p.matched {
		p.Wrong(d, "login_host is for the whole site; leave the matcher of the directive out")
	}
	if p.Repeated(d, "login_host") {
		return
	}
	p.handler.LoginHost = loginHostAuthentik
	if d.NextArg() {
		p.Wrong(d, "login_host takes no value; write login_host without one, or login_host { page } for the gate's own pages")
		d.RemainingArgs()
	}
	for d.NextBlock(0) {
		if d.Val() != loginHostPage || d.NextArg() {
			p.Wrong(d, "unrecognized option login_host %s; write page, or leave it out", d.Val())
			d.RemainingArgs()
			continue
		}
		p.handler.LoginHost = loginHostPage
	}
}

// expandLoginHost replaces placeholders, and checks the results.
func (h *Handler) expandLoginHost() (wrong options.Mistakes) {
	if h.LoginHost != "" {
		wrong = wrong.And(options.In("login_host", options.OneOf(loginHostAuthentik, loginHostPage)(h.LoginHost)))
	}
	if h.LoginAt == "" {
		return wrong
	}
	err := options.Expand(&h.LoginAt)
	if err == nil {
		err = rules.LoginOrigin(h.LoginAt)
	}
	return wrong.And(options.In("login at", err))
}

// checkLoginHost returns the options that contradict a login host, or a gate
// whose visitors sign in at one.
func (h *Handler) checkLoginHost(openID bool) (all []rules.Conflict) {
	if h.LoginHost != "" {
		all = append(all, h.besideLoginHost(openID)...)
	}
	if h.LoginAt != "" {
		all = append(all, h.besideLoginAt(openID)...)
	}
	if h.StepUp != "" && h.LoginHost == "" {
		all = append(all, rules.Conflict{Option: "step_up", Err: errors.New(
			"step_up has no effect without login_host; write it at the site that has login_host")})
	}
	return all
}

// given is an option, and whether it is given.
type given struct {
	option string
	given  bool
}

// besideLoginHost returns the options that a login host cannot have.
func (h *Handler) besideLoginHost(openID bool) (all []rules.Conflict) {
	for _, o := range []given{
		{"application", h.Application != ""},
		{"require", len(h.Require) > 0},
		{"require mfa", h.RequireMFA},
		{"max_age", h.MaxAge != ""},
		{"open", h.OpenRaw != nil},
		{"only", h.MatcherSetsRaw != nil},
		{"on", len(h.On) > 0},
		{"preflight", h.Preflight},
		{"clients", len(h.Clients.Schemes) > 0},
		{"client_id", openID},
		{"headers", h.Headers.Preset != "" || len(h.Headers.Own) > 0},
		{"sign_on form", h.SignOn != SignOn{}},
		{"sign_out", len(h.SignOut) > 0},
		{"late_forms", len(h.LateForms) > 0},
		{"app_cookies", len(h.AppCookies) > 0},
		{"clear_site_data", len(h.ClearSiteData) > 0},
		{"cookie domain", h.Cookie.Domain != ""},
		{"forward_auth", h.ForwardAuth != nil},
	} {
		if o.given {
			all = append(all, rules.Conflict{Option: placeOf(o.option), Err: fmt.Errorf(
				"%s has no effect with login_host, which guards nothing: authentik is behind it; leave it out, and write it at the sites that have login at", o.option)})
		}
	}
	for _, o := range []given{{"login", h.Login != "" || h.LoginAt != ""}, {"host", h.Host != ""}} {
		if o.given {
			all = append(all, rules.Conflict{Option: o.option, Err: fmt.Errorf(
				"%s cannot be used with login_host: visitors of other sites sign in here, at authentik's own host; leave %[1]s out", o.option)})
		}
	}
	return all
}

// placeOf returns the option whose place in a Caddyfile is reported for a
// mistake. For an option that can be given several times it is the directive.
func placeOf(option string) string {
	if slices.Contains([]string{"require", "on", "app_cookies"}, option) {
		return ""
	}
	return option
}

// besideLoginAt returns the options that belong to the login host instead.
func (h *Handler) besideLoginAt(openID bool) (all []rules.Conflict) {
	wrong := func(option, text string) {
		all = append(all, rules.Conflict{Option: option, Err: errors.New(text)})
	}
	page := h.pageOr() != ""
	switch {
	case page && h.Flow != "":
		wrong("flow", "flow cannot be used with login page or at, as the login host has its own flow; leave one of them out")
	case h.Flow != "":
		wrong("flow", "flow cannot be used with login at, as visitors sign in at the login host; write flow at the site that has login_host")
	}
	if openID {
		wrong("client_id", "client_id cannot be used with login at, which needs no provider; leave client_id out, or write login redirect instead of login at")
	}
	if h.Login != "" && !page {
		wrong("login", "login "+h.Login+" cannot be used together with login at; keep one of them")
	}
	if h.Host != "" && !page {
		wrong("host", "host cannot be used with login at: authentik is told the host of the login host; leave host out")
	}
	if there := h.belowLoginHost(); h.PublicURL != "" && strings.TrimSuffix(h.PublicURL, "/") != there {
		wrong("public_url", "public_url is that of the login host; leave it out, or write public_url "+there)
	}
	return all
}

// belowLoginHost returns authentik's address at the login host, without a final slash.
func (h *Handler) belowLoginHost() string {
	path := ""
	if inner := parsed(h.URL); inner != nil {
		path = inner.EscapedPath()
	}
	return strings.TrimSuffix(strings.TrimSuffix(h.LoginAt, "/")+path, "/")
}

// loginHostConfig returns the gate's configuration from the checked options.
func (h *Handler) loginHostConfig() *proxy.LoginHostConfig {
	if h.LoginHost == "" {
		return nil
	}
	return &proxy.LoginHostConfig{Page: h.LoginHost == loginHostPage, StepUp: h.StepUp}
}

// loginAt returns the origin of the login host, or nil.
func (h *Handler) loginAt() *url.URL { return parsed(strings.TrimSuffix(h.LoginAt, "/")) }
