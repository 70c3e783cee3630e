package contract

import (
	"net/http"
	"testing"
)

// jsonScenarios are walked by programs: what pages show of it does not count.
func jsonScenarios() []scenario {
	return []scenario{
		{
			name: "two steps in JSON", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.program(t)
				step := p.asks("/.authentik/login?to=/there%3Fa=b").is("ak-stage-identification")
				step = step.answer(map[string]any{"uid_field": s.of("alice")}).is("ak-stage-password")
				step = step.answer(map[string]any{"password": "wrong"}).is("ak-stage-password").complains("password")
				step.answer(map[string]any{"password": s.password}).knows("alice", "/there?a=b")
				p.asks("/.authentik/login?to=/again").knows("alice", "/again")
				if out := p.send(http.MethodPost, "/.authentik/logout", nil); !out.Done {
					t.Fatalf("Signing out: %s", out.body)
				}
				p.asks("/.authentik/login").is("ak-stage-identification")
			},
		},
		{
			name: "prompt in JSON", standIn: promptStandIn, blueprint: promptBlueprint,
			walk: func(t *testing.T, s *site) {
				step := s.program(t).asks("/.authentik/login").signIn("alice").is("ak-stage-prompt").complains("")
				contact, count := step.labelled("Contact"), step.labelled("Count")
				step = step.answer(map[string]any{contact: "this is no address", count: 7}).is("ak-stage-prompt").complains(contact)
				step.answer(map[string]any{contact: "jane@example.com", count: 7}).knows("alice", "/")
			},
		},
		{
			name: "denied in JSON", standIn: denyStandIn, blueprint: denyBlueprint,
			walk: func(t *testing.T, s *site) {
				step := s.program(t).asks("/.authentik/login").signIn("bob")
				if step.status != http.StatusForbidden || step.Challenge.Component != "ak-stage-access-denied" || step.Done {
					t.Fatalf("Status %d: %s", step.status, step.body)
				}
			},
		},
		{
			name: "application denied in JSON", standIn: appStandIn, blueprint: appBlueprint, application: "app",
			walk: func(t *testing.T, s *site) {
				p := s.program(t)
				for _, step := range []told{p.asks("/.authentik/login").signIn("bob"), p.asks("/.authentik/login"), p.asks("/")} {
					if step.status != http.StatusForbidden || step.Code != "not-allowed" || step.Done {
						t.Fatalf("Status %d: %s", step.status, step.body)
					}
				}
				s.program(t).asks("/.authentik/login").signIn("alice").knows("alice", "/")
			},
		},
	}
}
