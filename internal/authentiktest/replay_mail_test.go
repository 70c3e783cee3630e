package authentiktest

// mailRows are the recordings about links that come by e-mail.
func mailRows() []row {
	return []row{
		{name: "enrolment-email", replay: enrolmentEmail},
		{name: "recovery-admin-link", replay: recoveryAdminLink},
		{name: "recovery-other-browser", replay: recoveryOtherBrowser},
		{name: "recovery-other-user", replay: recoveryOtherUser},
		{name: "recovery-same-browser", replay: recoverySameBrowser},
		{name: "recovery-unknown-user", replay: recoveryUnknownUser},
	}
}
