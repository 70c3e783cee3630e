package contract

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// scriptedScenarios are about challenges that a real authentik never sends to a
// visitor of the gate: no blueprint can produce them.
func scriptedScenarios() []scenario {
	return []scenario{
		{
			name: "device code", standIn: deviceCodeStandIn,
			standInOnly: "authentik asks for the code only at its own address /device, which belongs to a brand",
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/").signIn("alice").isChallenge("ak-provider-oauth2-device-code").showsNoError()
				p = p.enter("code", "000000000").isChallenge("ak-provider-oauth2-device-code").showsError("Invalid code")
				p.enter("code", "640378382").shows("Your device is connected").click("Sign in").asksFor("uid_field").showsNoError()
				v.open("/").asksFor("uid_field") // the code signed in the device, not this browser
			},
		},
		{
			name: "session end", standIn: sessionEndStandIn,
			standInOnly: "authentik says so only at the end-session address of a provider",
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/x").signIn("alice").shows("You have signed out of Notes.").shows("You are still signed in to Example.")
				p.click("Sign in again").asksFor("uid_field").showsNoError()
			},
		},
	}
}

// deviceCodeStandIn asks a signed-in user for the device's code, as authentik does.
func deviceCodeStandIn(n names) authentiktest.Config {
	cfg := n.twoSteps(nil, n.account("alice"))
	cfg.Flows[0].Bindings = append(cfg.Flows[0].Bindings, bindings(
		&authentiktest.ScriptedStage{
			Component: "ak-provider-oauth2-device-code",
			Check: func(answer map[string]any) map[string]string {
				if answer["code"] != "640378382" {
					return map[string]string{"code": "Invalid code"}
				}
				return nil
			},
		},
		&authentiktest.ScriptedStage{Component: "ak-provider-oauth2-device-code-finish", Last: true},
	)...)
	return cfg
}

func sessionEndStandIn(n names) authentiktest.Config {
	return n.twoSteps(bindings(&authentiktest.ScriptedStage{
		Component: "ak-stage-session-end", User: true, Last: true,
		Challenge: `{"application_name": "Notes", "application_launch_url": "https://app.example.com/",
			"invalidation_flow_url": "/if/flow/default-invalidation-flow/", "brand_name": "Example"}`,
	}), n.account("alice"))
}
