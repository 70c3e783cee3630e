package authentiktest

// A dialect is how one release differs from another on the wire. Code checks
// the name of a difference, never the number of a release.
type dialect struct {
	version          string   // as requests of authentik itself name it
	family           string   // the version as pages name it
	pages            string   // the release whose files authentik's own pages have
	wholeAddresses   bool     // the page of a flow has the absolute address of its background
	apiType          string   // content type of API answers; the executor's has no charset in any release
	themedURLs       bool     // flow_info and brands name pictures per theme
	cancelNext       bool     // cancel_url carries next, and the cancel view follows it
	doneWhenSignedIn bool     // a login flow that does not apply to a signed-in visitor counts as finished
	attemptsOnly     bool     // only passwords count as failed attempts, not blank answers
	uidRequired      bool     // identification requires uid_field itself, with the serializer's own error
	newIdentity      bool     // identification has pending_user_identifier and passkey_challenge
	schemesRefused   bool     // Authorization schemes other than Bearer are an error instead of being ignored
	brandBoundary    bool     // a brand's domain matches at a dot only, the longest first
	roles            bool     // users/me names roles
	reputationCache  bool     // root/config has cache_timeout_reputation
	promotedSources  bool     // sources say whether they are promoted
	errorForm        bool     // error pages hold a form
	userLocale       bool     // a user's own locale applies if the request names no language
	lastingDrafts    bool     // a device that is being set up is kept with the session, not with the plan
	numericCodes     bool     // codes at a set-up are read as numbers, which loses leading zeros
	messagePauses    bool     // codes of messages are throttled after wrong ones, too
	duoGuarded       bool     // the status of a Duo enrolment needs the CSRF token of a signed-in user
	captchaTexts     bool     // identification says what was wrong with the captcha
	agents           bool     // there is a stage for endpoint agents
	hints            bool     // WebAuthn options may have hints
	plansLogin       bool     // views that need a login plan it themselves, with the query of the request
	uiLocales        bool     // ui_locales of a client sets the language
	tokenID          bool     // tokens have a jti
	frontchannel     bool     // applications are told of logouts in frames
	logoutType       string   // typ of logout tokens
	limitsGrants     bool     // providers say which grant types are allowed
	launchPre        bool     // identification names the launch URL of the application
	endsCarefully    bool     // end-session knows redirect URIs and POST, and does nothing in a session with a plan
	choiceLabels     bool     // choices of prompts may have labels, and all of them are objects
	consentStays     bool     // an expired consent cannot be given again
	lateDevices      bool     // an expired device code counts as pending
	invitationsEnd   bool     // invitations expire
	mixedPlans       bool     // a plan restored by a link takes over the context of the session's plan
	revokesAll       bool     // a client can revoke the tokens of other clients
	untranslated     []string // texts that were not yet translated
	alerts           bool     // prompts may be alerts
	tokenFlows       bool     // flows may require to be started by a link
	plexPlain        bool     // a missing Plex token is reported without the name of the field
	samlAnswerFails  bool     // SAML responses in an address raise an exception
	samlAnswer       string   // the binding in which a SAML source with redirect binding asks for the response
	grantRefused     string   // error of the token endpoint for a grant type that the client may not use
	grantUnknown     string   // error of the token endpoint for an unknown grant type
	deviceSecret     bool     // the device grant needs the client's secret, and is refused from the start if the client may not use it
	logoutChecked    bool     // end-session refuses parameters that it cannot verify, and deletes the client's access tokens each time
	overviewURL      bool     // the session-end challenge has the address of authentik's own page
	keyTypes         bool     // security keys are named after their type
	finalRedirect    bool     // redirects say whether a finished flow leads there
	flags            map[string]any
}

// dialectOf returns the dialect of a release. Where two releases are alike, the
// newer one is written as what differs from the older one.
func dialectOf(r Release) (d dialect, known bool) {
	switch r {
	case Release202510:
		return dialect202510(), true
	case Release202605:
		return dialect202605(), true
	case Release202608:
		return dialect202608(), true
	}
	return dialect{}, false
}

func dialect202510() dialect {
	return dialect{
		version:         "2025.10.0-rc1",
		family:          "2025.10",
		pages:           "2025.10",
		apiType:         "application/json; charset=utf-8",
		logoutType:      "JWT",
		uidRequired:     true,
		grantUnknown:    "unsupported_grant_type",
		schemesRefused:  true,
		reputationCache: true,
		errorForm:       true,
		revokesAll:      true,
		lateDevices:     true,
		userLocale:      true,
		plexPlain:       true,
		samlAnswer:      "HTTP-Redirect",
		lastingDrafts:   true,
		numericCodes:    true,
		captchaTexts:    true,
		duoGuarded:      true,
		untranslated:    []string{"Failed to authenticate.", noIdentification},
		flags:           map[string]any{"policies_buffered_access_view": false},
	}
}

func dialect202605() dialect {
	return dialect{
		version:          "2026.5.0-rc1",
		family:           "2026.5",
		pages:            "2026.5",
		wholeAddresses:   true,
		apiType:          "application/json",
		logoutType:       "logout+jwt",
		limitsGrants:     true,
		untranslated:     []string{noIdentification},
		grantRefused:     "invalid_request",
		grantUnknown:     "unsupported_grant_type",
		themedURLs:       true,
		samlAnswer:       "HTTP-POST",
		samlAnswerFails:  true,
		cancelNext:       true,
		doneWhenSignedIn: true,
		attemptsOnly:     true,
		newIdentity:      true,
		brandBoundary:    true,
		roles:            true,
		promotedSources:  true,
		messagePauses:    true,
		hints:            true,
		agents:           true,
		invitationsEnd:   true,
		mixedPlans:       true,
		choiceLabels:     true,
		plansLogin:       true,
		consentStays:     true,
		uiLocales:        true,
		tokenID:          true,
		frontchannel:     true,
		launchPre:        true,
		endsCarefully:    true,
		flags:            map[string]any{"flows_continuous_login": false, "flows_refresh_others": false},
	}
}

func dialect202608() dialect {
	d := dialect202605()
	d.version, d.family = "2026.8.0-rc1", "2026.8"
	d.finalRedirect, d.overviewURL = true, true
	d.grantRefused, d.grantUnknown, d.deviceSecret = "invalid_grant", "invalid_grant", true
	d.logoutChecked = true
	d.keyTypes, d.alerts, d.tokenFlows = true, true, true
	d.untranslated = nil
	return d
}
