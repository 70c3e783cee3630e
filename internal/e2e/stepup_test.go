package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/browser"
)

// twoRoutes are two handlers of one client on one site, of which one demands a second factor. Each has its own
// addresses on its own route.
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

// newTwoRoutes starts a site of that kind.
func newTwoRoutes(t testing.TB) *site {
	t.Helper()
	s := connected(setup{scheme: "http", routes: twoRoutes}).site(t)
	s.meet("app", s.address, "/admin/.authentik")
	return s
}

// hasFactor gives Jane a second factor, which her flow asks for from then on.
func (s *site) hasFactor() {
	s.standIn.EditUser(jane, func(u *authentiktest.User) {
		u.Devices = []authentiktest.Device{{Class: authentiktest.DeviceStatic, Codes: []string{code}}}
	})
}

// again signs in from a fresh first step.
func (p *person) again(page *browser.Page) *browser.Page {
	p.Helper()
	if !page.Has("uid_field") {
		p.Fatalf("no sign-in is asked for, but status %d at %s:\n%s", page.Status, page.URL, page.Text())
	}
	return p.enter(p.enter(page, "uid_field", jane), "password", password)
}

// tooWeak holds a page to say that the sign-in was not of the kind that is demanded.
func (p *person) tooWeak(page *browser.Page) {
	p.Helper()
	if page.Status != http.StatusForbidden || !strings.Contains(page.Text(), "step-up-refused") {
		p.Errorf("status %d at %s:\n%s", page.Status, page.URL, page.Text())
	}
}

func TestARouteThatDemandsASecondFactorAsksForOne(t *testing.T) {
	t.Parallel()
	s := newTwoRoutes(t)
	p := s.signedIn(t) // with the password alone
	s.hasFactor()
	page := p.again(p.open("/admin/users?page=2"))
	if !page.Has("code") {
		t.Fatalf("no second factor is asked for, but status %d at %s:\n%s", page.Status, page.URL, page.Text())
	}
	p.greeted(p.enter(page, "code", code), "/admin/users?page=2")
	for _, path := range []string{"/", "/admin/", "/still"} {
		p.greeted(p.open(path), path)
	}
}

func TestARouteThatDemandsASecondFactorRefusesWhoHasNone(t *testing.T) {
	t.Parallel()
	s := newTwoRoutes(t)
	p := s.signedIn(t)
	reached := len(s.app.requests())
	p.tooWeak(p.again(p.open("/admin/users")))
	if len(s.app.requests()) != reached {
		t.Error("the application was reached without a second factor")
	}

	// Whoever has set one up meanwhile gets in.
	s.hasFactor()
	p.greeted(p.enter(p.again(p.open("/admin/users")), "code", code), "/admin/users")
}

// TestWhoSignsInWithoutTheFactorThatIsDemandedIsRefused has never been at the site before: to ask again would ask for the
// same.
func TestWhoSignsInWithoutTheFactorThatIsDemandedIsRefused(t *testing.T) {
	t.Parallel()
	s := connected(setup{scheme: "http", gate: []string{"require mfa"}}).site(t)
	p := s.person(t)
	p.tooWeak(p.again(p.open("/deep")))
	if len(s.app.requests()) > 0 {
		t.Error("the application was reached without a second factor")
	}
	s.hasFactor()
	p.greeted(p.enter(p.again(p.open("/deep")), "code", code), "/deep")
}
