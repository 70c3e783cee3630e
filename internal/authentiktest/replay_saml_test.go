package authentiktest

// samlRows are the recordings about SAML, and logouts that pass through the browser.
func samlRows() []row {
	return []row{
		{name: "logout-frontchannel", why: later},
		{name: "saml-logout-iframe", why: later},
		{name: "saml-logout-native", why: later},
		{name: "saml-provider", why: later},
		{name: "saml-session-end", why: later},
	}
}
