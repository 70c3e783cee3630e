package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/assertion"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/headers"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// assertionClaim is the claim of a header with a signed assertion.
const assertionClaim = "assertion"

// The bounds of AssertionConfig.Lifetime.
const (
	MinAssertionLifetime = assertion.MinLifetime
	MaxAssertionLifetime = assertion.MaxLifetime
)

// AssertionConfig says what signed assertions are like. An assertion is a JSON Web
// Token (RFC 7519) signed with ES256 (RFC 7518), whose issuer is Config.Site. The
// keys to verify it with are at the address jwks below the prefix (RFC 7517). They
// are derived from Config.Key and change every 30 days.
type AssertionConfig struct {
	// Audience is who the assertions are for. An application must refuse those for
	// others. Default: the issuer, followed by a slash and the slug of the
	// application if there is one.
	Audience string
	// Lifetime is how long an assertion is valid, from 2 to 5 minutes. Default: 5
	// minutes.
	Lifetime time.Duration
}

// issuer is the site as operators configure it, and never as a request says.
func (cfg Config) issuer() string { return strings.TrimSuffix(cfg.Site.String(), "/") }

// assertions returns what signs, or nil if nothing is to be signed.
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

// asserting returns what makes the assertion of a session, or nil. Like headers,
// an assertion names only the groups that the application gets.
func asserting(signer *assertion.Signer, h *headers.Headers) func(u user.User, session string) *assertion.Assertion {
	if signer == nil {
		return nil
	}
	return func(u user.User, session string) *assertion.Assertion {
		u.Groups = h.Groups(u.Groups)
		return signer.Of(u, session)
	}
}
