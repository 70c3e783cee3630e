package decision

import (
	"errors"
	"net/http"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/access"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
)

// awayRetry is how long programs are told to wait while authentik is
// unreachable.
const awayRetry = 15 * time.Second

var errSeveral = errors.New("there are several Authorization headers, and servers disagree on which of them counts")

// decideProgram decides about a request that shows a credential, by what the
// gate knows about the credential. It only reads. unasked is the decision about
// the same request without the credential.
func (m *Maker) decideProgram(x *exchange.Exchange, needs access.Needs, unasked Open, passes bool) Decision {
	known := x.Standing()
	switch {
	case known.Session != nil:
		x.Trace.Note("the credential in Authorization is that of a known program")
		v := m.Access.Check(known.Session, needs, x.Trace)
		if v == (exchange.Verdict{}) {
			return Try{unasked, passes}
		}
		return orUnasked(decided(v, known.Session), unasked, passes)
	case known.Foreign && passes:
		x.Trace.Note("the credential in Authorization is the application's own")
		return unasked
	case known.Refused, !passes && !x.Credential.Valid():
		x.Trace.Note("authentik has refused the credential in Authorization a moment ago, or its form is wrong")
		return Refuse{fault.New(fault.SignInRequired, nil)}
	default:
		x.Trace.Note("authentik is asked whether the credential in Authorization is good")
		return Try{unasked, passes}
	}
}

// orUnasked returns the decision about a request whose credential is valid, or
// was valid before. A request that may pass without a credential is never
// refused; it then passes without identity headers and without the credential.
func orUnasked(d Decision, unasked Open, passes bool) Decision {
	if _, admitted := d.(Pass); admitted || !passes {
		return d
	}
	unasked.Hidden = true
	return unasked
}

// settleProgram asks authentik about the credential of a request. If authentik
// refuses the credential and the request needs none, the request passes with
// it: it may be a credential of the application itself.
func (m *Maker) settleProgram(x *exchange.Exchange, d Try) Decision {
	s, err := x.TryCredential()
	switch {
	case err == nil:
		return orUnasked(decided(m.Access.CheckConfirmed(s, access.Needs(x.Needs)), s), d.Unasked, d.Passes)
	case s != nil:
		return orUnasked(decided(m.Access.CheckUnreachable(s, access.Needs(x.Needs), err), s), d.Unasked, d.Passes)
	case d.Passes:
		return d.Unasked
	case errors.Is(err, authn.ErrNotSignedIn):
		return Refuse{fault.New(fault.SignInRequired, err)}
	}
	e := fault.From(err)
	if e.RetryAfter == 0 && e.Status == http.StatusServiceUnavailable {
		e.RetryAfter = awayRetry
	}
	return Refuse{e}
}
