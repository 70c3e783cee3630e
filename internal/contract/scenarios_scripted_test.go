package contract

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// scriptedScenarios are about what a real authentik asks only where it was not a
// gate that led there: there is no blueprint that would have it ask.
func scriptedScenarios() []scenario {
	return []scenario{
		{
			name: "device code", standIn: deviceCodeStandIn,
			notThere: "authentik asks for the code only at its own address /device, which belongs to a brand",
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/").signIn("alice").stands("ak-provider-oauth2-device-code").calm()
				p = p.enter("code", "000000000").stands("ak-provider-oauth2-device-code").alarms("Invalid code")
				p.enter("code", "640378382").shows("Your device is connected").click("Sign in").asks("uid_field").calm()
				v.open("/").asks("uid_field") // that was for the device
			},
		},
		{
			name: "session end", standIn: sessionEndStandIn,
			notThere: "authentik says so only at the end-session address of a provider",
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/x").signIn("alice").shows("You have signed out of Notes.").shows("You are still signed in to Example.")
				p.click("Sign in again").asks("uid_field").calm()
			},
		},
	}
}

// deviceCodeStandIn has the device's code asked of a user who has signed in, as
// authentik does.
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
