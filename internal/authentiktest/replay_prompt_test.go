package authentiktest

// promptRows are the recordings about forms: prompts, consent, captcha.
func promptRows() []row {
	return []row{
		{name: "consent-stage", why: later},
		{name: "invitation", why: later},
		{name: "prompt-all-types", why: later},
		{name: "prompt-choices", why: later},
		{name: "prompt-restart", why: later},
		{name: "prompt-validation", why: later},
	}
}
