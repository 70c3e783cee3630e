package proxy

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// newSiteWithSources is a site whose sign-in offers GitHub beside the name, by OpenID Connect.
func newSiteWithSources(t testing.TB) *site {
	t.Helper()
	cfg := withSources(github())
	return newOIDCSite(t, func(reg *registration) {
		reg.flows, reg.sources = append(cfg.Flows, loginFlow("login")), cfg.Sources
		reg.flows[0].Slug, reg.flows[1].Slug = "login", "other"
	})
}

// TestElsewhere_ComesBackSignedIn has a visitor choose a source on the page, and sign in at authentik's own.
func TestElsewhere_ComesBackSignedIn(t *testing.T) {
	t.Parallel()
	s := newSiteWithSources(t)
	p, a := s.person(t), &stranger{site: s}
	page := p.send(p.open("/report?month=5&x=1"), "source", "0")
	page.says(t, "Continue at "+hostOf(s.gate.cfg.Client.Root()))
	page.says(t, "you come back here signed in")
	const link = "/.authentik/login?at=authentik&to=%2Freport%3Fmonth%3D5%26x%3D1"
	page.says(t, `href="`+html.EscapeString(link)+`"`)
	to := p.departs(link)
	if to.Host != hostOf(s.gate.cfg.Client.Root()) {
		t.Fatalf("got a redirect to %s, want authentik", to.Host)
	}
	if page := p.open(a.authorize(t, to, "jane", "open sesame")); page.body != "hello jane" || page.path != "/report?month=5&x=1" {
		t.Fatalf("got status %d at %s: %s", page.status, page.path, page.body)
	}
	s.clock.move(21 * time.Minute) // a recheck that requests wait for
	if page := p.open("/"); page.body != "hello jane" {
		t.Errorf("after a recheck: got status %d at %s", page.status, page.path)
	}
}

// TestSignOut_EndsTheBrowsersSessionAtAuthentik: the next person at this browser would come in by one click otherwise.
func TestSignOut_EndsTheBrowsersSessionAtAuthentik(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, nil)
	p, a := s.person(t), &stranger{site: s}
	p.open(a.authorize(t, p.departs("/.authentik/login?at=authentik"), "jane", "open sesame"))
	page := p.open("/.authentik/logout")
	if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' "+strings.TrimSuffix(s.gate.cfg.Client.Root(), "/")) {
		t.Errorf("got a policy that forbids the form's redirect to authentik: %s", policy)
	}
	p.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	to, err := p.post("/.authentik/logout", nil).goesOn()
	if err != nil || to.Path != "/application/o/app/end-session/" {
		t.Errorf("got a redirect to %v: %v", to, err)
	}
	p.http.CheckRedirect = nil
	p.signIn("jane", "open sesame", "/") // on the page: authentik's session is the gate's
	p.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if to := p.post("/.authentik/logout", nil).header.Get("Location"); to != "/.authentik/logout?ended=all" {
		t.Errorf("got a redirect to %s", to)
	}
}

func TestElsewhere_UnknownChallengeLeadsToAuthentik(t *testing.T) {
	t.Parallel()
	unknown := []authentiktest.Binding{{Stage: &authentiktest.ScriptedStage{Component: "ak-stage-of-tomorrow"}}}
	s := newOIDCSite(t, func(reg *registration) { reg.flows = []authentiktest.Flow{{Slug: "login", Bindings: unknown}} })
	page := s.person(t).open("/app")
	page.says(t, "you come back here signed in")
	page.says(t, `href="/.authentik/login?at=authentik&amp;to=%2Fapp"`)
	step := s.program(t).ask("/.authentik/login?to=/app")
	if step.Elsewhere != "/.authentik/login?at=authentik&to=%2Fapp" {
		t.Errorf("got elsewhere %q in JSON", step.Elsewhere)
	}
	left := s.program(t).ask(step.Elsewhere)
	if to, err := url.Parse(left.To); err != nil || left.Done || to.Path != "/application/o/authorize/" {
		t.Errorf("got done %v, to %q, want the authorize endpoint", left.Done, left.To)
	}
}

// TestElsewhere_WithoutOpenIDConnectNoVisitorComesBack holds the page to say so, and the address to begin on the page.
func TestElsewhere_WithoutOpenIDConnectNoVisitorComesBack(t *testing.T) {
	t.Parallel()
	s := newSiteOf(t, withSources(github()), nil)
	p := s.person(t)
	page := p.open("/.authentik/login?at=authentik&to=/app")
	page.says(t, `name="uid_field"`)
	page = p.send(page, "source", "0")
	page.says(t, "You will not come back to this page")
	page.says(t, `/if/flow/default-authentication-flow/"`)
}
