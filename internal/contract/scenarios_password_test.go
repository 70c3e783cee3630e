package contract

import (
	"net/http"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

func passwordScenarios() []scenario {
	return []scenario{
		{
			name: "password in two steps", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/deep/link?x=1&y=%2F").asksFor("uid_field").showsNoError()
				p = p.identify("alice").asksFor("password").showsNoError().shows(s.unique("alice"))
				p = p.password(s.password).greets("alice", "/deep/link?x=1&y=%2F")
				p.shows(fullName("alice")).shows(s.unique("alice") + "@example.com")
				v.open("/again").greets("alice", "/again")
				v.signOut()
			},
		},
		{
			name: "the e-mail address names the user too", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/").enter("uid_field", s.unique("alice")+"@example.com")
				p.password(s.password).greets("alice", "/")
			},
		},
		{
			name: "password in one step", standIn: oneStepStandIn, blueprint: oneStepBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/here").asksFor("uid_field").asksFor("password")
				p = p.enter("uid_field", s.unique("alice"), "password", "wrong").asksFor("password")
				if len(p.Errors()) == 0 {
					p.fatal("shows no error after a wrong password")
				}
				p.enter("uid_field", s.unique("alice"), "password", s.password).greets("alice", "/here")
			},
		},
		{
			name: "wrong then right password", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/").identify("alice")
				p = p.password("wrong").asksFor("password").showsError("Invalid password").shows(s.unique("alice"))
				p.password(s.password).greets("alice", "/")
			},
		},
		{
			name: "unknown user", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/").identify("unknown").showsNoError()
				p.password(s.password).asksFor("password").showsError("Invalid password")
			},
		},
		{
			name: "too many wrong passwords", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/").identify("alice")
				for range 4 {
					p = p.password("wrong").showsError("Invalid password")
				}
				p.password("wrong").isRefused(http.StatusForbidden).shows("Invalid password")
				v.open("/").signIn("alice").greets("alice", "/")
			},
		},
	}
}

func plainStandIn(n names) authentiktest.Config { return n.twoSteps(nil, n.account("alice")) }

func plainBlueprint(n names) *draft { return n.draft("alice").twoSteps(nil) }

func oneStepStandIn(n names) authentiktest.Config {
	stage := &authentiktest.IdentificationStage{UserFields: []string{"username"}, Password: &authentiktest.PasswordStage{}}
	return authentiktest.Config{
		Users: []authentiktest.User{n.account("alice")},
		Flows: []authentiktest.Flow{n.flow("flow", authentiktest.Binding{Stage: stage}, login())},
	}
}

func oneStepBlueprint(n names) *draft {
	return n.draft("alice").unboundPassword("flow").
		stage("flow", "authentik_stages_identification.identificationstage", "flow-identification", Attrs{
			"user_fields": []string{"username"}, "password_stage": KeyOf("flow-password"),
		}).login("flow")
}
