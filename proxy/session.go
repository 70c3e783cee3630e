package proxy

import (
	"context"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// User is what authentik says about the user who is signed in.
type User = user.User

// A Session is a signed-in user. It is immutable, cheap to copy, and safe for
// concurrent use. The zero Session belongs to no user.
type Session struct{ s *session.Session }

// NewSession returns a session of a user, for tests of code that reads
// sessions. No gate accepts it.
func NewSession(u User) Session { return Session{&session.Session{User: u}} }

// User returns what authentik says about the user.
func (s Session) User() User { return s.s.User }

// Begun returns when the user signed in here.
func (s Session) Begun() time.Time { return s.s.Begun }

// Until returns when the session ends at the latest.
func (s Session) Until() time.Time { return s.s.Until }

// ID returns the session's public name, for logs. It gives access to nothing.
func (s Session) ID() string { return s.s.ID() }

// String returns the public name and the user, and no secret.
func (s Session) String() string { return s.s.String() }

// Claim returns the value of an OpenID Connect claim of the user: a text, a
// number, a boolean, a list or a map. ok is false if authentik has not sent
// that claim.
func (s Session) Claim(name string) (value any, ok bool) {
	value = user.Claim(s.s.User, name)
	return value, value != nil
}

// AccessToken returns the access token of OpenID Connect. It is empty unless
// the gate was configured to keep it.
func (s Session) AccessToken() string { return s.s.AccessToken }

// Assertion returns a signed assertion about the user, which is valid for at
// least another minute. It is empty unless Config.Assertion is set.
func (s Session) Assertion() string { return s.s.Assertion.Text() }

// SessionFrom returns the session of a request that has passed the gate. ok is
// false for a request without a session, such as one for an open path.
func SessionFrom(ctx context.Context) (s Session, ok bool) {
	found, ok := ctx.Value(session.ContextKey{}).(*session.Session)
	return Session{found}, ok
}
