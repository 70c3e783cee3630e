package contract

import (
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

func identificationScenarios() []scenario {
	return []scenario{
		{
			name:      "the e-mail address alone names the user",
			standIn:   identifiedStandIn(authentiktest.IdentificationStage{UserFields: []string{"email"}, RefuseUnknownUser: true}),
			blueprint: identifiedBlueprint(Attrs{"user_fields": []string{"email"}, "pretend_user_exists": false}),
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/").asksFor("uid_field")
				// The browser refuses to submit a value that is not a mail address.
				p = p.enter("uid_field", s.address("unknown")).asksFor("uid_field").showsError("Failed to authenticate.")
				p.enter("uid_field", s.address("alice")).password(s.password).greets("alice", "/")
			},
		},
		{
			name:      "unknown users are refused at once",
			standIn:   identifiedStandIn(authentiktest.IdentificationStage{UserFields: usual, RefuseUnknownUser: true}),
			blueprint: identifiedBlueprint(Attrs{"pretend_user_exists": false}),
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/").identify("unknown").asksFor("uid_field").showsError("Failed to authenticate.")
				p.signIn("alice").greets("alice", "/")
			},
		},
		{
			name:      "the matched user stays hidden",
			standIn:   identifiedStandIn(authentiktest.IdentificationStage{UserFields: usual, HideMatchedUser: true}),
			blueprint: identifiedBlueprint(Attrs{"show_matched_user": false}),
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/").enter("uid_field", s.address("alice")).asksFor("password")
				p.shows(s.address("alice")).password(s.password).greets("alice", "/")
			},
		},
		{
			name: "the matched user is shown", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/").enter("uid_field", s.address("alice")).asksFor("password").shows(s.unique("alice"))
				if strings.Contains(p.Text(), s.address("alice")) {
					p.fatal("shows the name that was typed, want the matched user's")
				}
			},
		},
		{
			name: "names are matched whatever their case", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/").enter("uid_field", strings.ToUpper(s.unique("alice"))).password(s.password).greets("alice", "/")
				v.signOut()
				v.open("/").enter("uid_field", strings.ToUpper(s.address("alice"))).password(s.password).greets("alice", "/")
			},
		},
		{
			name: "German throughout a sign-in", standIn: staticStandIn, blueprint: staticBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.browser.Language = "de-AT,de;q=0.9,en;q=0.5"
				p := v.open("/").asksFor("uid_field").shows("Anmelden")
				p = p.identify("alice").password("falsch").showsError("Ungültiges Passwort").password(s.password)
				code := p.codes()[0]
				p.press("").greets("alice", "/")
				v.signOut()
				p = v.open("/").signIn("alice").enter("code", "123").showsError("Ungültiger Token.")
				s.wait(throttled)
				p.enter("code", code).greets("alice", "/")
			},
		},
	}
}

// usual are the user fields of the identification stage in most scenarios.
var usual = []string{"username", "email"}

func identifiedStandIn(stage authentiktest.IdentificationStage) func(names) authentiktest.Config {
	return func(n names) authentiktest.Config {
		cfg := n.twoSteps(nil, n.account("alice"))
		cfg.Flows[0].Bindings[0].Stage = &stage
		return cfg
	}
}

func identifiedBlueprint(attrs Attrs) func(names) *draft {
	return func(n names) *draft {
		return n.draft("alice").identificationAs("flow", attrs).boundPassword("flow").login("flow")
	}
}
