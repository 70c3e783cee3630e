package caddymodule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/advice"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/pagefile"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/transport"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

func init() {
	httpcaddyfile.RegisterDirective("authentik", parseDirective)
	httpcaddyfile.RegisterDirectiveOrder("authentik", httpcaddyfile.Before, "forward_auth")
}

// parseDirective makes a route for every request of the site. The matcher
// belongs to the handler: a request that the route does not match would reach
// the application with identity headers from the client.
func parseDirective(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	p := newParser(new(Handler))
	p.named = func(name string) (caddy.ModuleMap, error) {
		one := h
		one.Dispenser = caddyfile.NewDispenser([]caddyfile.Token{{File: h.File(), Line: h.Line(), Text: name}})
		set, _, err := one.MatcherToken()
		return set, err
	}
	h.Next()
	set, found, err := h.MatcherToken()
	if err != nil {
		p.Wrong(h.Dispenser, "%v; define it in this site, or leave it out to guard everything", err)
	}
	h.Reset()
	if err := p.directive(h.Dispenser, found || err != nil); err != nil {
		return nil, err
	}
	if set != nil {
		p.handler.MatcherSetsRaw = append(p.handler.MatcherSetsRaw, set)
	}
	return h.NewRoute(nil, p.handler), nil
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens, without a
// matcher:
//
//	authentik [<url>] {
//	    url         <url>
//	    public_url  <url>
//	    trust       <pem-file>...
//	    pin         <sha256>
//	    tls_name    <host>
//	    host        public|page
//	    site        <origin>
//	    flow        <slug>
//	    application <slug>
//	    require     group|user|<claim> <value>...
//	    require     mfa
//	    max_age     <duration>
//	    open        <path|@matcher>...
//	    only        <path|@matcher>...
//	    on          <path|@matcher>... {
//	        require group|user|<claim> <value>...
//	        require mfa
//	        max_age <duration>
//	        open
//	    }
//	    preflight
//	    clients     basic|bearer... {
//	        bearer <client_id>...
//	        trust_bindings
//	        pass
//	    }
//	    client_id     <id>
//	    client_secret <secret>
//	    scopes        <scope>...
//	    sign_out_back
//	    login       page|relay|redirect
//	    login at    <origin>
//	    login page or at <origin>
//	    login_host {
//	        page
//	    }
//	    step_up     <flow>
//	    page {
//	        title <text>
//	        logo  <url>
//	        style <file.css>
//	        templates <dir>
//	        language <tag>
//	    }
//	    lifetime <duration>
//	    idle     <duration>
//	    recheck  <duration>
//	    grace    <duration>
//	    max_per_user <number>
//	    sessions <store>
//	    key      <secret>
//	    cookie {
//	        name   <name>
//	        domain <domain>
//	        persistent
//	    }
//	    app_cookies <name> [path <path>] [domain <domain>]
//	    clear_site_data storage|cache...
//	    late_forms <path>...
//	    cache private|off
//	    headers remote|authentik|off {
//	        encoding utf8|percent|latin1|quoted-printable|rfc2047
//	        max_size <size>
//	        groups   only <pattern>...
//	        additional <Header>...
//	        <Header> <claim-or-placeholder> {
//	            encoding utf8|percent|latin1|quoted-printable|rfc2047
//	        }
//	    }
//	    sign_on form {
//	        page     <path>
//	        post     <path>
//	        user     <field> <text>
//	        password <field> <text>
//	        cookies  <pattern>...
//	        ok       not_page|redirect
//	    }
//	    sign_on basic {
//	        user     <text>
//	        password <text>
//	    }
//	    sign_out <path>...
//	    assertion {
//	        audience <text>
//	        lifetime <duration>
//	    }
//	    audit
//	    debug <group>
//	    forward_auth {
//	        from <network> nginx|traefik|haproxy|envoy|caddy
//	        site <host>... [application <slug>]
//	    }
//	    prefix <path>
//	}
//
// All lines of require must hold. client_id turns on OpenID Connect: it needs
// application and excludes flow. These options need client_id: require with a claim,
// client_secret, scopes, clients bearer, sign_out_back and login redirect. Visitors
// sign in at authentik's own pages with login at, which names a site with login_host.
// max_age and require mfa need client_id or login at, and require mfa then a step_up
// at the login host.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return newParser(h).directive(d, false)
}

// A parser reads one directive into a handler.
type parser struct {
	*options.Parser
	handler *Handler
	source  rules.Source // known before the options are read
	// named returns a matcher of the site by its name. It is nil outside of
	// sites.
	named   func(name string) (caddy.ModuleMap, error)
	matched bool     // whether the directive has a matcher
	words   []string // the option that is being read, with its matchers
}

// otherOptions are the options without a Setting, by their block.
var otherOptions = map[string][]string{
	"":             {"trust", "login_host", "sessions", "require", "scopes", "sign_out_back", "open", "only", "on", "preflight", "clients", "app_cookies", "clear_site_data", "late_forms", "sign_on", "sign_out", "audit", "forward_auth"},
	"forward_auth": {"from", "site"}, "cookie": {"persistent"}, "headers": {"groups", "additional"},
}

func newParser(h *Handler) *parser {
	p := options.NewParser(h.settings(), otherOptions)
	p.Instead, p.Related = advice.OtherTool, advice.Related
	return &parser{Parser: p, handler: h}
}

