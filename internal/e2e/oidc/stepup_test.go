package oidc

import (
	"net/http"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/browser"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// twoRoutes are two handlers of one client on one site, of which one requires a
// second factor. Each has its own addresses on its own route.
const twoRoutes = `handle /admin/* {
		authentik AUTHENTIK {
			application app
			client_id "gate of app"
			client_secret {env.CLIENT_SECRET}
			require mfa
			prefix /admin/.authentik
		}
		reverse_proxy APPLICATION
	}
	handle {
		authentik AUTHENTIK {
			application app
			client_id "gate of app"
			client_secret {env.CLIENT_SECRET}
		}
		reverse_proxy APPLICATION
	}`

func startTwoRoutes(t testing.TB) *testsite.Site {
	t.Helper()
	s := testsite.Setup{Scheme: "http", Routes: twoRoutes}.OIDC().Start(t)
	s.Register("app", s.Address, "/admin/.authentik")
	return s
}

// checkTooWeak fails the test unless a page says that the sign-in was not of
// the required kind.
func checkTooWeak(t testing.TB, page *browser.Page) {
	t.Helper()
	if page.Status != http.StatusForbidden || !strings.Contains(page.Text(), "step-up-refused") {
		t.Errorf("got status %d at %s, want a refusal of the sign-in:\n%s", page.Status, page.URL, page.Text())
	}
}

func TestStepUp_RouteAsksForASecondFactor(t *testing.T) {
	t.Parallel()
	s := startTwoRoutes(t)
	p := s.SignedIn(t) // by the password only
	testsite.AddCode(s.StandIn)
	page := p.Credentials(p.Open("/admin/users?page=2"))
	if !page.Has("code") {
		t.Fatalf("got status %d at %s, want a question for the second factor:\n%s", page.Status, page.URL, page.Text())
	}
	p.Greeted(p.Enter(page, "code", testsite.Code), "/admin/users?page=2")
	for _, path := range []string{"/", "/admin/", "/still"} {
		p.Greeted(p.Open(path), path)
	}
}

func TestStepUp_UserWithoutASecondFactorIsRefused(t *testing.T) {
	t.Parallel()
	s := startTwoRoutes(t)
	p := s.SignedIn(t)
	reached := len(s.App.Requests())
	checkTooWeak(t, p.Credentials(p.Open("/admin/users")))
	if len(s.App.Requests()) != reached {
		t.Error("got a request at the application without a second factor")
	}

	// With one that has been set up meanwhile the user gets in.
	testsite.AddCode(s.StandIn)
	p.Greeted(p.Enter(p.Credentials(p.Open("/admin/users")), "code", testsite.Code), "/admin/users")
}

// TestRequire_FirstSignInWithoutASecondFactorIsRefused: to ask again would lead
// to the same sign-in.
func TestRequire_FirstSignInWithoutASecondFactorIsRefused(t *testing.T) {
	t.Parallel()
	s := testsite.Setup{Scheme: "http", Gate: []string{"require mfa"}}.OIDC().Start(t)
	p := s.Person(t)
	checkTooWeak(t, p.Credentials(p.Open("/deep")))
	if len(s.App.Requests()) > 0 {
		t.Error("got a request at the application without a second factor")
	}
	testsite.AddCode(s.StandIn)
	p.Greeted(p.Enter(p.Credentials(p.Open("/deep")), "code", testsite.Code), "/deep")
}
