package proxy

import (
	"math"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// An access is what a gate demands of a session before it passes.
type access struct {
	application    string
	recheck, grace time.Duration
	demand         authn.Demand
	rules          ruleSet
	now            func() time.Time
}

func (cfg Config) access() access {
	return access{cfg.Application, cfg.Recheck, *cfg.Grace, cfg.OIDC.demand(), cfg.Rules, cfg.Now}
}

// check says whether a session's user may use the application behind this gate.
// It only reads. A session whose recheck is overdue by more than a recheck's
// interval is asked about first, so that no session that has ended at authentik
// passes once more after a pause. A program's is asked about as soon as it is due:
// its credential is at hand with the request only.
func (a access) check(s *session.Session, needs needs) decision {
	return a.checkTraced(s, needs, nil)
}

// checkTraced is check with a trace, which may be nil.
func (a access) checkTraced(s *session.Session, needs needs, t *exchange.Trace) decision {
	confirmed := a.recheck
	switch {
	case !s.IsProgram():
		confirmed += min(a.recheck, a.grace)
	case s.Doubted():
		return recheck{}
	}
	return a.checkWithin(s, needs, confirmed, t)
}

// checkConfirmed is check after authentik has just confirmed a session, however
// long that took.
func (a access) checkConfirmed(s *session.Session, needs needs) decision {
	return a.checkWithin(s, needs, math.MaxInt64, nil)
}

// checkUnreachable is check after authentik could not be asked: then an overdue
// recheck is tolerated for the grace.
func (a access) checkUnreachable(s *session.Session, needs needs, cause error) decision {
	d := a.checkWithin(s, needs, a.recheck+a.grace, nil)
	if _, undecided := d.(recheck); undecided {
		return refuse{fault.From(cause)}
	}
	return d
}

// checkWithin is the only place that admits a session: it passes if authentik has
// confirmed it within a time and allows the application. A refusal is valid until
// a recheck is due.
func (a access) checkWithin(s *session.Session, needs needs, confirmed time.Duration, t *exchange.Trace) decision {
	now := a.now()
	allowed := s.Allowed(a.application)
	switch {
	case !s.Known(a.application):
		t.Note("authentik has not said yet whether the user may use the application, and is asked first")
		return recheck{}
	case s.Unconfirmed(now) > confirmed, !allowed && s.Due(now):
		t.Note("authentik has not confirmed the session for too long, and is asked first")
		return recheck{}
	case !allowed:
		t.Note("authentik does not let the user use the application, or the user does not meet require")
		return refuse{fault.New(fault.NotAllowed, nil)}
	case !a.rules.fit(s.User, needs):
		t.Note("the user does not meet a rule that is about the request")
		return refuse{fault.New(fault.NotAllowed, nil)}
	case a.demanded(needs).Unmet(s.SignIn, now):
		t.Note("the sign-in has no second factor, or is too old")
		if s.IsProgram() {
			return refuse{fault.New(fault.StepUpRefused, errCannotShow)}
		}
		return stepUp{}
	default:
		t.Note("the user may use the application")
		return pass{session: s}
	}
}

// demanded returns what a sign-in has to be like for a request.
func (a access) demanded(needs needs) authn.Demand { return a.rules.demand(needs, a.demand) }

// verdict is check for the rooms below, which know no decisions.
func (a access) verdict(s *session.Session) exchange.Verdict { return verdictOf(a.check(s, 0)) }

// unreachable is checkUnreachable for the rooms below.
func (a access) unreachable(s *session.Session, cause error) exchange.Verdict {
	return verdictOf(a.checkUnreachable(s, 0, cause))
}

func verdictOf(d decision) exchange.Verdict {
	switch d := d.(type) {
	case pass:
		return exchange.Verdict{Pass: true}
	case stepUp:
		return exchange.Verdict{StepUp: true}
	case refuse:
		return exchange.Verdict{Err: d.err}
	default:
		return exchange.Verdict{}
	}
}
