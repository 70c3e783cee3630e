package contract

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// recheckDue is a little longer than the gate's recheck interval.
const recheckDue = 6 * time.Minute

// recheckScenarios are about sessions whose user changes at authentik.
func recheckScenarios() (all []scenario) {
	for _, s := range []scenario{
		{
			name: "changes of a user reach the application", standIn: pressStandIn, blueprint: pressBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/x").signIn("alice").greets("alice", "/x").shows(s.address("alice"))
				s.admin.setEmail(t, s.unique("alice"), s.address("moved"))
				s.admin.addToGroup(t, s.unique("alice"), s.unique("press"))
				v.open("/y").greets("alice", "/y").shows(s.address("alice"))
				s.advance(recheckDue)
				p := v.until("/y", func(p page) bool { return strings.Contains(p.Text(), s.address("moved")) })
				p.greets("alice", "/y").shows(s.unique("press"))
			},
		},
		{
			name: "a user who loses access to the application", standIn: appStandIn, blueprint: appBlueprint, application: "app",
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/x").signIn("alice").greets("alice", "/x")
				s.admin.removeFromGroup(t, s.unique("alice"), s.unique("staff"))
				s.advance(recheckDue)
				v.until("/y", func(p page) bool { return p.Status == http.StatusForbidden }).shows(s.unique("alice"))
				s.admin.addToGroup(t, s.unique("alice"), s.unique("staff"))
				s.advance(recheckDue)
				v.until("/y", func(p page) bool { return p.Status == http.StatusOK }).greets("alice", "/y")
			},
		},
		{
			name: "a deactivated user", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/x").signIn("alice").greets("alice", "/x")
				s.admin.deactivate(t, s.unique("alice"))
				s.advance(recheckDue)
				p := v.until("/y", page.isSignIn).asksFor("uid_field").showsNoError()
				p.signIn("alice").asksFor("password").showsError("Invalid password")
			},
		},
		{
			name: "a session that the administrator ends", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/x").signIn("alice").greets("alice", "/x")
				if n := s.admin.endSessions(t, s.unique("alice")); n != 1 {
					t.Errorf("got %d sessions at authentik, want 1", n)
				}
				s.advance(recheckDue)
				v.until("/y", page.isSignIn).asksFor("uid_field").showsNoError().signIn("alice").greets("alice", "/y")
			},
		},
	} {
		all = append(all, withAndWithoutOIDC(s)...)
	}
	return all
}

// endScenarios are about the end of authentik's own session.
func endScenarios() (all []scenario) {
	for _, s := range []scenario{
		{
			name: "signing out ends authentik's session", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				v, other := s.visitor(t), s.visitor(t)
				v.open("/x").signIn("alice").greets("alice", "/x")
				other.open("/x").signIn("alice").greets("alice", "/x")
				kept := v.cookies()
				if status := s.status(t, kept); status != http.StatusOK {
					t.Fatalf("got status %d before signing out, want 200", status)
				}
				v.signOut()
				if status := s.status(t, kept); status == http.StatusOK {
					t.Error("got the application with the old cookies, want them refused")
				}
				other.open("/y").greets("alice", "/y")
				if n := s.admin.endSessions(t, s.unique("alice")); n != 1 {
					t.Errorf("got %d sessions at authentik after one of two signed out, want 1", n)
				}
			},
		},
	} {
		all = append(all, withAndWithoutOIDC(s)...)
	}
	return append(all, scenario{
		name: "a logout notice ends the session at once", standIn: pairStandIn, blueprint: pairBlueprint,
		walk: func(t *testing.T, s *site) {
			v, bob := s.visitor(t), s.visitor(t)
			v.open("/x").signIn("alice").greets("alice", "/x")
			bob.open("/x").signIn("bob").greets("bob", "/x")
			if n := s.admin.endSessions(t, s.unique("alice")); n != 1 {
				t.Errorf("got %d sessions at authentik, want 1", n)
			}
			v.until("/y", page.isSignIn).asksFor("uid_field").showsNoError().signIn("alice").greets("alice", "/y")
			bob.open("/y").greets("bob", "/y")
			v.signOut() // authentik sends a logout notice for this too
			bob.open("/z").greets("bob", "/z")
		},
	}.byOIDC(client{backchannel: true}))
}

// until reloads a page until fine returns true: the gate asks authentik in the
// background.
func (v *visitor) until(path string, fine func(page) bool) page {
	v.Helper()
	var p page
	if !eventually(answerTimeout, func() bool { p = v.open(path); return fine(p) }) {
		p.fatal("has not changed as expected within %v", answerTimeout)
	}
	return p
}

// cookies returns the cookies that the browser sends to the site.
func (v *visitor) cookies() map[string]string {
	v.Helper()
	all, err := v.browser.Cookies(v.site.url + "/")
	if err != nil {
		v.Fatal(err)
	}
	return all
}

// status returns the status of a request to the application with those cookies.
func (s *site) status(t *testing.T, cookies map[string]string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

func pressStandIn(n names) authentiktest.Config {
	cfg := plainStandIn(n)
	cfg.Groups = []authentiktest.Group{{Name: n.unique("press")}}
	return cfg
}

func pressBlueprint(n names) *draft { return n.draft("alice").group("press").twoSteps(nil) }
