package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/identity"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// Headers are the headers that tell the application about the visitor.
type Headers struct {
	// The set of headers. `remote` is Remote-User, Remote-Name, Remote-Email and
	// Remote-Groups. `authentik` has the names and formats of authentik's own
	// proxy. `off` sets no headers. Default: `remote`, or `off` if `own` has
	// headers.
	Preset string `json:"preset,omitempty"`

	// How names are spelled in the values. `utf8` sends UTF-8 and percent-encodes
	// only what could be misread. `percent` percent-encodes all but printable
	// ASCII. `latin1` sends ISO 8859-1; a value with other characters is sent as
	// with `percent`. `quoted-printable` and `rfc2047` are the encodings of
	// e-mail. Default: `utf8`.
	Encoding string `json:"encoding,omitempty"`

	// How long a value may be, for example `16KiB`; from `1KiB` to `64KiB`. A
	// header whose value is longer is not sent. Default: `8KiB`.
	MaxSize string `json:"max_size,omitempty"`

	// Patterns for the names of groups, in which `*` matches any characters.
	// Headers name only groups that match one of them. Default: all groups.
	GroupsOnly []string `json:"groups_only,omitempty"`

	// Names of further headers that the preset `authentik` sets, for users who
	// have them in the attribute `additionalHeaders` at authentik. Headers that
	// begin with `X-Authentik-` need not be listed; others are removed from all
	// requests. Needs `client_id` and the scope `ak_proxy`. Default: none.
	Additional []string `json:"additional,omitempty"`

	// Your own headers. They are added to the set, and replace a header of the
	// same name in it.
	Own []Header `json:"own,omitempty"`
}

// Header is one of your own headers.
type Header struct {
	// The name of the header, for example `X-Forwarded-User`.
	Name string `json:"name"`

	// A claim, or a text with placeholders. The claims are `username`, `name`,
	// `email`, `uid`, `groups`, `session` and `assertion`; with `client_id` also
	// `access_token` and the claims of OpenID Connect about the user, and with
	// the scope `ak_proxy` also `attributes.KEY`.
	Value string `json:"value"`

	// How names are spelled in this header. Default: the encoding of all headers.
	Encoding string `json:"encoding,omitempty"`

	// expanded says that placeholders in Value were replaced. Then it is a text,
	// even if no placeholder is left.
	expanded bool
}

// Assertion is a signed statement about the user, which the application can
// verify: a JSON Web Token of the site (`iss` is `site`) with `aud`, `sub`, `exp`,
// `preferred_username`, `name`, `email`, `groups` and `sid`. The keys are at
// `/.authentik/jwks`.
type Assertion struct {
	// The audience, as the application expects it in `aud`. Default: `site`,
	// followed by a slash and `application` if there is one.
	Audience string `json:"audience,omitempty"`

	// How long an assertion is valid, from `2m` to `5m`. Default: `5m`.
	Lifetime string `json:"lifetime,omitempty"`
}

// isText reports whether the value is a text with placeholders. Otherwise it is
// a claim.
func (own Header) isText() bool { return own.expanded || strings.Contains(own.Value, "{") }

// config returns the configuration of the gate's headers. The options have been
// checked.
func (hs Headers) config(further ...proxy.HeaderRule) proxy.HeaderConfig {
	size, _ := humanize.ParseBytes(hs.MaxSize)
	preset := hs.Preset
	if preset == "" && len(hs.Own) == 0 {
		preset = string(proxy.HeadersRemote) // even if there are own headers
	}
	return proxy.HeaderConfig{
		Preset: proxy.HeaderPreset(preset), Encoding: proxy.HeaderEncoding(hs.Encoding),
		MaxSize: int(size), Groups: hs.GroupsOnly, Additional: hs.Additional, Own: append(hs.rules(), further...), //nolint:gosec // at most MaxHeaderSize
	}
}

