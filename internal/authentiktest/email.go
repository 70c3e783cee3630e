package authentiktest

import (
	"errors"
	"slices"
	"time"
)

// contextMailed is true once the first mail of an e-mail stage has been sent.
const contextMailed = "email_sent"

// An EmailStage sends the pending user a link, and waits. The link leads to the
// rest of the flow, in any browser.
type EmailStage struct {
	Name     string        // tells one such stage from another
	Subject  string        // default: authentik
	Activate bool          // activate_user_on_success
	Expiry   time.Duration // token_expiry; default 30 minutes

	// MaxAttempts is how many more mails are sent to a user within Window. They
	// are recovery_max_attempts, 5 by default, and recovery_cache_timeout, 5
	// minutes by default.
	MaxAttempts int
	Window      time.Duration
}

func (s *EmailStage) get(v *visit) (*response, error) {
	if t, ok := v.plan.context[contextRestored].(flowToken); ok {
		return s.verified(v, t)
	}
	if _, known := v.plan.context[contextPending]; !known {
		return v.deny("")
	}
	if sent, _ := v.plan.context[contextMailed].(bool); !sent {
		if err := s.send(v); err != nil {
			return nil, err
		}
		v.plan.context[contextMailed] = true
	}
	return v.ask(v.challenge("ak-stage-email"))
}

// verified solves the stage for a visitor who has followed the link, if the
// mail went to the pending user.
func (s *EmailStage) verified(v *visit, t flowToken) (*response, error) {
	u := pending(v.plan.context)
	if u.PK == 0 {
		u = v.user
	}
	if u.PK != t.user {
		return v.deny("")
	}
	if s.Activate {
		v.srv.SetActive(u.Username, true)
		v.plan.context[contextPending] = v.srv.current(u)
	}
	return v.solved()
}

// post asks for another mail. As an answer it is always refused, since the
// answer is the link.
func (s *EmailStage) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	if _, known := v.plan.context[contextPending]; known && v.srv.mayResend(s, pending(v.plan.context).Email) {
		if err := s.send(v); err != nil {
			return nil, err
		}
	}
	if !f.failed() {
		f.wrong(elsewhere, "email-sent", "email-sent")
	}
	return v.refuse(v.challenge("ak-stage-email"), f.errs)
}

// mayResend counts the mails that were requested for an address.
func (s *Server) mayResend(stage *EmailStage, address string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	since := s.now().Add(-or(stage.Window, 5*time.Minute))
	recent := slices.DeleteFunc(slices.Clone(s.resent[address]), func(at time.Time) bool { return at.Before(since) })
	if len(recent) >= or(stage.MaxAttempts, 5) {
		return false
	}
	s.resent[address] = append(recent, s.now())
	return true
}

// send mails the link. In a recovery nothing is sent for an unknown user, and
// the visitor cannot tell.
func (s *EmailStage) send(v *visit) error {
	u := v.srv.current(pending(v.plan.context))
	if u.PK == 0 && v.flow.Designation == DesignationRecovery {
		return nil
	}
	if u.PK == 0 {
		return errors.New("a token needs a user who is stored")
	}
	link := v.linkTo(v.flow.Slug, v.srv.keepPlan(flowToken{
		user: u.PK, plan: confirming(v.plan), lasts: true, until: v.srv.now().Add(or(s.Expiry, 30*time.Minute) + time.Minute),
	}))
	v.srv.mu.Lock()
	defer v.srv.mu.Unlock()
	v.srv.mail = append(v.srv.mail, Mail{
		To: u.Email, Subject: or(s.Subject, "authentik"), Link: link, Body: "Open this link to go on:\n\n" + link + "\n",
	})
	return nil
}

// confirming is a plan with a confirmation before its first stage.
func confirming(p *plan) *plan {
	p = p.clone()
	p.steps = append([]planned{{binding: Binding{Stage: &confirmStage{}}}}, p.steps...)
	p.context[contextConsentHeader] = "Continue to confirm this email address."
	return p
}

// linkTo is the address of a flow's page with the query of this page and a flow
// token.
func (v *visit) linkTo(slug, key string) string {
	params := slices.DeleteFunc(slices.Clone(v.session.params), func(p parameter) bool { return p.key == paramToken })
	params = append(params, parameter{paramToken, key})
	return v.address(v.srv.url("/if/flow/"+slug+"/")) + "?" + params.encode()
}
