package contract

import (
	"net/http"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// signOutScenarios are about signing out with sign-ins on authentik's own pages:
// the gate redirects the browser to the provider's end-session endpoint.
func signOutScenarios() []scenario {
	const logout = "/.authentik/logout"
	elsewhereOnly := func(names) []string { return []string{elsewhere + "/out"} }
	registered := func(n names) []string { return []string{n.url + logout} }
	signsOut := func(v *visitor) page {
		v.open("/x").finishFlow("alice").greets("alice", "/x")
		host := strings.TrimPrefix(strings.TrimPrefix(v.site.authentik, "http://"), "https://")
		p := v.open(logout).press("")
		if !strings.Contains(p.Text(), "You are signed out of this site.") {
			p.fatal("does not say that the sign-out has worked")
		}
		return p.click("Continue at " + host)
	}
	return []scenario{
		scenario{
			name: "signing out leads back to a registered address", standIn: plainStandIn, blueprint: plainBlueprint,
			since: authentiktest.Release202605, // older releases have no post-logout redirect URIs
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/x").finishFlow("alice").greets("alice", "/x")
				p := v.open(logout).press("").finishFlow("")
				if p.URL.Path != logout || p.Status != http.StatusOK {
					p.fatal("is not the site's own sign-out page")
				}
			},
		}.byOIDC(client{redirect: true, logouts: registered, returns: true}),
		scenario{
			// authentik's default invalidation flow for providers keeps authentik's own
			// session, so the next sign-in asks for nothing.
			name: "signing in again after signing out", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				signsOut(v).finishFlow("")
				v.open("/y").greets("alice", "/y")
			},
		}.byOIDC(client{redirect: true}),
		scenario{
			// authentik answers 400 to an unregistered post-logout redirect URI, and the
			// user stays signed in.
			name: "signing out where another address is registered", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				signsOut(v).isAuthentiks()
			},
		}.byOIDC(client{redirect: true, logouts: elsewhereOnly}),
		scenario{
			name: "signing out where no address is registered", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				signsOut(v).isAuthentiks()
				if !v.knownAtAuthentik(s.authentik) {
					t.Error("got signed out at authentik, want its session kept")
				}
			},
		}.byOIDC(client{redirect: true}),
		scenario{
			// Since 2026.8 each request to end-session deletes the client's access tokens;
			// its refresh tokens and authentik's session stay valid.
			name: "end-session ends no session at the gate", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/x").finishFlow("alice").greets("alice", "/x")
				p, err := v.browser.Open(t.Context(), s.authentik+"/application/o/"+s.unique("app")+"/end-session/")
				if err != nil || p.Status != http.StatusOK {
					t.Fatalf("got status %d from end-session and error %v, want 200", p.Status, err)
				}
				s.advance(recheckDue)
				v.open("/y").greets("alice", "/y")
				v.open("/z").greets("alice", "/z")
			},
		}.byOIDC(client{redirect: true}),
	}
}