// rules returns the operator's headers for the gate.
func (hs Headers) rules() []proxy.HeaderRule {
	all := make([]proxy.HeaderRule, 0, len(hs.Own))
	for _, own := range hs.Own {
		all = append(all, hs.rule(own))
	}
	return all
}

// rule returns one header for the gate. The gate prepares claims once for each
// session, and computes texts for each request. It also computes the access
// token for each request, since the token is renewed during a session.
// Credentials are encoded only if the header's own line asks for it:
// quoted-printable, for example, would change "=".
func (hs Headers) rule(own Header) proxy.HeaderRule {
	rule := proxy.HeaderRule{Name: own.Name, Encoding: proxy.HeaderEncoding(own.Encoding)}
	switch claim := own.claim(); claim {
	case "":
		rule.Value = identity.Text(own.Value, hs.groups)
		if strings.EqualFold(own.Name, "Authorization") && rule.Encoding == "" {
			rule.Encoding = proxy.EncodingUTF8
		}
	case identity.TokenClaim:
		rule.Value = func(_ *http.Request, s proxy.Session) string { return s.AccessToken() }
		if rule.Encoding == "" {
			rule.Encoding = proxy.EncodingUTF8
		}
	default:
		rule.Claim = claim
	}
	return rule
}

// claim returns the claim in the value, which may also be a placeholder of the
// user. For other texts it returns nothing.
func (own Header) claim() string {
	if !own.isText() {
		return own.Value
	}
	return identity.Claim(own.Value)
}

// needsToken reports whether the header contains the access token.
func (own Header) needsToken() bool { return own.contains(identity.TokenClaim) }

// needsAssertion reports whether the header contains a signed assertion.
func (own Header) needsAssertion() bool { return own.contains(identity.AssertionClaim) }

func (own Header) contains(claim string) bool {
	return own.claim() == claim || identity.Contains(own.Value, claim)
}

// groups returns the groups of a user that headers name.
func (hs Headers) groups(all []string) []string {
	if len(hs.GroupsOnly) == 0 {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(group string) bool {
		return !rules.MatchesAny(hs.GroupsOnly, group)
	})
}

func (p *parser) headers(d *caddyfile.Dispenser) {
	if p.Repeated(d, "headers") {
		return
	}
	empty := true
	if d.NextArg() {
		p.Set(d, "headers", d.Val())
		empty = false
	}
	if d.NextArg() {
		p.Wrong(d, "headers takes one preset; write further headers in a block, each on a separate line")
		d.RemainingArgs()
	}
	for d.NextBlock(0) {
		p.headersOption(d.NewFromNextSegment())
		empty = false
	}
	if empty {
		p.Wrong(d, "headers has no value; write headers remote, or a block with headers of your own")
	}
}

// headersOption reads one line of the block. Words in lower case that are not
// options are names of headers.
func (p *parser) headersOption(d *caddyfile.Dispenser) {
	d.Next()
	switch name := d.Val(); name {
	case "encoding", "max_size":
		p.One(d, "headers "+name)
	case "groups":
		p.groups(d)
	case "additional":
		p.additional(d)
	default:
		p.header(d)
	}
}

func (p *parser) groups(d *caddyfile.Dispenser) {
	words := p.Values(d, "headers groups only", 2, -1, "groups only app-* staff")
	if words == nil {
		return
	}
	if words[0] != "only" {
		p.Wrong(d, "headers groups: %q is not known; write groups only, and patterns such as app-*", words[0])
		return
	}
	p.handler.Headers.GroupsOnly = words[1:]
	for _, pattern := range words[1:] {
		if err := rules.GroupPattern(pattern); err != nil && !options.HasPlaceholder(pattern) {
			p.Wrong(d, "headers groups only: %v", err)
		}
	}
}

