package contract

import (
	"net/http"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// barred is the message for visitors whom a stage or a policy refuses.
const barred = "Not for you today."

func refusalScenarios() []scenario {
	return []scenario{
		{
			name: "denied by a policy on the flow", standIn: closedStandIn, blueprint: closedBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/").isRefused(http.StatusForbidden).shows(barred)
				v.open("/again").isRefused(http.StatusForbidden).shows(barred)
			},
		},
		{
			name: "a flow that needs a link", standIn: linkOnlyStandIn, blueprint: linkOnlyBlueprint, pageHost: true,
			since: authentiktest.Release202608,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/if/flow/" + s.unique("reset") + "/").isRefused(http.StatusForbidden)
				p.shows("Flow does not apply to current user.")
				s.visitor(t).open("/").signIn("alice").greets("alice", "/")
			},
		},
		{
			name: "denied by a policy on a stage", standIn: denyStandIn, blueprint: denyBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/").signIn("bob").isRefused(http.StatusForbidden).shows(barred)
				v.open("/").asksFor("uid_field").signIn("alice").greets("alice", "/")
			},
		},
		{
			name: "a wrong password restarts the flow", standIn: restartStandIn, blueprint: restartBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/x").identify("alice").password("wrong").asksFor("uid_field").showsNoError()
				p.signIn("alice").greets("alice", "/x")
			},
		},
		{
			name: "application allowed", standIn: appStandIn, blueprint: appBlueprint, application: "app",
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/a").signIn("alice").greets("alice", "/a").shows(s.unique("staff"))
				v.open("/b").greets("alice", "/b")
			},
		},
		{
			name: "application denied", standIn: appStandIn, blueprint: appBlueprint, application: "app",
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/a").signIn("bob").isRefused(http.StatusForbidden).shows(s.unique("bob"))
				p := v.open("/b").isRefused(http.StatusForbidden).shows(s.unique("bob"))
				// With another account the same browser may.
				p.press("Use another account").signIn("alice").greets("alice", "/b")
			},
		},
	}
}

func closedStandIn(n names) authentiktest.Config {
	cfg := n.twoSteps(nil, n.account("alice"))
	cfg.Flows[0].Policies = []authentiktest.Policy{{
		Func: func(*authentiktest.PolicyRequest) (bool, []string, error) { return false, []string{barred}, nil },
	}}
	return cfg
}

func closedBlueprint(n names) *draft {
	return n.draft("alice").twoSteps(nil).
		policy("flow", "closed", "ak_message(\""+barred+"\")\nreturn False")
}

func linkOnlyStandIn(n names) authentiktest.Config {
	cfg := n.twoSteps(nil, n.account("alice"))
	reset := n.designed("reset", authentiktest.DesignationRecovery, &authentiktest.IdentificationStage{UserFields: usual})
	reset.Authentication = authentiktest.RequireToken
	cfg.Flows = append(cfg.Flows, reset)
	return cfg
}

func linkOnlyBlueprint(n names) *draft {
	d := n.draft("alice").flow("reset", "recovery").set("reset", Attrs{"authentication": "require_token"})
	return d.identification("reset").twoSteps(nil)
}

func restartStandIn(n names) authentiktest.Config {
	cfg := n.twoSteps(nil, n.account("alice"))
	cfg.Flows[0].Bindings[1].InvalidResponse = authentiktest.Restart
	return cfg
}

func restartBlueprint(n names) *draft {
	return plainBlueprint(n).set("flow-password-binding", Attrs{"invalid_response_action": "restart"})
}

// denyStandIn has a deny stage for bob only. Its policy checks the pending user:
// the request has no authenticated user yet.
func denyStandIn(n names) authentiktest.Config {
	bob := authentiktest.Policy{Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) {
		return r.Pending.Username == n.unique("bob"), nil, nil
	}}
	return n.twoSteps([]authentiktest.Binding{{
		Stage: &authentiktest.DenyStage{Message: barred}, Policies: []authentiktest.Policy{bob},
	}}, n.account("alice"), n.account("bob"))
}

func denyBlueprint(n names) *draft {
	return n.draft("alice", "bob").twoSteps(func(d *draft) {
		d.stage("flow", "authentik_stages_deny.denystage", "deny", Attrs{"deny_message": barred})
		d.policy("deny-binding", "bob-alone", "user = request.context.get(\"pending_user\")\n"+
			"return user is not None and user.username == \""+n.unique("bob")+"\"")
	})
}

func appStandIn(n names) authentiktest.Config {
	cfg := n.twoSteps(nil, n.account("alice", "staff"), n.account("bob"))
	cfg.Applications = []authentiktest.Application{{Slug: n.unique("app"), Name: "Contract", Policies: n.members("staff")}}
	return cfg
}

func appBlueprint(n names) *draft {
	d := n.draft("bob").group("staff").user("alice", KeyOf("staff")).twoSteps(nil)
	return d.application().allow("app", "staff")
}
