package authentiktest

import "slices"

// A CaptchaStage asks for a proof that the visitor is human.
type CaptchaStage struct {
	JSURL       string // of the provider's script; default: that of reCAPTCHA
	SiteKey     string
	Interactive bool

	MinScore, MaxScore float64 // bounds of a score; default 0.5 and 1
	Lenient            bool    // error_on_invalid_score is off: a bad score is recorded, and passes

	// Verify is the provider's answer about a token. An error means that the
	// provider does not work. Default: every token is valid.
	Verify func(token string) (Verdict, error)
}

// A Verdict is a provider's answer about a token.
type Verdict struct {
	Success bool
	Score   *float64 // of the providers that have one
	Errors  []string // error codes
}

func (s *CaptchaStage) get(v *visit) (*response, error) { return v.ask(s.challenge(v)) }

func (s *CaptchaStage) challenge(v *visit) object {
	c := s.widget(v)
	c["flow_info"] = v.flowInfo()
	c["pending_user"], c["pending_user_avatar"] = v.shown()
	return c
}

// widget is the captcha challenge inside another challenge, before a user is
// known.
func (s *CaptchaStage) widget(v *visit) object {
	return object{
		"component": "ak-stage-captcha", "pending_user": "", "pending_user_avatar": v.srv.avatar(User{}),
		"js_url": or(s.JSURL, "https://www.recaptcha.net/recaptcha/api.js"), "site_key": s.SiteKey,
		"interactive": s.Interactive,
	}
}

func (s *CaptchaStage) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	if token, ok := f.text("token", rule{}); ok {
		if what := s.refusal(token); what != "" {
			f.wrong("token", what, "invalid")
		}
	}
	if f.failed() {
		return v.refuse(s.challenge(v), f.errs)
	}
	return v.solved()
}

const invalidCaptcha = "Invalid captcha response"

// refusal is what is wrong with a token, or empty.
func (s *CaptchaStage) refusal(token string) string {
	if s.Verify == nil {
		return ""
	}
	verdict, err := s.Verify(token)
	if err != nil {
		return "Failed to validate token"
	}
	if s.Lenient {
		return ""
	}
	retryable := []string{"missing-input-response", "invalid-input-response", "timeout-or-duplicate"}
	if !verdict.Success && slices.ContainsFunc(verdict.Errors, func(e string) bool { return slices.Contains(retryable, e) }) {
		return "Invalid captcha response. Retrying may solve this issue."
	}
	low := verdict.Score != nil && (*verdict.Score < or(s.MinScore, 0.5) || *verdict.Score > or(s.MaxScore, 1))
	if !verdict.Success || low {
		return invalidCaptcha
	}
	return ""
}
