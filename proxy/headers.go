package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/assertion"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/headers"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// HeaderPreset names a set of headers that tell the application who the
// visitor is.
type HeaderPreset string

// The presets.
const (
	// HeadersRemote sets Remote-User, Remote-Name, Remote-Email and
	// Remote-Groups.
	HeadersRemote = HeaderPreset(headers.Remote)
	// HeadersAuthentik sets the headers that authentik's own proxy outpost
	// sends.
	HeadersAuthentik = HeaderPreset(headers.Authentik)
	// HeadersOff sets no headers.
	HeadersOff = HeaderPreset(headers.Off)
)

// The bounds of HeaderConfig.MaxSize, in bytes.
const (
	MinHeaderSize = headers.MinSize
	MaxHeaderSize = headers.MaxSize
)

// HeaderEncoding says how names are written in the values of headers. In every
// encoding, two different names look different, and one name never looks like a
// list of several.
type HeaderEncoding string

// The encodings.
const (
	// EncodingUTF8 sends UTF-8, as authentik's own outpost does. It
	// percent-encodes control characters, a separator inside a name, blanks at
	// its ends, and a percent sign before two hexadecimal digits.
	EncodingUTF8 = HeaderEncoding(headers.UTF8)
	// EncodingPercent percent-encodes everything except printable ASCII.
	EncodingPercent = HeaderEncoding(headers.Percent)
	// EncodingLatin1 is EncodingUTF8 in ISO 8859-1. A value with other
	// characters is written as with EncodingPercent.
	EncodingLatin1 = HeaderEncoding(headers.Latin1)
	// EncodingQuotedPrintable is the encoding quoted-printable of RFC 2045,
	// without line breaks.
	EncodingQuotedPrintable = HeaderEncoding(headers.QuotedPrintable)
	// EncodingRFC2047 uses the encoded words of RFC 2047 for names that need
	// them.
	EncodingRFC2047 = HeaderEncoding(headers.RFC2047)
)

// HeaderEncodings returns the names of all encodings.
func HeaderEncodings() []string { return headers.Encodings() }

// Spell returns the value of a header for one name.
func (e HeaderEncoding) Spell(name string) string { return headers.Encoding(e).Spell(name) }

// Join returns the value of a header for a list of names, separated by commas.
func (e HeaderEncoding) Join(names []string) string { return headers.Encoding(e).Join(names) }

// HeaderConfig configures the identity headers for the application. The gate
// always removes the headers of all presets from what a client sends.
type HeaderConfig struct {
	// Preset is the set to begin with. Default: HeadersRemote, or HeadersOff if Own
	// has rules.
	Preset HeaderPreset
	// Encoding is the encoding of values. Default: EncodingUTF8.
	Encoding HeaderEncoding
	// MaxSize is the maximum size of a value, in bytes, from 1 KiB to 64 KiB. A
	// header with a longer value is not sent. Default: 8 KiB.
	MaxSize int
	// Groups are patterns for the names of groups, in which * matches any
	// characters. The application gets only groups that match one of them.
	// Default: all groups.
	Groups []string
	// Additional are names of headers that HeadersAuthentik also sets, for users who
	// have them in the attribute additionalHeaders. Names that begin with
	// X-Authentik- need not be listed. It needs the scope ak_proxy. Default: none.
	Additional []string
	// Own adds headers to the preset, or replaces some of its headers. Default:
	// none.
	Own []HeaderRule
}

// A HeaderRule makes one header.
type HeaderRule struct {
	// Name is the header's name.
	Name string
	// Claim is the claim about the user that the header contains: username, name,
	// email, uid, groups, id, session, attributes.<key>, access_token, or any
	// other claim of OpenID Connect. Several values are separated by commas, or by
	// bars if the claim ends with one: groups|. It can also be assertion, with
	// Config.Assertion.
	Claim string
	// Encoding is the encoding of the value. Default: the encoding of
	// HeaderConfig.
	Encoding HeaderEncoding
	// Value computes the header's value for each request, instead of Claim.
	Value func(*http.Request, Session) string
	// Of computes the header's value once for each session, and again at each
	// recheck, instead of Claim. The session has no ID yet. If the value is
	// empty, a warning is logged.
	Of func(Session) string
}

