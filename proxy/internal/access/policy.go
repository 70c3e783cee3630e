// Package access says whether a session may use the application behind a gate.
// It reads what is known about the session. It asks authentik nothing and
// writes nothing.
//
//   - policy.go: the verdict on a session; only this file admits a session
//   - rule.go: demands on some requests only
//   - demanded.go: all demands, as text
package access

import (
	"errors"
	"math"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// A Policy is what a gate demands of a session before it passes.
type Policy struct {
	Application string // the application in authentik whose bindings decide; empty: none
	// Recheck is how often authentik confirms a session. Grace is how long an
	// overdue recheck is tolerated while authentik is unreachable.
	Recheck, Grace time.Duration
	Require        []Requirement // of the user: a session records whether they are met
	Demand         authn.Demand  // of the sign-in
	Rules          Rules
	Now            func() time.Time
}

// errCannotShow says why a program is refused where a visitor would sign in
// again.
var errCannotShow = errors.New("the credential of a program cannot show a second factor or a newer sign-in")

// Check returns the verdict on a session for a request. needs are the rules
// that apply to the request, and trace may be nil.
//
// If a recheck is overdue by more than its interval, authentik is asked first.
// Otherwise a session that has ended at authentik would pass once more after a
// pause. For a program's session authentik is asked as soon as a recheck is
// due: only a request has the program's credential, so no background recheck
// can run.
func (p *Policy) Check(s *session.Session, needs Needs, t *exchange.Trace) exchange.Verdict {
	confirmed := p.Recheck
	switch {
	case !s.IsProgram():
		confirmed += min(p.Recheck, p.Grace)
	case s.Doubted():
		return exchange.Verdict{}
	}
	return p.checkWithin(s, needs, confirmed, t)
}

// CheckConfirmed is Check for a session that authentik has just confirmed,
// however long the confirmation took.
func (p *Policy) CheckConfirmed(s *session.Session, needs Needs) exchange.Verdict {
	return p.checkWithin(s, needs, math.MaxInt64, nil)
}

// CheckUnreachable is Check for a session about which authentik could not be
// asked. An overdue recheck is tolerated for the grace; after that the session
// is refused. The verdict is always definite.
func (p *Policy) CheckUnreachable(s *session.Session, needs Needs, cause error) exchange.Verdict {
	v := p.checkWithin(s, needs, p.Recheck+p.Grace, nil)
	if v == (exchange.Verdict{}) {
		return exchange.Verdict{Err: fault.From(cause)}
	}
	return v
}

// checkWithin is the only place that admits a session. The session passes if
// authentik has confirmed it within a given time and allows the application. A
// refusal is valid until a recheck is due.
func (p *Policy) checkWithin(s *session.Session, needs Needs, confirmed time.Duration, t *exchange.Trace) exchange.Verdict {
	now := p.Now()
	allowed := s.Allowed(p.Application)
	switch {
	case !s.Known(p.Application):
		t.Note("authentik has not said yet whether the user may use the application, and is asked first")
		return exchange.Verdict{}
	case s.Unconfirmed(now) > confirmed, !allowed && s.Due(now):
		t.Note("authentik has not confirmed the session for too long, and is asked first")
		return exchange.Verdict{}
	case !allowed:
		t.Note("authentik does not let the user use the application, or the user does not meet require")
		return exchange.Verdict{Err: fault.New(fault.NotAllowed, nil)}
	case !p.Rules.fit(s.User, needs):
		t.Note("the user does not meet a rule that applies to the request")
		return exchange.Verdict{Err: fault.New(fault.NotAllowed, nil)}
	case p.Demanded(needs).Unmet(s.SignIn, now):
		t.Note("the sign-in has no second factor, or is too old")
		if s.IsProgram() {
			return exchange.Verdict{Err: fault.New(fault.StepUpRefused, errCannotShow)}
		}
		return exchange.Verdict{StepUp: true}
	default:
		t.Note("the user may use the application")
		return exchange.Verdict{Pass: true}
	}
}

// Demanded returns the demand on a sign-in for a request to which the rules in
// needs apply.
func (p *Policy) Demanded(needs Needs) authn.Demand { return p.Rules.demand(needs, p.Demand) }

// Fits reports whether a user meets the requirements on every request.
func (p *Policy) Fits(u user.User) bool { return meetsAll(u, p.Require) }
