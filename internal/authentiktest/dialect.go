package authentiktest

// A dialect is what tells one release from another at the wire. Code asks it
// by the name of the difference, never by the number of the release.
type dialect struct {
	version          string   // as requests of authentik's own name it
	family           string   // the version as far as pages name it
	pages            string   // the release whose files authentik's own pages have
	wholeAddresses   bool     // the page of a flow names its background by host and all
	apiType          string   // content type of API answers; the executor's has no charset in any release
	themedURLs       bool     // flow_info and brands name pictures per theme
	cancelNext       bool     // cancel_url carries next, and the cancel view follows it
	doneWhenSignedIn bool     // a login flow that does not apply to a signed-in visitor counts as finished
	attemptsOnly     bool     // only real passwords count as failed attempts, not blank answers
	uidRequired      bool     // identification demands uid_field by itself, with the serializer's own error
	newIdentity      bool     // identification has pending_user_identifier and passkey_challenge
	schemesRefused   bool     // credentials other than Bearer are an error in place of being ignored
	brandBoundary    bool     // a brand's domain matches at a dot only, the longest first
	roles            bool     // users/me names roles
	reputationCache  bool     // root/config has cache_timeout_reputation
	promotedSources  bool     // sources say whether they are promoted
	errorForm        bool     // error pages hold a form
	userLocale       bool     // a user's own locale counts where the request names no language
	lastingDrafts    bool     // a device that is being set up is kept with the session, not with the plan
	numericCodes     bool     // codes at a set-up are read as numbers, which loses leading zeros
	messagePauses    bool     // wrong codes of messages are throttled, too
	duoGuarded       bool     // asking how far Duo is counts as a request of the signed-in user
	captchaTexts     bool     // identification tells what was wrong with the captcha
	agents           bool     // there is a stage for the agents of endpoints
	hints            bool     // WebAuthn options may have hints
	plansLogin       bool     // views that need a login plan it at once, with the query of their own
	uiLocales        bool     // ui_locales of a client settles the language
	tokenID          bool     // tokens have a jti
	frontchannel     bool     // logouts are told to applications by frames
	logoutType       string   // typ of logout tokens
	limitsGrants     bool     // providers say which grant types are allowed
	launchPre        bool     // identification names the launch URL of the application
	endsCarefully    bool     // end-session knows redirect URIs and POST, and stops at a session with a plan
	choiceLabels     bool     // choices of prompts may have labels, and all of them are objects
	consentStays     bool     // a consent past its time cannot be given again
	lateDevices      bool     // a device code past its time counts as pending
	invitationsEnd   bool     // invitations expire
	mixedPlans       bool     // a plan restored by a link learns what the session knew
	revokesAll       bool     // a client can revoke the tokens of others
	untranslated     []string // texts that were translated only later
	alerts           bool     // prompts may be alerts
	tokenFlows       bool     // flows may require that they are begun by a link
	plexPlain        bool     // a missing token of Plex is told without the name of the field
	samlAnswerFails  bool     // SAML answers that go in an address raise an exception
	samlAnswer       string   // the binding by which a SAML source that is asked by an address shall answer
	grantRefused     string   // what the token endpoint answers to a grant type that a client may not use
	grantUnknown     string   // what it answers to a grant type that there is not
	deviceSecret     bool     // a device needs the secret of its client, and the grant type from the start
	logoutChecked    bool     // end-session refuses what it cannot verify, and ends the client's tokens each time
	overviewURL      bool     // the end of a session at an application names authentik's own page
	keyTypes         bool     // security keys are named after their type
	finalRedirect    bool     // redirects say whether they are where a finished flow leads
	flags            map[string]any
}

// dialectOf is the dialect of a release. Of two releases that are alike the
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
