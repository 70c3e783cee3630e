package contract

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

func visitScenarios() []scenario {
	return []scenario{
		{
			name: "a lost authentik session in mid-visit", standIn: plainStandIn, blueprint: plainBlueprint,
			notThere: "authentik's API lists and ends the sessions of signed-in users alone: nobody can have it lose a visit",
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/way/back").identify("alice").asks("password")
				s.forget()
				p = p.password(s.password).asks("uid_field").calm()
				if len(p.Notices()) == 0 {
					p.fatal("begins anew without a word")
				}
				p.signIn("alice").greets("alice", "/way/back")
			},
		},
		{
			name: "two tabs know nothing of each other", standIn: pairStandIn, blueprint: pairBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				first, second := v.open("/first"), v.open("/second")
				first = first.identify("alice").asks("password").shows(s.of("alice"))
				second = second.identify("bob").asks("password").shows(s.of("bob"))
				second.password(s.password).greets("bob", "/second")
				// The other tab's visit is over, since the browser has a new
				// secret; whoever is signed in goes where it wanted to go.
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
