package fault

// remedies say what an operator can do about a failure. They are for the log;
// what visitors can do is on the page. A code without one needs nothing.
var remedies = map[Code]string{
	NotAllowed:           "bind the user or a group to the application in authentik, or check require",
	StepUpRefused:        "the user needs a second factor or a newer sign-in; set a factor up at authentik, or check require mfa and max_age",
	DeniedByFlow:         "check that the flow has a user login stage and does not lead to another site",
	CookiesBlocked:       "check that the browser keeps cookies for this site, and that cookie { domain } is above its host",
	SignInLoop:           "check that all gates and Caddys of this host have the same key and store",
	TooManyAttempts:      "if all visitors are affected, check that Caddy's trusted_proxies names the proxy in front",
	Busy:                 "if it lasts, limit in front of Caddy how many requests with a large body one address may send",
	CrossSite:            "if a proxy in front changes the host, set site",
	AuthentikUnreachable: "check that Caddy reaches authentik at url; for a certificate of your own authority set trust",
	AuthentikStarting:    "wait until authentik has started",
	AuthentikUnexpected:  "check that url leads to authentik, and not to a login page or another server in front of it",
	FlowNotFound:         "check flow, or the authentication flow of authentik's brand for this host",
	ApplicationNotFound:  "check application: it is the slug of an application in authentik",
	ClientRejected:       "check client_id and client_secret, and that the provider's grant types include authorization code and refresh token",
	RedirectURIRejected:  "add redirect_uri to the provider in authentik, as a strict redirect URI",
	IssuerMismatch:       "set public_url to the address of authentik that browsers use, and let proxies in front of authentik pass on Host and X-Forwarded-Proto",
	KeysUnreachable:      "check that Caddy reaches authentik, and that the provider has a signing key",
	TokenInvalid:         "check the provider's signing key, and that it has no encryption key",
	ClockSkew:            "set the clocks of Caddy and of authentik (NTP)",
	HostUnknown:          "if visitors use this host, set site, or add the host to the addresses of the site",
	SessionsUnavailable:  "check the session store; the error has the cause",
}

// Remedy returns what an operator can do about a failure, or nothing if the
// failure is the visitor's.
func (c Code) Remedy() string { return remedies[c] }
