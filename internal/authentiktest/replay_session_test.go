package authentiktest

import "time"

// sessionRows are the recordings about authentik's own session.
func sessionRows() []row {
	return []row{
		{name: "identity-odd-values", why: later},
		{name: "impersonation", why: later},
		{name: "reputation", why: later},
		{name: "session-anonymous-user-switch", replay: sessionUserSwitch},
		{name: "session-ends", why: later},
		{name: "session-network-binding", why: later},
		{name: "session-remember-me", replay: sessionRememberMe},
		{name: "session-terminate-others", why: later},
	}
}

func sessionUserSwitch(r *replay) Config {
	r.signedIn(0, "lg-first")
	return Config{Users: people("lg-first", "lg-second"), Flows: []Flow{oneStep("lg-simple")}}
}

func sessionRememberMe(*replay) Config {
	return Config{Users: people("lg-remo"), Flows: []Flow{
		flowOf("lg-remember-me", ask(), &PasswordStage{}, &UserLoginStage{
			Duration: 8 * time.Hour, RememberMe: 30 * 24 * time.Hour,
		}),
	}}
}
