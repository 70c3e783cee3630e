package authentiktest

// passkey is the field of that name, if the stage offers one.
func (f *fields) passkey(s *IdentificationStage) (object, bool) {
	if s.Passkey == nil || !f.visit.srv.dialect.newIdentity {
		return nil, false
	}
	return f.object("passkey", rule{optional: true})
}

// passkey accepts an assertion instead of a name. It proves who the visitor is
// as well as a password does; policies decide whether a password is asked for
// as well.
func (s *IdentificationStage) passkey(v *visit, assertion object) (*response, error) {
	u, d, err := s.Passkey.assert(v, assertion)
	if err != nil {
		return v.refuse(s.challenge(v), v.fault(elsewhere, err.Error(), "invalid"))
	}
	v.plan.context[contextPending] = u
	v.plan.context[contextMethod] = methodPasskey
	v.plan.context[contextMethodArgs] = object{"device": d.UID}
	return v.solved()
}

// captchaRefusal is what is wrong with the captcha of an answer, or empty. One
// release tells it apart from a wrong password.
func (s *IdentificationStage) captchaRefusal(f *fields) string {
	if s.Captcha == nil {
		return ""
	}
	token, _ := f.text("captcha_token", rule{optional: true, blank: true, null: true})
	what := invalidCaptcha
	if token != "" {
		what = s.Captcha.refusal(token)
	}
	if what != "" && !f.visit.srv.dialect.captchaTexts {
		return "Failed to authenticate."
	}
	return what
}
