package contract

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// sooner is a little more than the gate waits before it asks authentik about a session again.
const sooner = 6 * time.Minute

// recheckScenarios are about what becomes of a session when authentik is asked about it again.
func recheckScenarios() (all []scenario) {
	for _, s := range []scenario{
		{
			name: "what changes about a user is told", standIn: pressStandIn, blueprint: pressBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/x").signIn("alice").greets("alice", "/x").shows(s.address("alice"))
				s.admin.moves(t, s.of("alice"), s.address("moved"))
				s.admin.joins(t, s.of("alice"), s.of("press"))
				v.open("/y").greets("alice", "/y").shows(s.address("alice"))
				s.advance(sooner)
				p := v.until("/y", func(p page) bool { return strings.Contains(p.Text(), s.address("moved")) })
				p.greets("alice", "/y").shows(s.of("press"))
			},
		},
		{
			name: "who may no longer use the application", standIn: appStandIn, blueprint: appBlueprint, application: "app",
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/x").signIn("alice").greets("alice", "/x")
				s.admin.leaves(t, s.of("alice"), s.of("staff"))
				s.advance(sooner)
				v.until("/y", func(p page) bool { return p.Status == http.StatusForbidden }).shows(s.of("alice"))
				s.admin.joins(t, s.of("alice"), s.of("staff"))
				s.advance(sooner)
				v.until("/y", func(p page) bool { return p.Status == http.StatusOK }).greets("alice", "/y")
			},
		},
		{
			name: "a deactivated user", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/x").signIn("alice").greets("alice", "/x")
				s.admin.deactivates(t, s.of("alice"))
				s.advance(sooner)
				p := v.until("/y", page.signsIn).asks("uid_field").calm()
				p.signIn("alice").asks("password").alarms("Invalid password")
			},
		},
		{
			name: "a session that the administrator ends", standIn: plainStandIn, blueprint: plainBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				v.open("/x").signIn("alice").greets("alice", "/x")
				if n := s.admin.ends(t, s.of("alice")); n != 1 {
					t.Errorf("There were %d sessions", n)
				}
				s.advance(sooner)
				v.until("/y", page.signsIn).asks("uid_field").calm().signIn("alice").greets("alice", "/y")
			},
		},
	} {
		all = append(all, bothWays(s)...)
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
					t.Fatalf("Status %d before the end", status)
				}
				v.signOut()
				if status := s.status(t, kept); status == http.StatusOK {
					t.Error("The old cookies open the application")
				}
				other.open("/y").greets("alice", "/y")
				if n := s.admin.ends(t, s.of("alice")); n != 1 {
					t.Errorf("authentik has %d sessions of two, one of which was signed out", n)
				}
			},
		},
	} {
		all = append(all, bothWays(s)...)
	}
	return append(all, scenario{
		name: "a session that ends is told at once", standIn: pairStandIn, blueprint: pairBlueprint,
		walk: func(t *testing.T, s *site) {
			v, bob := s.visitor(t), s.visitor(t)
			v.open("/x").signIn("alice").greets("alice", "/x")
			bob.open("/x").signIn("bob").greets("bob", "/x")
			if n := s.admin.ends(t, s.of("alice")); n != 1 {
				t.Errorf("There were %d sessions", n)
			}
			v.until("/y", page.signsIn).asks("uid_field").calm().signIn("alice").greets("alice", "/y")
			bob.open("/y").greets("bob", "/y")
			v.signOut() // of which authentik tells as well
			bob.open("/z").greets("bob", "/z")
		},
	}.by(client{told: true}))
}

// until loads a page again until it is as it should be: the gate asks authentik while
// requests go on.
func (v *visitor) until(path string, fine func(page) bool) page {
	v.Helper()
	var p page
	if !eventually(answerTimeout, func() bool { p = v.open(path); return fine(p) }) {
		p.fatal("is not as it should be after %v", answerTimeout)
	}
	return p
}

// cookies are what the browser sends to the site.
func (v *visitor) cookies() map[string]string {
	v.Helper()
	all, err := v.browser.Cookies(v.site.url + "/")
	if err != nil {
		v.Fatal(err)
	}
	return all
}

// status is what the application answers to somebody with those cookies.
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
	cfg.Groups = []authentiktest.Group{{Name: n.of("press")}}
	return cfg
}

func pressBlueprint(n names) *draft { return n.draft("alice").group("press").twoSteps(nil) }
