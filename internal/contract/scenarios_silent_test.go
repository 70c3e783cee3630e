package contract

import (
	"net/http"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// silentScenarios are about stages that ask for at most one click.
func silentScenarios() []scenario {
	return []scenario{
		{
			name: "consent with permissions", standIn: permissionsStandIn, blueprint: permissionsBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/x").signIn("alice").showsNoError().isChallenge("ak-stage-consent")
				p.shows("You're about to sign into Contract.").shows("Read your address").press("").greets("alice", "/x")
			},
		},
		{
			name: "stay signed in", standIn: stayStandIn, blueprint: stayBlueprint,
			walk: func(t *testing.T, s *site) {
				for _, choice := range []string{"remember_me=1", "remember_me=0"} {
					v := s.visitor(t)
					v.open("/x").signIn("alice").showsNoError().isChallenge("ak-stage-user-login").press(choice).greets("alice", "/x")
					v.open("/y").greets("alice", "/y")
					v.signOut()
				}
			},
		},
		{
			name: "a dummy", standIn: dummyStandIn(false), blueprint: dummyBlueprint(false),
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/x").signIn("alice").showsNoError().isChallenge("ak-stage-dummy")
				v.open("/").asksFor("uid_field")
				p.press("").greets("alice", "/x")
			},
		},
		{
			name: "an error inside authentik", standIn: dummyStandIn(true), blueprint: dummyBlueprint(true),
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/x").signIn("alice").isRefused(http.StatusBadGateway)
				p.click("Try again").asksFor("uid_field").showsNoError()
			},
		},
		{
			name: "denied without a reason", standIn: reasonlessStandIn, blueprint: reasonlessBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/x").signIn("alice").isRefused(http.StatusForbidden).shows("Unknown error")
				p.click("Try again").asksFor("uid_field").showsNoError()
			},
		},
		{
			name: "redirected without a message", standIn: turnedAwayStandIn, blueprint: turnedAwayBlueprint,
			walk: func(t *testing.T, s *site) {
				s.visitor(t).open("/x").isRefused(http.StatusForbidden)
			},
		},
	}
}

// permissionsStandIn has a policy that sets the permissions to consent to, as a
// provider does.
func permissionsStandIn(n names) authentiktest.Config {
	asks := authentiktest.Policy{Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) {
		r.Context["consent_header"] = "You're about to sign into Contract."
		r.Context["consent_permissions"] = []authentiktest.Permission{{ID: "email", Name: "Read your address"}}
		return true, nil, nil
	}}
	return n.twoSteps([]authentiktest.Binding{{
		Stage: &authentiktest.ConsentStage{}, Policies: []authentiktest.Policy{asks},
	}}, n.account("alice"))
}

func permissionsBlueprint(n names) *draft {
	return consentBlueprint(n).policy("consent-binding", "asks", `plan = request.context["flow_plan"]
plan.context["consent_header"] = "You're about to sign into Contract."
plan.context["consent_permissions"] = [{"id": "email", "name": "Read your address"}]
return True`)
}

func stayStandIn(n names) authentiktest.Config {
	cfg := n.twoSteps(nil, n.account("alice"))
	cfg.Flows[0].Bindings[2].Stage = &authentiktest.UserLoginStage{Duration: 8 * time.Hour, RememberMe: 30 * 24 * time.Hour}
	return cfg
}

func stayBlueprint(n names) *draft {
	return plainBlueprint(n).set("flow-login", Attrs{"session_duration": "hours=8", "remember_me_offset": "days=30"})
}

func dummyStandIn(throws bool) func(names) authentiktest.Config {
	return func(n names) authentiktest.Config {
		return n.twoSteps(bindings(&authentiktest.DummyStage{Name: n.unique("dummy"), Throw: throws}), n.account("alice"))
	}
}

func dummyBlueprint(throws bool) func(names) *draft {
	return func(n names) *draft {
		return n.draft("alice").twoSteps(func(d *draft) {
			d.stage("flow", "authentik_stages_dummy.dummystage", "dummy", Attrs{"throw_error": throws})
		})
	}
}

func reasonlessStandIn(n names) authentiktest.Config {
	return n.twoSteps(bindings(&authentiktest.DenyStage{}), n.account("alice"))
}

func reasonlessBlueprint(n names) *draft {
	return n.draft("alice").twoSteps(func(d *draft) {
		d.stage("flow", "authentik_stages_deny.denystage", "deny", Attrs{"deny_message": ""})
	})
}

// turnedAwayStandIn redirects visitors whom the flow does not apply to, without a
// message.
func turnedAwayStandIn(n names) authentiktest.Config {
	cfg := closedStandIn(n)
	cfg.Flows[0].DeniedAction = authentiktest.DeniedContinue
	return cfg
}

func turnedAwayBlueprint(n names) *draft {
	return closedBlueprint(n).set("flow", Attrs{"denied_action": "continue"})
}
