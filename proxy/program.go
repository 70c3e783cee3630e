package proxy

import (
	"errors"
	"net/http"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/access"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// awayRetry is how long programs are told to wait while authentik cannot be asked.
const awayRetry = 15 * time.Second

var errSeveral = errors.New("there are several Authorization headers, and servers disagree on which of them counts")

// decideProgram says what is to be done with a request that shows a credential, as
// far as that is known. It only reads. Without the credential, the request may pass
// as unasked says.
func (g *Gate) decideProgram(x *exchange.Exchange, needs access.Needs, unasked open, passes bool) decision {
	known := x.Standing()
	switch {
	case known.Session != nil:
		x.Trace.Note("the credential in Authorization is that of a known program")
		v := g.access.Check(known.Session, needs, x.Trace)
		if v == (exchange.Verdict{}) {
			return try{unasked, passes}
		}
		return orUnasked(decided(v, known.Session), unasked, passes)
	case known.Foreign && passes:
		x.Trace.Note("the credential in Authorization is the application's own")
		return unasked
	case known.Refused, !passes && !x.Credential.Valid():
		x.Trace.Note("authentik has refused the credential in Authorization a moment ago, or it is none")
		return refuse{fault.New(fault.SignInRequired, nil)}
	default:
		x.Trace.Note("authentik is asked whether the credential in Authorization is good")
		return try{unasked, passes}
	}
}

// orUnasked returns the decision about a request whose credential is good, or was.
// No request is refused that may pass without one, but an application that is not told
// who comes does not get the credential either.
func orUnasked(d decision, unasked open, passes bool) decision {
	if _, admitted := d.(pass); admitted || !passes {
		return d
	}
	unasked.hidden = true
	return unasked
}

// settleProgram asks authentik about the credential of a request. One that is not
// good may be the application's own where a request needs none, and passes with it.
func (g *Gate) settleProgram(x *exchange.Exchange, d try) decision {
	s, err := x.TryCredential()
	switch {
	case err == nil:
		return orUnasked(decided(g.access.CheckConfirmed(s, access.Needs(x.Needs)), s), d.unasked, d.passes)
	case s != nil:
		return orUnasked(decided(g.access.CheckUnreachable(s, access.Needs(x.Needs), err), s), d.unasked, d.passes)
	case d.passes:
		return d.unasked
	case errors.Is(err, authn.ErrNotSignedIn):
		return refuse{fault.New(fault.SignInRequired, err)}
	}
	e := fault.From(err)
	if e.RetryAfter == 0 && e.Status == http.StatusServiceUnavailable {
		e.RetryAfter = awayRetry
	}
	return refuse{e}
}

// follow returns the context in which a request of a session runs. A session that
// a cookie has opened is used by it.
func (g *Gate) follow(x *exchange.Exchange, r *http.Request, s *session.Session) *session.Stream {
	if s.IsProgram() {
		return g.followProgram(x, r, s)
	}
	value, ok := x.CookieOf(s)
	if ok && !g.sessions.Fresh(s) {
		g.sessions.Touch(value, x.At.Host, s)
	}
	return g.sessions.Follow(r.Context(), x.W, value, x.At.Host, s, x.Needs)
}

// followProgram returns the context in which the request of a program runs. It ends
// if authentik refuses the credential meanwhile.
func (g *Gate) followProgram(x *exchange.Exchange, r *http.Request, s *session.Session) *session.Stream {
	needs := access.Needs(x.Needs)
	return g.sessions.FollowProgram(r.Context(), x.W, s, x.Again(s, func(s *session.Session, tried bool, cause error) bool {
		switch {
		case cause != nil:
			return g.access.CheckUnreachable(s, needs, cause).Pass
		case tried:
			return g.access.CheckConfirmed(s, needs).Pass
		default:
			return g.access.Check(s, needs, nil).Pass
		}
	}))
}
