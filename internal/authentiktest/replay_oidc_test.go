package authentiktest

// oidcRows are the recordings about OAuth2 and OpenID Connect.
func oidcRows() []row {
	return []row{
		{name: "consent-application", why: later},
		{name: "csrf-internal-host", why: later},
		{name: "device-code", why: later},
		{name: "logout-backchannel", why: later},
		{name: "logout-backchannel-retries", why: later},
		{name: "logout-end-session", why: later},
		{name: "oidc-authorize-errors-anonymous", why: later},
		{name: "oidc-code-errors-at-token", why: later},
		{name: "oidc-code-implicit-consent", why: later},
		{name: "oidc-code-public-pkce", why: later},
		{name: "oidc-consent-explicit", why: later},
		{name: "oidc-consent-modes", why: later},
		{name: "oidc-issuer-and-host", why: later},
		{name: "oidc-prompt-and-max-age", why: later},
		{name: "oidc-response-modes", why: later},
		{name: "tokens-device-code", why: later},
		{name: "tokens-machine", why: later},
		{name: "tokens-refresh", why: later},
		{name: "tokens-revoke-introspect", why: later},
	}
}
