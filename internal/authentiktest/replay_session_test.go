package authentiktest

// sessionRows are the recordings about authentik's own session.
func sessionRows() []row {
	return []row{
		{name: "identity-odd-values", why: later},
		{name: "impersonation", why: later},
		{name: "reputation", why: later},
		{name: "session-anonymous-user-switch", why: later},
		{name: "session-ends", why: later},
		{name: "session-network-binding", why: later},
		{name: "session-remember-me", why: later},
		{name: "session-terminate-others", why: later},
	}
}
