package authentiktest

import (
	"slices"
	"strings"
)

// An IdentificationStage asks who the visitor is.
type IdentificationStage struct {
	// UserFields are the ways to name a user: username, email, upn.
	UserFields []string

	// Password asks for the password in the same form.
	Password *PasswordStage

	// Captcha asks for a captcha in the same form.
	Captcha *CaptchaStage

	// Passkey offers to sign in with a passkey, in the releases that can.
	Passkey *AuthenticatorValidateStage

	Sources          []Source
	ShowSourceLabels bool
	RememberMe       bool // enable_remember_me, which only the web client uses

	// Slugs of flows that the page links to.
	EnrollmentFlow, RecoveryFlow, PasswordlessFlow string

	// These settings are on by default in authentik, so that the zero value
	// turns nothing off.
	CaseSensitive     bool // case_insensitive_matching is off
	HideMatchedUser   bool // show_matched_user is off
	RefuseUnknownUser bool // pretend_user_exists is off
}

func (s *IdentificationStage) get(v *visit) (*response, error) {
	if hint, ok := v.plan.context[contextHint].(string); ok && s.Password == nil {
		return s.hinted(v, hint)
	}
	return v.ask(s.challenge(v))
}

func (s *IdentificationStage) challenge(v *visit) object {
	c := v.challenge("ak-stage-identification")
	c["user_fields"] = append([]string{}, s.UserFields...)
	c["password_fields"] = s.Password != nil
	c["allow_show_password"] = s.Password != nil && s.Password.AllowShow
	c["flow_designation"] = string(or(v.flow.Designation, DesignationAuthentication))
	c["captcha_stage"] = nil
	c["primary_action"] = v.text(v.flow.action())
	c["sources"] = s.sources(v)
	c["show_source_labels"] = s.ShowSourceLabels
	c["enable_remember_me"] = s.RememberMe
	if v.srv.dialect.newIdentity {
		c["pending_user_identifier"], c["passkey_challenge"] = nil, nil
		if s.Passkey != nil {
			c["passkey_challenge"] = s.Passkey.assertionOptions(v, nil)
		}
	}
	if s.Captcha != nil {
		c["captcha_stage"] = s.Captcha.widget(v)
	}
	s.links(v, c)
	v.nameApplication(c)
	return c
}

// action is the label of the button in the flow's identification.
func (f *Flow) action() string {
	if or(f.Designation, DesignationAuthentication) == DesignationAuthentication {
		return "Log in"
	}
	return "Continue"
}

func (s *IdentificationStage) sources(v *visit) []object {
	buttons := []object{}
	for _, one := range s.Sources {
		buttons = append(buttons, one.button(v))
	}
	return buttons
}

// links adds links to other flows. They keep the query of the page.
func (s *IdentificationStage) links(v *visit, c object) {
	for name, slug := range map[string]string{
		"enroll_url": s.EnrollmentFlow, "recovery_url": s.RecoveryFlow, "passwordless_url": s.PasswordlessFlow,
	} {
		if slug == "" {
			continue
		}
		link := v.srv.url("/if/flow/" + slug + "/")
		if q := v.session.params.encode(); q != "" {
			link += "?" + q
		}
		c[name] = link
	}
}

func (s *IdentificationStage) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	required := v.srv.dialect.uidRequired
	uid, ok := f.text("uid_field", rule{optional: !required, blank: !required, null: !required})
	password, _ := f.text("password", rule{optional: true, blank: true, null: true})
	if passkey, found := f.passkey(s); found && !f.failed() {
		return s.passkey(v, passkey)
	}
	if f.failed() {
		return v.refuse(s.challenge(v), f.errs)
	}
	if !ok || uid == "" {
		return v.refuse(s.challenge(v), v.fault(elsewhere, noIdentification, "invalid"))
	}
	if what := s.captchaRefusal(f); what != "" {
		return v.refuse(s.challenge(v), v.fault(elsewhere, what, "invalid"))
	}
	u, identified := s.identify(v, uid, password)
	v.plan.context[contextPending] = u
	if s.HideMatchedUser {
		v.plan.context[contextIdentifier] = uid
	}
	if !identified {
		return v.refuse(s.challenge(v), v.fault(elsewhere, "Failed to authenticate.", "invalid"))
	}
	return v.solved()
}

// identify finds the user that the visitor names. An unknown one is made up
// unless there is a password to check at once, so that the visitor cannot tell.
func (s *IdentificationStage) identify(v *visit, uid, password string) (User, bool) {
	u, found := v.srv.find(func(u User) bool { return s.means(uid, u) })
	if !found {
		return User{Username: uid, Email: uid}, !s.RefuseUnknownUser && s.Password == nil
	}
	if s.Password == nil {
		return u, true
	}
	_, ok := v.tried(u.Username, password)
	if ok {
		v.authenticated(u, password)
	}
	return u, ok
}

// means reports whether uid names a user. A stage without fields takes
// usernames.
func (s *IdentificationStage) means(uid string, u User) bool {
	upn, _ := u.Attributes["upn"].(string)
	known := map[string]string{"username": u.Username, "email": u.Email, "upn": upn}
	fields := s.UserFields
	if len(fields) == 0 {
		fields = []string{"username"}
	}
	return slices.ContainsFunc(fields, func(name string) bool {
		value := known[name]
		return value != "" && (value == uid || !s.CaseSensitive && strings.EqualFold(value, uid))
	})
}
