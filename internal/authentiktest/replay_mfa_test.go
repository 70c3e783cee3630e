package authentiktest

// mfaRows are the recordings about second factors by code.
func mfaRows() []row {
	return []row{
		{name: "mfa-configure-choice", why: later},
		{name: "mfa-configure-one", why: later},
		{name: "mfa-duo-unreachable", why: later},
		{name: "mfa-email-login", why: later},
		{name: "mfa-email-setup", why: later},
		{name: "mfa-not-configured", why: later},
		{name: "mfa-remember-device", why: later},
		{name: "mfa-several-devices", why: later},
		{name: "mfa-sms-login", why: later},
		{name: "mfa-sms-setup", why: later},
		{name: "mfa-static-login", why: later},
		{name: "mfa-static-setup", why: later},
		{name: "mfa-totp-login", why: later},
		{name: "mfa-totp-setup", why: later},
	}
}
