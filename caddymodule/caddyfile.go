package caddymodule

import (
	"errors"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

func init() {
	httpcaddyfile.RegisterDirective("authentik", parseDirective)
	httpcaddyfile.RegisterDirectiveOrder("authentik", httpcaddyfile.Before, "forward_auth")
}

// parseDirective makes a route for every request of the site. The matcher
// goes to the handler and not to the route: a request that the route passed by
// could reach the application with identity headers of the client's own making.
func parseDirective(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	p := newParser(new(Handler))
	h.Next()
	set, found, err := h.MatcherToken()
	if err != nil {
		p.wrong(h.Dispenser, "%v; define it in this site, or leave it out to guard everything", err)
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
//	    host        public|page
//	    site        <origin>
//	    flow        <slug>
//	    application <slug>
//	    require     group|user|<claim> <value>...
//	    require     mfa
//	    max_age     <duration>
//	    client_id     <id>
//	    client_secret <secret>
//	    scopes        <scope>...
//	    login       page|relay|redirect
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
//	    headers remote|authentik|off {
//	        <Header> <claim-or-placeholder>
//	    }
//	    prefix <path>
//	}
//
// Several lines of require must all hold. With client_id, which needs application
// and excludes flow, visitors are known by OpenID Connect; require mfa, a claim,
// max_age, client_secret, scopes and login redirect are for that alone.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return newParser(h).directive(d, false)
}

// A parser reads one directive and gathers its mistakes.
type parser struct {
	handler  *Handler
	settings map[string]setting
	oidc     bool                // whether client_id is among the options
	more     map[string][]string // options that are no settings, by block; those of the directive under ""
	first    map[string]string   // where an option stood when it was met first; the directive under ""
	mistakes mistakes
}

func newParser(h *Handler) *parser {
	p := &parser{
		handler: h, settings: make(map[string]setting), first: make(map[string]string),
		more: map[string][]string{"": {"trust", "sessions", "require", "scopes"}, "cookie": {"persistent"}},
	}
	for _, s := range h.settings() {
		p.settings[s.name] = s
	}
	return p
}

// directive reads the whole directive. Every option is read from a copy of its
// own tokens, so that a mistake in one does not hide those in the next.
func (p *parser) directive(d *caddyfile.Dispenser, matcher bool) error {
	d.Next()
	p.first[""] = place(d)
	if matcher {
		d.NextArg()
	}
	if d.NextArg() {
		p.set(d, "url", d.Val())
	}
	if d.NextArg() {
		p.wrong(d, "%q is one value too many; write authentik [<matcher>] [<url>]", d.Val())
		d.RemainingArgs()
	}
	p.all(d)
	if p.first["url"] == "" {
		p.wrongAt("", errNoURL)
	}
	for _, c := range p.handler.contradictions(p.oidc) {
		p.wrongAt(c.option, c.err)
	}
	return p.mistakes.or()
}

// all reads the options. What some of them may say depends on client_id, which may
// stand below them.
func (p *parser) all(d *caddyfile.Dispenser) {
	var options []*caddyfile.Dispenser
	for d.NextBlock(0) {
		p.oidc = p.oidc || d.Val() == "client_id"
		options = append(options, d.NewFromNextSegment())
	}
	for _, option := range options {
		p.option(option)
	}
}

func (p *parser) option(d *caddyfile.Dispenser) {
	d.Next()
	switch name := d.Val(); name {
	case "trust":
		p.trust(d)
	case "page":
		p.block(d, name, p.pageOption)
	case "cookie":
		p.block(d, name, p.cookieOption)
	case "sessions":
		p.sessions(d)
	case "headers":
		p.headers(d)
	case "require":
		p.require(d)
	case "scopes":
		p.scopes(d)
	default:
		p.one(d, name)
	}
}

func (p *parser) trust(d *caddyfile.Dispenser) {
	if p.again(d, "trust") {
		return
	}
	p.handler.Trust = d.RemainingArgs()
	if len(p.handler.Trust) == 0 {
		p.wrong(d, "trust names no file; write trust /etc/ssl/authentik-ca.pem")
	}
	p.noBlock(d, "trust")
}

func (p *parser) scopes(d *caddyfile.Dispenser) {
	scopes := p.values(d, "scopes", 1, -1, "scopes openid profile email")
	if scopes == nil {
		return
	}
	p.handler.Scopes = scopes
	for _, err := range checkScopes(slices.DeleteFunc(slices.Clone(scopes), hasPlaceholder)) {
		p.wrong(d, "%v", err)
	}
}

func (p *parser) pageOption(d *caddyfile.Dispenser) { p.one(d, "page "+d.Val()) }

func (p *parser) cookieOption(d *caddyfile.Dispenser) {
	if d.Val() != "persistent" {
		p.one(d, "cookie "+d.Val())
		return
	}
	if p.again(d, "cookie persistent") {
		return
	}
	p.handler.Cookie.Persistent = true
	if d.NextArg() {
		p.wrong(d, "cookie persistent takes no value; write persistent alone, or leave it out")
	}
	p.noBlock(d, "cookie persistent")
}

// sessions reads the store with the reader of its own module, so that a
// third party's is written like one of ours.
func (p *parser) sessions(d *caddyfile.Dispenser) {
	if p.again(d, "sessions") {
		return
	}
	if !d.NextArg() {
		p.wrong(d, "sessions names no store; write sessions storage")
		return
	}
	name := d.Val()
	if _, err := caddy.GetModule(storesNamespace + "." + name); err != nil {
		p.wrong(d, "%v", unknownStore(name))
		return
	}
	store, err := caddyfile.UnmarshalModule(d, storesNamespace+"."+name)
	var several mistakes
	if errors.As(err, &several) {
		p.mistakes = append(p.mistakes, several...)
		return
	}
	if err != nil {
		p.mistakes = append(p.mistakes, err)
		return
	}
	p.handler.SessionsRaw = caddyconfig.JSONModuleObject(store, "store", name, nil)
}

func (p *parser) headers(d *caddyfile.Dispenser) {
	if p.again(d, "headers") {
		return
	}
	alone := true
	if d.NextArg() {
		p.set(d, "headers", d.Val())
		alone = false
	}
	if d.NextArg() {
		p.wrong(d, "headers takes one preset; write further headers in a block, each on a line of its own")
		d.RemainingArgs()
	}
	for d.NextBlock(0) {
		p.header(d.NewFromNextSegment())
		alone = false
	}
	if alone {
		p.wrong(d, "headers says nothing; write headers remote, or a block with headers of your own")
	}
}

func (p *parser) header(d *caddyfile.Dispenser) {
	d.Next()
	own := Header{Name: d.Val()}
	if p.again(d, "headers "+strings.ToLower(own.Name)) {
		return
	}
	args := d.RemainingArgs()
	if len(args) != 1 {
		p.wrong(d, "headers %s has %d values and takes one; put a text with blanks in quotes, as %s \"Bearer {env.TOKEN}\"",
			own.Name, len(args), own.Name)
		return
	}
	own.Value = args[0]
	if err := checkHeader(own, p.oidc); err != nil {
		p.wrong(d, "headers %s: %v", own.Name, err)
	}
	p.handler.Headers.Own = append(p.handler.Headers.Own, own)
	p.noBlock(d, "headers "+own.Name)
}

// Interface guard.
var _ caddyfile.Unmarshaler = (*Handler)(nil)
