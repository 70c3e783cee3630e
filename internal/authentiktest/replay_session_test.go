package authentiktest

import "time"

// sessionRows are the recordings about authentik's own session.
func sessionRows() []row {
	return []row{
		{name: "identity-odd-values", replay: identityOddValues},
		{name: "impersonation", replay: impersonation},
		{name: "reputation", replay: reputation},
		{name: "session-anonymous-user-switch", replay: sessionUserSwitch},
		{name: "session-ends", replay: sessionEnds},
		{name: "session-network-binding", replay: sessionNetworkBinding},
		{name: "session-remember-me", replay: sessionRememberMe},
		{name: "session-terminate-others", replay: sessionTerminateOthers},
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

func sessionTerminateOthers(r *replay) Config {
	r.signedIn(1, "lg-tom")
	return Config{Users: people("lg-tom"), Flows: []Flow{
		flowOf("lg-terminate", ask(), &PasswordStage{}, &UserLoginStage{TerminateOthers: true}),
	}}
}

func sessionNetworkBinding(*replay) Config {
	bound := func(slug string) Flow {
		return flowOf(slug, ask(), &PasswordStage{}, &UserLoginStage{BindAddress: true})
	}
	return Config{Users: people("lg-net"), Flows: []Flow{bound("lg-net-bound"), bound("lg-geo-bound")}}
}

func reputation(*replay) Config {
	fallen := []Policy{{Reputation: &Reputation{Threshold: -3}}}
	f := flowOf("lg-reputation", ask(), &PasswordStage{FailedAttempts: 10},
		&DenyStage{Message: "Too many failed attempts. Try again tomorrow."}, &UserLoginStage{})
	f.Bindings[2].Policies = fallen
	gate := oneStep("lg-reputation-gate")
	gate.DeniedAction, gate.Policies = DeniedMessage, []Policy{{Reputation: fallen[0].Reputation, Negate: true}}
	return Config{Users: people("lg-rep"), Flows: []Flow{f, gate}}
}
