package contract

import (
	"net/http"
	"testing"
)

// jsonScenarios are walked by clients that speak JSON.
func jsonScenarios() []scenario {
	return []scenario{
		{
			name: "two steps in JSON", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.program(t)
				step := p.get("/.authentik/login?to=/there%3Fa=b").isChallenge("ak-stage-identification")
				step = step.answer(map[string]any{"uid_field": s.unique("alice")}).isChallenge("ak-stage-password")
				step = step.answer(map[string]any{"password": "wrong"}).isChallenge("ak-stage-password").hasError("password")
				step.answer(map[string]any{"password": s.password}).isDone("alice", "/there?a=b")
				p.get("/.authentik/login?to=/again").isDone("alice", "/again")
				if out := p.send(http.MethodPost, "/.authentik/logout", nil); !out.Done {
					t.Fatalf("signing out: got %s", out.body)
				}
				p.get("/.authentik/login").isChallenge("ak-stage-identification")
			},
		},
		{
			name: "prompt in JSON", standIn: promptStandIn, blueprint: promptBlueprint,
			walk: func(t *testing.T, s *site) {
				step := s.program(t).get("/.authentik/login").signIn("alice").isChallenge("ak-stage-prompt").hasError("")
				contact, count := step.labelled("Contact"), step.labelled("Count")
				step = step.answer(map[string]any{contact: "this is no address", count: 7}).isChallenge("ak-stage-prompt").hasError(contact)
				step.answer(map[string]any{contact: "jane@example.com", count: 7}).isDone("alice", "/")
			},
		},
		{
			name: "denied in JSON", standIn: denyStandIn, blueprint: denyBlueprint,
			walk: func(t *testing.T, s *site) {
				step := s.program(t).get("/.authentik/login").signIn("bob")
				if step.status != http.StatusForbidden || step.Challenge.Component != "ak-stage-access-denied" || step.Done {
					t.Fatalf("got status %d: %s", step.status, step.body)
				}
			},
		},
		{
			name: "application denied in JSON", standIn: appStandIn, blueprint: appBlueprint, application: "app",
			walk: func(t *testing.T, s *site) {
				p := s.program(t)
				for _, step := range []reply{p.get("/.authentik/login").signIn("bob"), p.get("/.authentik/login"), p.get("/")} {
					if step.status != http.StatusForbidden || step.Code != "not-allowed" || step.Done {
						t.Fatalf("got status %d: %s", step.status, step.body)
					}
				}
				s.program(t).get("/.authentik/login").signIn("alice").isDone("alice", "/")
			},
		},
	}
}
