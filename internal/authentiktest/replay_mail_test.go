package authentiktest

// mailRows are the recordings about links that come by e-mail.
func mailRows() []row {
	return []row{
		{name: "enrolment-email", why: later},
		{name: "recovery-admin-link", why: later},
		{name: "recovery-other-browser", why: later},
		{name: "recovery-other-user", why: later},
		{name: "recovery-same-browser", why: later},
		{name: "recovery-unknown-user", why: later},
	}
}