// directive reads the whole directive. Every option is read from a copy of its
// tokens, so that a mistake in one does not hide mistakes in the next.
func (p *parser) directive(d *caddyfile.Dispenser, matcher bool) error {
	d.Next()
	p.Start(d)
	if p.matched = matcher; matcher {
		d.NextArg()
	}
	if d.NextArg() {
		p.Set(d, "url", d.Val())
	}
	if d.NextArg() {
		p.Wrong(d, "%q is one value too many; write authentik [<matcher>] [<url>]", d.Val())
		d.RemainingArgs()
	}
	p.options(d)
	if !p.Given("url") {
		p.WrongAt("", errNoURL)
	}
	for _, c := range p.handler.conflicts(p.source.OpenID) {
		p.WrongAt(c.Option, c.Err)
	}
	for _, r := range p.handler.On {
		for _, err := range r.check(p.handler, p.source.OpenID) {
			p.WrongAt(r.name, fmt.Errorf("%s: %w", r.name, err))
		}
	}
	if p.Failed() {
		p.surroundings()
	}
	return p.Err()
}

// surroundings adds the mistakes in files and placeholders if there are others.
// Alone they are no reason to refuse a Caddyfile, which may be adapted on
// another machine than the one that uses it. Provision finds them there.
func (p *parser) surroundings() {
	for _, s := range p.handler.settings() {
		if value := *s.Value; options.HasPlaceholder(value) {
			if err := options.In(s.Name, s.Expand()); err != nil {
				p.WrongAt(s.Name, err)
			}
			*s.Value = value
		}
	}
	page := pagefile.Page(p.handler.Page)
	if options.HasPlaceholder(page.Style) || pagefile.CheckStyle(page.Style) != nil {
		page.Style = ""
	}
	if options.HasPlaceholder(page.Templates) || pagefile.CheckTemplates(page.Templates) != nil {
		page.Templates = ""
	}
	_, mistakes := page.Read()
	for _, err := range mistakes {
		p.WrongAt(optionOf(err), err)
	}
	trust := slices.DeleteFunc(slices.Clone(p.handler.Trust), options.HasPlaceholder)
	if err := transport.Check(trust); err != nil {
		for _, err := range options.Mistakes(nil).And(err) {
			p.WrongAt(optionOf(err), err)
		}
	}
}

// optionOf returns the option at the beginning of a mistake's text.
func optionOf(mistake error) string {
	option, _, _ := strings.Cut(mistake.Error(), ":")
	return option
}

// options reads the block. The checks of some values depend on client_id and
// scopes, which may be below them.
func (p *parser) options(d *caddyfile.Dispenser) {
	var segments []*caddyfile.Dispenser
	for d.NextBlock(0) {
		segment := d.NewFromNextSegment()
		p.lookAhead(segment)
		segments = append(segments, segment)
	}
	for _, segment := range segments {
		p.option(segment)
	}
}

// lookAhead notes the options on which the checks of others depend.
func (p *parser) lookAhead(d *caddyfile.Dispenser) {
	d.Next()
	switch d.Val() {
	case "client_id":
		p.source.OpenID = true
	case "scopes":
		p.source.Scopes = d.RemainingArgs()
		if slices.ContainsFunc(p.source.Scopes, options.HasPlaceholder) {
			p.source.Scopes = append(p.source.Scopes, rules.AttributeScope) // expand knows the value
		}
	}
	d.Reset()
}

func (p *parser) option(d *caddyfile.Dispenser) {
	d.Next()
	switch name := d.Val(); name {
	case "trust":
		p.trust(d)
	case "login":
		p.login(d)
	case "login_host":
		p.loginHost(d)
	case "page":
		p.Block(d, name, func(d *caddyfile.Dispenser) { p.One(d, "page "+d.Val()) })
	case "assertion":
		p.Block(d, name, func(d *caddyfile.Dispenser) { p.One(d, "assertion "+d.Val()) })
	case "sign_on":
		p.signOn(d)
	case "sign_out":
		p.signOut(d)
	case "cookie":
		p.Block(d, name, p.cookieOption)
	case "sessions":
		p.sessions(d)
	case "headers":
		p.headers(d)
	case "app_cookies":
		p.appCookies(d)
	case "forward_auth":
		p.forwardAuth(d)
	case "late_forms":
		p.lateForms(d)
	case "clear_site_data":
		p.clearSiteData(d)
	case "require":
		p.require(d)
	case "sign_out_back":
		p.flag(d, "sign_out_back", &p.handler.SignOutBack)
	case "clients":
		p.clients(d)
	case "audit":
		p.flag(d, "audit", &p.handler.Audit)
	case "preflight":
		p.flag(d, "preflight", &p.handler.Preflight)
	case "scopes":
		p.scopes(d)
	case "open":
		p.open(d)
	case "only":
		p.only(d)
	case "on":
		p.on(d)
	default:
		p.One(d, name)
	}
}

// flag reads an option without a value.
func (p *parser) flag(d *caddyfile.Dispenser, option string, set *bool) {
	word := d.Val()
	if p.Repeated(d, option) {
		return
	}
	*set = true
	if d.NextArg() {
		p.Wrong(d, "%s takes no value; write %s without one, or leave it out", option, word)
	}
	p.NoBlock(d, option)
}

// Interface guard.
var _ caddyfile.Unmarshaler = (*Handler)(nil)
