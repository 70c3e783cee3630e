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
				p := v.open("/deep/link?x=1&y=%2F").asks("uid_field").calm()
				p = p.identify("alice").asks("password").calm().shows(s.of("alice"))
				p = p.password(s.password).greets("alice", "/deep/link?x=1&y=%2F")
				p.shows(fullName("alice")).shows(s.of("alice") + "@example.com")
				v.open("/again").greets("alice", "/again")
				v.signOut()
			},
		},
		{
			name: "the e-mail address names the user too", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/").enter("uid_field", s.of("alice")+"@example.com")
				p.password(s.password).greets("alice", "/")
			},
		},
		{
			name: "password in one step", standIn: oneStepStandIn, blueprint: oneStepBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/here").asks("uid_field").asks("password")
				p = p.enter("uid_field", s.of("alice"), "password", "wrong").asks("password")
				if len(p.Errors()) == 0 {
					p.fatal("does not say that the password is wrong")
				}
				p.enter("uid_field", s.of("alice"), "password", s.password).greets("alice", "/here")
			},
		},
		{
			name: "wrong then right password", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/").identify("alice")
				p = p.password("wrong").asks("password").alarms("Invalid password").shows(s.of("alice"))
				p.password(s.password).greets("alice", "/")
			},
		},
		{
			name: "unknown user", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/").identify("nobody").calm()
				p.password(s.password).asks("password").alarms("Invalid password")
			},
		},
		{
			name: "too many wrong passwords", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/").identify("alice")
				for range 4 {
					p = p.password("wrong").alarms("Invalid password")
				}
				p.password("wrong").refused(http.StatusForbidden).shows("Invalid password")
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
	return n.draft("alice").passwordStage("flow").
		stage("flow", "authentik_stages_identification.identificationstage", "flow-identification", Attrs{
			"user_fields": []string{"username"}, "password_stage": KeyOf("flow-password"),
		}).login("flow")
}
