package authentiktest

// oidcRows are the recordings about OAuth2 and OpenID Connect.
func oidcRows() []row {
	return []row{
		{name: "consent-application", replay: consentApplication},
		{name: "consent-application-no-grant-types", replay: consentWithoutGrantTypes},
		{name: "csrf-internal-host", replay: csrfInternalHost},
		{name: "device-code", replay: deviceCodes},
		{name: "logout-backchannel", replay: logoutBackchannel},
		{name: "logout-backchannel-retries", replay: logoutBackchannelRetries},
		{name: "logout-end-session", replay: logoutEndSession},
		{name: "oidc-authorize-errors-anonymous", replay: authorizeErrors},
		{name: "oidc-code-errors-at-token", replay: codeErrors},
		{name: "oidc-code-implicit-consent", replay: oidcCode},
		{name: "oidc-code-public-pkce", replay: publicPKCE},
		{name: "oidc-consent-explicit", replay: oidcConsentExplicit},
		{name: "oidc-consent-modes", replay: oidcConsentModes},
		{name: "oidc-issuer-and-host", replay: issuerAndHost},
		{name: "oidc-prompt-and-max-age", replay: oidcPromptAndMaxAge},
		{name: "oidc-response-modes", replay: oidcResponseModes},
		{name: "tokens-device-code", replay: tokensDeviceCode},
		{name: "tokens-machine", replay: tokensMachine},
		{name: "tokens-refresh", replay: tokensRefresh},
		{name: "tokens-revoke-introspect", replay: tokensRevokeIntrospect},
	}
}

func consentApplication(*replay) Config {
	app := relying("st-consent-app", through("st-consent-authz"))
	app.Name, app.Provider.RedirectURIs = "St App", []string{"https://app.example.com/cb"}
	return Config{
		Users: people("st-consent-app"), Applications: []Application{app},
		Flows: []Flow{titled(oneStep("st-login")), asks("st-consent-authz", &ConsentStage{Mode: ConsentPermanent})},
	}
}

func consentWithoutGrantTypes(r *replay) Config {
	cfg := consentApplication(r)
	cfg.Applications[0].Provider.GrantTypes = nil
	return cfg
}

// scopesAsStored are the scopes of the recorded providers, in the order in
// which the databases of the two servers had them.
func (r *replay) scopesAsStored(p *Provider) {
	if r.release == Release202510 {
		p.Scopes = []string{"offline_access", "openid", "email", "profile"}
	}
}

func oidcCode(r *replay) Config {
	return Config{
		Users: []User{member("oi-alice", "oi-staff")}, Applications: []Application{relying("oi-code", r.scopesAsStored)},
	}
}

func oidcResponseModes(r *replay) Config {
	r.signedIn(0, "oi-alice")
	cfg := oidcCode(r)
	if r.release == Release202608 { // the recorder allowed what the gate needs, and no more
		cfg.Applications[0].Provider.GrantTypes = []string{"authorization_code", "refresh_token"}
	}
	return cfg
}

func csrfInternalHost(r *replay) Config {
	r.signedIn(1, "oi-alice")
	return Config{
		Users: []User{member("oi-alice", "oi-staff")}, Flows: []Flow{asks("oi-consent-always", &ConsentStage{})},
		Applications: []Application{relying("oi-code"), relying("oi-cm-always", through("oi-consent-always"))},
	}
}

func oidcConsentExplicit(r *replay) Config {
	r.signedIn(2, "oi-connie")
	const list = "the list of one's consents is a view of the user interface, which no login needs"
	r.skip("what the user has consented to, as that user sees it", list)
	return Config{
		Users: []User{member("oi-connie")}, Applications: []Application{relying("oi-consent", explicit), relying("oi-code")},
	}
}
