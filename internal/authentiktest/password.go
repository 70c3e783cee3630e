package authentiktest

// A PasswordStage asks for the password of the pending user.
type PasswordStage struct {
	FailedAttempts int  // failed_attempts_before_cancel; default 5
	AllowShow      bool // offers to show what is typed
}

func (s *PasswordStage) get(v *visit) (*response, error) { return v.ask(s.challenge(v)) }

func (s *PasswordStage) challenge(v *visit) object {
	c := v.userChallenge("ak-stage-password")
	c["allow_show_password"] = s.AllowShow
	if slug := v.brand.FlowRecovery; slug != "" {
		c["recovery_url"] = v.address(v.srv.url("/if/flow/" + slug + "/"))
	}
	return c
}

func (s *PasswordStage) post(v *visit) (*response, error) {
	if _, known := v.plan.context[contextPending]; !known {
		return v.deny("")
	}
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	password, _ := f.text("password", rule{untrimmed: true})
	if f.failed() {
		return s.failed(v, f.errs, !v.srv.dialect.attemptsOnly)
	}
	u, ok := v.tried(pending(v.plan.context).Username, password)
	if !ok {
		return s.failed(v, v.fault("password", "Invalid password", "invalid"), true)
	}
	v.plan.context[contextPending] = u
	v.authenticated(u, password)
	return v.solved()
}

// failed refuses the password, and denies access after too many. Nothing stays
// locked: the flow may be started again at once.
func (s *PasswordStage) failed(v *visit, errs fieldErrors, counts bool) (*response, error) {
	if counts && !v.restarts() {
		v.session.tries++
	}
	if v.session.tries >= or(s.FailedAttempts, 5) {
		v.session.tries = 0
		return v.deny(v.text("Invalid password"))
	}
	return v.refuse(s.challenge(v), errs)
}

// authenticated records in the plan how the user has signed in.
func (v *visit) authenticated(u User, password string) {
	v.session.tries = 0
	v.plan.context[contextMethod] = "password"
	if u.Password != password {
		v.plan.context[contextMethod] = "token"
	}
	v.plan.context[contextMethodArgs] = object{"known_device": false}
}
