package replicas

import (
	"net/http"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

func TestVisit_SurvivesAReload(t *testing.T) {
	t.Parallel()
	s := testsite.Setup{Scheme: "http"}.Start(t)
	p := s.Person(t)
	page := p.Enter(p.Open("/deep?x=1"), "uid_field", testsite.Jane)
	s.Reload("header X-Configuration second")
	page = p.Enter(page, "password", testsite.Password)
	p.Greeted(page, "/deep?x=1")
	if page.Header.Get("X-Configuration") != "second" {
		t.Error("got the old configuration after the reload")
	}
}

func TestVisit_SurvivesTheDeathOfCaddy(t *testing.T) {
	t.Parallel()
	s := testsite.Setup{Scheme: "http"}.Start(t)
	p := s.Person(t)
	page := p.Enter(p.Open("/deep?x=1"), "uid_field", testsite.Jane)
	s.Kill()
	s.Start()
	p.Greeted(p.Enter(page, "password", testsite.Password), "/deep?x=1")
}

func TestSession_SurvivesReloads(t *testing.T) {
	t.Parallel()
	s := testsite.Setup{Scheme: "http"}.Start(t)
	p := s.SignedIn(t)
	asked := s.StandIn.Requests()
	for _, line := range []string{"header X-Configuration second", "header X-Other third"} {
		s.Reload(line)
		p.Greeted(p.Open("/still"), "/still")
	}
	if page := p.Open("/"); page.Header.Get("X-Other") != "third" {
		t.Error("got the old configuration after the reload")
	}
	if got := s.StandIn.Requests() - asked; got > 0 {
		t.Errorf("got %d requests at authentik about a session that is known, want none", got)
	}
}

// checkRevoked fails the test unless copied cookies are refused.
func checkRevoked(t testing.TB, s *testsite.Site, cookies testsite.Cookies) {
	t.Helper()
	if got := cookies.Status(t, s.Address); got != http.StatusUnauthorized {
		t.Errorf("got status %d for a copy of a revoked cookie, want 401", got)
	}
}

func TestSession_StaysEndedAfterAReload(t *testing.T) {
	t.Parallel()
	s := testsite.Setup{Scheme: "http"}.Start(t)
	p := s.SignedIn(t)
	cookies := p.Cookies()
	p.SignOut()
	s.Reload("header X-Configuration second")
	checkRevoked(t, s, cookies)
}

// TestSession_SurvivesTheDeathOfCaddyAndItsEndDoesToo: it signs no user out,
// and no session that has ended comes back.
func TestSession_SurvivesTheDeathOfCaddyAndItsEndDoesToo(t *testing.T) {
	t.Parallel()
	s := testsite.Setup{Scheme: "http"}.Start(t)
	stays, goes := s.SignedIn(t), s.SignedIn(t)
	stayed, gone := stays.Cookies(), goes.Cookies()
	goes.SignOut()
	asked := s.StandIn.Requests()
	for range 2 {
		s.Kill()
		s.Start()
		stays.Greeted(stays.Open("/still"), "/still")
		checkRevoked(t, s, gone)
	}
	if got := s.StandIn.Requests() - asked; got > 0 {
		t.Errorf("got %d requests at authentik about a session that is known, want none", got)
	}
	stays.SignOut()
	s.Kill()
	s.Start()
	checkRevoked(t, s, stayed)
}
