package contract

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

func visitScenarios() []scenario {
	return []scenario{
		{
			name: "a lost authentik session in mid-visit", standIn: plainStandIn, blueprint: plainBlueprint,
			standInOnly: "authentik's API ends only the sessions of signed-in users: no request makes it lose a visit",
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/way/back").identify("alice").asksFor("password")
				s.loseSessions()
				p = p.password(s.password).asksFor("uid_field").showsNoError()
				if len(p.Notices()) == 0 {
					p.fatal("restarts the flow without a notice")
				}
				p.signIn("alice").greets("alice", "/way/back")
			},
		},
		{
			name: "two tabs are independent", standIn: pairStandIn, blueprint: pairBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				first, second := v.open("/first"), v.open("/second")
				first = first.identify("alice").asksFor("password").shows(s.unique("alice"))
				second = second.identify("bob").asksFor("password").shows(s.unique("bob"))
				second.password(s.password).greets("bob", "/second")
				// The browser has a new secret, so the other tab's visit has ended. Its
				// answer leads to where that tab wanted to go, with the new session.
				first.password(s.password).greets("bob", "/first")
			},
		},
		{
			name: "two tabs, one after the other", standIn: pairStandIn, blueprint: pairBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				first, second := v.open("/first"), v.open("/second")
				first.signIn("alice").greets("alice", "/first")
				second.identify("bob").greets("alice", "/second")
				v.signOut()
				v.open("/third").signIn("bob").greets("bob", "/third")
			},
		},
		{
			name: "two browsers, two people", standIn: pairStandIn, blueprint: pairBlueprint,
			walk: func(t *testing.T, s *site) {
				alice, bob := s.visitor(t), s.visitor(t)
				hers, his := alice.open("/"), bob.open("/")
				hers, his = hers.identify("alice"), his.identify("bob")
				hers.password(s.password).greets("alice", "/")
				his.password(s.password).greets("bob", "/")
				alice.signOut()
				bob.open("/still").greets("bob", "/still")
			},
		},
	}
}

func pairStandIn(n names) authentiktest.Config {
	return n.twoSteps(nil, n.account("alice"), n.account("bob"))
}

func pairBlueprint(n names) *draft { return n.draft("alice", "bob").twoSteps(nil) }
