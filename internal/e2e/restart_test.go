package e2e

import (
	"net/http"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/browser"
)

// A person is somebody at a browser without scripts.
type person struct {
	testing.TB
	site    *site
	browser *browser.Browser
}

func (s *site) person(t testing.TB) *person {
	t.Helper()
	return &person{t, s, browser.New(&http.Transport{DisableKeepAlives: true})}
}

func (p *person) open(path string) *browser.Page {
	p.Helper()
	page, err := p.browser.Open(p.Context(), p.site.address+path)
	if err != nil {
		p.Fatal(err)
	}
	return page
}

func (p *person) enter(page *browser.Page, field, value string) *browser.Page {
	p.Helper()
	page, err := page.Submit(p.Context(), browser.Fields{field: value}, "")
	if err != nil {
		p.Fatal(err)
	}
	return page
}

// greeted holds a page to be the application's.
func (p *person) greeted(page *browser.Page, address string) {
	p.Helper()
	if page.Status != http.StatusOK || page.Heading() != "Hello "+janeName || page.URL.RequestURI() != address {
		p.Fatalf("status %d at %s:\n%s", page.Status, page.URL, page.Text())
	}
}

func TestAVisitSurvivesAReloadInMidLogin(t *testing.T) {
	t.Parallel()
	s := newSite(t, "http")
	p := s.person(t)
	page := p.enter(p.open("/deep?x=1"), "uid_field", jane)
	s.reload("\theader X-Configuration second\n")
	page = p.enter(page, "password", password)
	p.greeted(page, "/deep?x=1")
	if page.Header.Get("X-Configuration") != "second" {
		t.Error("the reload changed nothing")
	}
}

func TestAVisitSurvivesTheDeathOfCaddyInMidLogin(t *testing.T) {
	t.Parallel()
	s := newSite(t, "http")
	p := s.person(t)
	page := p.enter(p.open("/deep?x=1"), "uid_field", jane)
	s.kill()
	s.start()
	p.greeted(p.enter(page, "password", password), "/deep?x=1")
}

func TestASessionSurvivesReloads(t *testing.T) {
	t.Parallel()
	s := newSite(t, "http")
	p := s.person(t)
	page := p.enter(p.open("/"), "uid_field", jane)
	p.greeted(p.enter(page, "password", password), "/")
	asked := s.standIn.Requests()
	for _, site := range []string{"\theader X-Configuration second\n", "\theader X-Other third\n"} {
		s.reload(site)
		p.greeted(p.open("/still"), "/still")
	}
	if page := p.open("/"); page.Header.Get("X-Other") != "third" {
		t.Error("the reload changed nothing")
	}
	if again := s.standIn.Requests() - asked; again > 0 {
		t.Errorf("authentik was asked %d times about a session that is known", again)
	}
}

// signedIn is somebody who has signed in.
func (s *site) signedIn(t testing.TB) *person {
	t.Helper()
	p := s.person(t)
	page := p.enter(p.open("/"), "uid_field", jane)
	p.greeted(p.enter(page, "password", password), "/")
	return p
}

// cookies are what a thief has who has copied them, whatever becomes of the
// browser's own.
func (p *person) cookies() map[string]string {
	p.Helper()
	cookies, err := p.browser.Cookies(p.site.address)
	if err != nil || len(cookies) == 0 {
		p.Fatalf("there is nothing to copy: %v", err)
	}
	return cookies
}

func (p *person) signOut() {
	p.Helper()
	if _, err := p.open("/.authentik/logout").Submit(p.Context(), nil, ""); err != nil {
		p.Fatal(err)
	}
}

// worthless holds copied cookies to open nothing.
func (s *site) worthless(t testing.TB, cookies map[string]string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range cookies {
		req.Header.Add("Cookie", name+"="+value)
	}
	res, err := insecure().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a copy of the cookie gets %d, %v", res.StatusCode, err)
	}
}

// Who signs out is out for good, whatever configuration comes.
func TestASessionThatHasEndedStaysEndedAfterAReload(t *testing.T) {
	t.Parallel()
	s := newSite(t, "http")
	p := s.signedIn(t)
	cookies := p.cookies()
	p.signOut()
	s.reload("\theader X-Configuration second\n")
	s.worthless(t, cookies)
}

// Nobody is signed out by the death of Caddy, and nobody who has signed out
// comes back by it.
func TestSessionsSurviveTheDeathOfCaddyAndTheirEndsDoToo(t *testing.T) {
	t.Parallel()
	s := newSite(t, "http")
	stays, goes := s.signedIn(t), s.signedIn(t)
	stayed, gone := stays.cookies(), goes.cookies()
	goes.signOut()
	asked := s.standIn.Requests()
	for range 2 {
		s.kill()
		s.start()
		stays.greeted(stays.open("/still"), "/still")
		s.worthless(t, gone)
	}
	if again := s.standIn.Requests() - asked; again > 0 {
		t.Errorf("authentik was asked %d times about a session that is known", again)
	}
	stays.signOut()
	s.kill()
	s.start()
	s.worthless(t, stayed)
}
