package authentiktest

// webauthnRows are the recordings about security keys and passkeys.
func webauthnRows() []row {
	return []row{
		{name: "webauthn-login", why: later},
		{name: "webauthn-other-host", why: later},
		{name: "webauthn-passwordless", why: later},
		{name: "webauthn-setup", why: later},
		{name: "webauthn-user-verification", why: later},
	}
}
