package contract

import (
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

func formScenarios() []scenario {
	return []scenario{
		{
			name: "consent", standIn: consentStandIn, blueprint: consentBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/x").signIn("alice").showsNoError()
				v.open("/").asksFor("uid_field") // not before the consent
				p.press("").greets("alice", "/x")
			},
		},
		{
			name: "consent declined", standIn: consentStandIn, blueprint: consentBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/x").signIn("alice").press("again=1").asksFor("uid_field").showsNoError()
				v.open("/").asksFor("uid_field")
			},
		},
		{
			name: "prompt", standIn: promptStandIn, blueprint: promptBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/").signIn("alice").showsNoError()
				p = p.enter("Contact", "this is no address", "Count", "7").showsError("valid email")
				if field, _ := p.Labelled("Count"); field == "" {
					p.fatal("has no field Count")
				} else if typed, _ := p.Value(field); typed != "7" {
					p.fatal("has %q in the field, want what was typed", typed)
				}
				p.enter("Contact", "jane@example.com").greets("alice", "/")
			},
		},
		{
			name: "a redirect stage leads to another flow", standIn: chainStandIn, blueprint: chainBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/far?a=b").signIn("alice").showsNoError()
				p.enter("Nickname", "Ally").greets("alice", "/far?a=b")
			},
		},
		{
			name: "a redirect stage leads to another site", standIn: awayStandIn, blueprint: awayBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/").signIn("alice")
				if !strings.Contains(p.Body, `href="https://elsewhere.example.com/terms"`) {
					p.fatal("has no link to the address that the flow redirects to")
				}
				v.open("/").asksFor("uid_field")
			},
		},
	}
}

func consentStandIn(n names) authentiktest.Config {
	return n.twoSteps([]authentiktest.Binding{{Stage: &authentiktest.ConsentStage{}}}, n.account("alice"))
}

func consentBlueprint(n names) *draft {
	return n.draft("alice").twoSteps(func(d *draft) {
		d.stage("flow", "authentik_stages_consent.consentstage", "consent", Attrs{"mode": "always_require"})
	})
}

func promptStandIn(n names) authentiktest.Config {
	stage := &authentiktest.PromptStage{Fields: []authentiktest.Field{
		{Key: "contact", Label: "Contact", Type: authentiktest.FieldEmail},
		{Key: "count", Label: "Count", Type: authentiktest.FieldNumber, Order: 1},
	}}
	return n.twoSteps([]authentiktest.Binding{{Stage: stage}}, n.account("alice"))
}

func promptBlueprint(n names) *draft {
	return n.draft("alice").twoSteps(func(d *draft) {
		d.prompts("flow", "form",
			Attrs{"field_key": "contact", "label": "Contact", "type": "email", "required": true},
			Attrs{"field_key": "count", "label": "Count", "type": "number", "required": true})
	})
}

// chainStandIn has a first flow that redirects to a second one before its login
// stage. The prompt and the login stage are in the second.
func chainStandIn(n names) authentiktest.Config {
	form := &authentiktest.PromptStage{Fields: []authentiktest.Field{{Key: "nickname", Label: "Nickname"}}}
	return authentiktest.Config{
		Users: []authentiktest.User{n.account("alice")},
		Flows: []authentiktest.Flow{
			n.flow("other", authentiktest.Binding{Stage: form}, login()),
			n.flow("flow", identification(), password(),
				authentiktest.Binding{Stage: &authentiktest.RedirectStage{Flow: n.unique("other")}}),
		},
	}
}

func chainBlueprint(n names) *draft {
	d := n.draft("alice").flow("other", "authentication")
	d.prompts("other", "form", Attrs{"field_key": "nickname", "label": "Nickname", "type": "text", "required": true})
	return d.login("other").identification("flow").boundPassword("flow").
		stage("flow", "authentik_stages_redirect.redirectstage", "redirect", Attrs{
			"mode": "flow", "target_flow": KeyOf("other"), "keep_context": true,
		})
}

func awayStandIn(n names) authentiktest.Config {
	stage := &authentiktest.RedirectStage{To: "https://elsewhere.example.com/terms"}
	return n.twoSteps([]authentiktest.Binding{{Stage: stage}}, n.account("alice"))
}

func awayBlueprint(n names) *draft {
	return n.draft("alice").twoSteps(func(d *draft) {
		d.stage("flow", "authentik_stages_redirect.redirectstage", "redirect", Attrs{
			"mode": "static", "target_static": "https://elsewhere.example.com/terms", "keep_context": true,
		})
	})
}
