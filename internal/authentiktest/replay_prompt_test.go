package authentiktest

// promptRows are the recordings about forms: prompts, consent, captcha.
func promptRows() []row {
	return []row{
		{name: "consent-stage", replay: consentStage},
		{name: "invitation", replay: invitation},
		{name: "prompt-all-types", replay: promptAllTypes},
		{name: "prompt-choices", replay: promptChoices},
		{name: "prompt-restart", replay: promptRestart},
		{name: "prompt-validation", replay: promptValidation},
	}
}
