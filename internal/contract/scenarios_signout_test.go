package contract

import (
	"net/http"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// signOutScenarios are about signing out where authentik's own pages sign in: the
// browser is sent to the end-session address of the provider.
func signOutScenarios() []scenario {
	const logout = "/.authentik/logout"
	elsewhereOnly := func(names) []string { return []string{elsewhere + "/out"} }
	registered := func(n names) []string { return []string{n.url + logout} }
	signsOut := func(v *visitor) page {
		v.open("/x").finishes("alice").greets("alice", "/x")
		return v.open(logout).press("")
	}
	return []scenario{
		scenario{
			name: "signing out leads back to a registered address", standIn: plainStandIn, blueprint: plainBlueprint,
			since: authentiktest.Release202605, // older ones register no such address
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := signsOut(v).finishes("")
				if p.URL.Path != logout || p.Status != http.StatusOK {
					p.fatal("is not the site's own page about the sign-out")
				}
			},
		}.by(client{redirect: true, logouts: registered}),
		scenario{
			// The invalidation flow that authentik gives providers leaves its own session
			// alone, so that nothing is asked the next time.
			name: "signing in again after signing out", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				signsOut(v).finishes("")
				v.open("/y").greets("alice", "/y")
			},
		}.by(client{redirect: true}),
		scenario{
			// authentik answers a way back that it does not know with a page of status 400,
			// and the person stays signed in.
			name: "signing out where another address is registered", standIn: plainStandIn, blueprint: plainBlueprint,
			notYet: "the gate sends an address to come back to that it does not know to be registered (authentik-2026.8.md, D2)",
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				signsOut(v).onAuthentik()
			},
		}.by(client{redirect: true, logouts: elsewhereOnly}),
		scenario{
			name: "signing out where no address is registered", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				signsOut(v).onAuthentik()
				if !v.knownAtAuthentik(s.authentik) {
					t.Error("got signed out at authentik, want that left to its own page")
				}
			},
		}.by(client{redirect: true}),
		scenario{
			// Every visit of end-session deletes the access tokens of the client since 2026.8;
			// its refresh tokens, and authentik's session, live on.
			name: "end-session ends no session at the gate", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/x").finishes("alice").greets("alice", "/x")
				p, err := v.browser.Open(t.Context(), s.authentik+"/application/o/"+s.of("app")+"/end-session/")
				if err != nil || p.Status != http.StatusOK {
					t.Fatalf("got status %d from end-session, %v, want a page", p.Status, err)
				}
				s.advance(sooner)
				v.open("/y").greets("alice", "/y")
				v.open("/z").greets("alice", "/z")
			},
		}.by(client{redirect: true}),
	}
}
