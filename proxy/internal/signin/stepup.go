package signin

import (
	"errors"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// openAgain begins a visit of a user who is signed in and has to sign in again to
// meet the application's demand: with a second factor, or recently. It runs in the
// authentik session that the gate has, and the result is checked at the end. If
// that session has ended, openAgain opens an ordinary visit, since the visitor
// would have to sign in twice otherwise.
func (h *Handler) openAgain(x *exchange.Exchange, back string, s *session.Session) Outcome {
	x = x.Uncanceled()
	rec, found, err := x.Record(s)
	switch {
	case err != nil:
		return Outcome{Err: fault.From(err)}
	case !found:
		return h.Open(x, back)
	}
	v := x.Visitor(rec.Cookies)
	switch _, err := h.Client.User(x.Context(), v); {
	case errors.Is(err, authn.ErrNotSignedIn):
		return h.Open(x, back)
	case err != nil:
		return Outcome{Err: fault.From(err)}
	}
	request := h.Request(x).Again(rec.SignIn, h.Now())
	return h.begin(x, Visit{Begun: h.Now(), Back: back, Request: &request}, v)
}