// options converts the configuration for package headers. The session of a
// request is in its context when headers are set.
func (c HeaderConfig) options() headers.Options {
	o := headers.Options{Preset: headers.Preset(c.Preset), Encoding: headers.Encoding(c.Encoding), MaxSize: c.MaxSize, Groups: c.Groups, Additional: c.Additional}
	for _, own := range c.Own {
		rule := headers.Rule{Name: own.Name, Claim: own.Claim, Encoding: headers.Encoding(own.Encoding)}
		if own.Value != nil {
			rule.Value = func(r *http.Request) string {
				s, _ := SessionFrom(r.Context())
				return own.Value(r, s)
			}
		}
		if own.Of != nil {
			rule.Of = func(s headers.Subject) string {
				return own.Of(Session{&session.Session{User: s.User, AccessToken: s.AccessToken}})
			}
		}
		if own.Claim == assertionClaim {
			rule.Encoding = cmp.Or(rule.Encoding, headers.UTF8) // it has no effect on JSON Web Tokens
			rule.Value = func(r *http.Request) string {
				s, _ := SessionFrom(r.Context())
				return s.Assertion()
			}
		}
		o.Rules = append(o.Rules, rule)
	}
	return o
}

// headers returns the options of the gate's headers, with what the gate knows
// about the application.
func (cfg Config) headers() headers.Options {
	o := cfg.Headers.options()
	o.Application, o.BeforeAuthentik = cfg.Application, cfg.LoginHost != nil
	if cfg.OIDC.used() {
		o.ProviderKeys = cfg.Client.Root() + "application/o/" + cfg.Application + "/jwks/"
	}
	return o
}

func (c HeaderConfig) check() (errs []error) {
	for _, err := range c.options().Check() {
		errs = append(errs, fmt.Errorf("proxy: %w", err))
	}
	return errs
}

// IdentityHeaders returns the names of the headers that tell the application
// who the visitor is. In addition, users may have headers that begin with
// X-Authentik-.
func (g *Gate) IdentityHeaders() []string { return g.headers.Names() }

// IsIdentityHeader reports whether some application may read the visitor's
// identity from a header of this name. The gate removes it from each request,
// in every spelling, before it sets its own headers.
func (g *Gate) IsIdentityHeader(name string) bool { return g.headers.Protects(name) }

// assertionClaim is the claim of a header with a signed assertion.
const assertionClaim = "assertion"

// The bounds of AssertionConfig.Lifetime.
const (
	MinAssertionLifetime = assertion.MinLifetime
	MaxAssertionLifetime = assertion.MaxLifetime
)

// AssertionConfig configures signed assertions. An assertion is a JSON Web
// Token (RFC 7519) signed with ES256 (RFC 7518), whose issuer is Config.Site.
// The public keys are at the address jwks below the prefix (RFC 7517). They are
// derived from Config.Key and change every 30 days.
type AssertionConfig struct {
	// Audience is the recipient of the assertions (aud). An application must
	// refuse an assertion with another audience. Default: the issuer, followed by
	// a slash and the slug of the application if it is configured.
	Audience string
	// Lifetime is how long an assertion is valid, from 2 to 5 minutes. Default: 5
	// minutes.
	Lifetime time.Duration
}

// issuer is the site from the configuration. No request can change it.
func (cfg Config) issuer() string { return strings.TrimSuffix(cfg.Site.String(), "/") }

// assertions returns the signer of assertions, or nil if none are configured.
func (cfg Config) assertions(key seal.Key) *assertion.Signer {
	if cfg.Assertion == nil {
		return nil
	}
	audience := cfg.issuer()
	if cfg.Application != "" {
		audience += "/" + cfg.Application
	}
	return assertion.New(assertion.Options{
		Key: key, Issuer: cfg.issuer(), Audience: cmp.Or(cfg.Assertion.Audience, audience),
		Lifetime: cmp.Or(cfg.Assertion.Lifetime, assertion.DefaultLifetime), Now: cfg.Now,
	})
}

func (cfg Config) checkAssertion(wrong func(option string, err error)) {
	asked := false
	for _, own := range cfg.Headers.Own {
		asked = asked || own.Claim == assertionClaim
	}
	switch a := cfg.Assertion; {
	case a == nil && asked:
		wrong("assertion", errors.New("a header has the claim assertion; set Assertion too"))
	case a == nil:
	case cfg.Site == nil:
		wrong("assertion", errors.New("an assertion says which site it comes from; set Site too"))
	case a.Lifetime != 0 && (a.Lifetime < MinAssertionLifetime || a.Lifetime > MaxAssertionLifetime):
		wrong("assertion", fmt.Errorf("%v cannot be its lifetime; choose from %v to %v", a.Lifetime, MinAssertionLifetime, MaxAssertionLifetime))
	}
}

// asserting returns the function that makes the assertion of a session, or nil.
// Like headers, an assertion names only the groups that the application gets.
func asserting(signer *assertion.Signer, h *headers.Headers) func(u user.User, session string) *assertion.Assertion {
	if signer == nil {
		return nil
	}
	return func(u user.User, session string) *assertion.Assertion {
		u.Groups = h.Groups(u.Groups)
		return signer.Of(u, session)
	}
}