func (p *parser) additional(d *caddyfile.Dispenser) {
	names := p.Values(d, "headers additional", 1, -1, "additional X-Tenant X-Role")
	p.handler.Headers.Additional = names
	if err := p.handler.Headers.checkAdditional(p.source); err != nil {
		p.Wrong(d, "headers additional: %v", err)
	}
}

// header reads one of the operator's headers.
func (p *parser) header(d *caddyfile.Dispenser) {
	own := Header{Name: d.Val()}
	if p.Repeated(d, "headers "+strings.ToLower(own.Name)) {
		return
	}
	args := d.RemainingArgs()
	if len(args) != 1 {
		p.Wrong(d, "headers %s has %d values and takes one; put a text with blanks in quotes, as %s \"Bearer {env.TOKEN}\"",
			own.Name, len(args), own.Name)
		return
	}
	own.Value = args[0]
	p.headerBlock(d, &own)
	if err := checkHeader(own, p.source); err != nil {
		p.Wrong(d, "headers %s: %v", own.Name, err)
	}
	p.handler.Headers.Own = append(p.handler.Headers.Own, own)
}

// headerBlock reads the options of one header.
func (p *parser) headerBlock(d *caddyfile.Dispenser, own *Header) {
	for d.NextBlock(0) {
		if d.Val() != "encoding" {
			p.Wrong(d, "headers %s: unrecognized option %s; write encoding, or leave the block out", own.Name, d.Val())
			d.RemainingArgs()
			continue
		}
		args := d.RemainingArgs()
		if len(args) != 1 || own.Encoding != "" {
			p.Wrong(d, "headers %s: encoding takes one value, once; write for example: encoding latin1", own.Name)
			continue
		}
		own.Encoding = args[0]
	}
}

func (h *Handler) expandAdditional(source rules.Source) options.Mistakes {
	if wrong := options.ExpandAll("headers additional", h.Headers.Additional); wrong != nil {
		return wrong
	}
	return options.Mistakes(nil).And(options.In("headers additional", h.Headers.checkAdditional(source)))
}

// expand replaces the placeholders that are the same for every request.
func (own *Header) expand(source rules.Source) error {
	value, err := options.ExpandLasting(own.Value)
	if err != nil {
		return err
	}
	own.Value, own.expanded = value, own.isText()
	if err := options.Expand(&own.Encoding); err != nil {
		return options.In("encoding", err)
	}
	return checkHeader(*own, source)
}

// checkHeader checks a header that the operator has added.
func checkHeader(own Header, source rules.Source) error {
	if err := rules.HeaderName(own.Name); err != nil {
		return err
	}
	if own.Encoding != "" && !options.HasPlaceholder(own.Encoding) {
		if err := options.In("encoding", checkEncoding(own.Encoding)); err != nil {
			return err
		}
	}
	switch {
	case own.Value == "":
		return errors.New("it has no value; write a claim, such as username, or a text with placeholders")
	case slices.Contains([]string{"{username}", "{name}", "{email}", "{uid}", "{groups}"}, own.Value):
		return fmt.Errorf("%s is not a placeholder; write %s without braces, or {http.auth.user.%[2]s}", own.Value, strings.Trim(own.Value, "{}"))
	case own.isText():
		return identity.CheckPlaceholders(own.Value, source)
	}
	return source.Claim(own.Value)
}

// checkAdditional checks the names of headers that attributes of users set.
func (hs Headers) checkAdditional(source rules.Source) error {
	for _, name := range hs.Additional {
		if options.HasPlaceholder(name) {
			continue
		}
		if err := rules.HeaderName(name); err != nil {
			return err
		}
	}
	switch {
	case len(hs.Additional) == 0:
		return nil
	case hs.Preset != string(proxy.HeadersAuthentik) && !options.HasPlaceholder(hs.Preset):
		return errors.New("these are headers of authentik's own proxy; write headers authentik, or a line such as: X-Tenant attributes.additionalHeaders.X-Tenant")
	}
	return source.Claim("attributes.additionalHeaders")
}
