// Package assertion signs assertions. An assertion is a short-lived JSON Web
// Token (RFC 7519) by which an application can verify who the visitor is, even
// if requests can reach it without the gate.
//
//   - assertion.go: the content and the lifetime of assertions
//   - keys.go: the signing keys, and when they change
package assertion

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// The lifetime of an assertion. It is sent for at most a minute after it was
// made, so an application that receives it has at least another minute.
const (
	MinLifetime     = 2 * time.Minute
	MaxLifetime     = 5 * time.Minute
	DefaultLifetime = MaxLifetime

	sentFor = time.Minute
)

// Options configure a Signer.
type Options struct {
	// Key is the gate's key, from which signing keys are derived. Gates with the
	// same key, issuer and audience have the same signing keys.
	Key seal.Key
	// Issuer is the site's origin. Audience is the recipient of the assertions.
	// Neither may come from a request.
	Issuer, Audience string
	// Lifetime is how long an assertion is valid.
	Lifetime time.Duration
	// Now is the clock.
	Now func() time.Time
}

// A Signer makes assertions. It is safe for concurrent use.
type Signer struct {
	Options

	mu   sync.Mutex
	keys map[int64]signingKey // by epoch: the keys that may be needed now
}

// New returns a signer.
func New(o Options) *Signer { return &Signer{Options: o, keys: map[int64]signingKey{}} }

// claims are the content of an assertion, under the names of OpenID Connect
// Core 1.0, 5.1.
type claims struct {
	jwt.Claims

	Username string   `json:"preferred_username"`
	Name     string   `json:"name,omitempty"`
	Email    string   `json:"email,omitempty"`
	Groups   []string `json:"groups"`
	Session  string   `json:"sid"`
}

// Sign returns a new assertion about a user with a session's public ID.
func (s *Signer) Sign(u user.User, session string) (string, error) {
	now := s.Now()
	key := s.key(epochOf(now))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key.private()}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("signing an assertion: %w", err)
	}
	groups := u.Groups
	if groups == nil {
		groups = []string{}
	}
	token, err := jwt.Signed(signer).Claims(claims{
		Claims: jwt.Claims{
			Issuer: s.Issuer, Subject: u.UID, Audience: jwt.Audience{s.Audience},
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(s.Lifetime)),
		},
		Username: u.Username, Name: u.Name, Email: u.Email, Groups: groups, Session: session,
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("signing an assertion: %w", err)
	}
	return token, nil
}

// An Assertion is the assertion for the requests of one session. It is signed
// again at most once a minute, when a request needs it.
type Assertion struct {
	signer  *Signer
	user    user.User
	session string
	made    atomic.Pointer[made]
}

type made struct {
	text string
	at   time.Time
}

// Of returns the assertion about a session's user.
func (s *Signer) Of(u user.User, session string) *Assertion {
	return &Assertion{signer: s, user: u, session: session}
}

// Text returns the assertion for a request, or an empty text if signing failed.
// A nil Assertion has no text.
func (a *Assertion) Text() string {
	if a == nil {
		return ""
	}
	now := a.signer.Now()
	if last := a.made.Load(); last != nil && !now.Before(last.at) && now.Sub(last.at) < sentFor {
		return last.text
	}
	text, err := a.signer.Sign(a.user, a.session)
	if err != nil {
		return ""
	}
	a.made.Store(&made{text, now})
	return text
}
