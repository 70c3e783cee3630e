package proxy

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// arrived gives a browser the cookie of three arrivals just now.
func (p *person) arrived() {
	now := p.site.clock.now()
	p.setCookie("__Host-authentik_arrivals", exchange.Arrivals{now, now, now}.String())
}

// stops holds a screen to be the one of sign-ins that do not hold, and to lead on to a sign-in that does not remember them.
func (s screen) stops(t testing.TB, why string) {
	t.Helper()
	s.says(t, "<code>"+string(fault.SignInLoop)+"</code>")
	s.says(t, why)
	s.says(t, `afresh=1"`)
	if s.status != http.StatusLoopDetected {
		t.Errorf("got status %d at %s", s.status, s.path)
	}
}

const (
	dropped  = "the session cookie is not sent back"
	unknown  = "the session cookie is sent back, but its session is not found"
	stricter = "the application asks for a different kind of sign-in"
	another  = "another gate on this host does not accept your session"
)

func TestLoop_NamesItsCause(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	p.arrived()
	p.open("/app").stops(t, dropped)
	p.setCookie(cookieNames(s.gate).Session, seal.NewSecret().Cookie())
	p.open("/app").stops(t, unknown)
	if s.program(t).ask("/.authentik/login").component() == "" {
		t.Error("got a program stopped, want it served")
	}
	p.open("/.authentik/login?to=/app&afresh=1").says(t, `name="uid_field"`)
	if p.cookie("__Host-authentik_arrivals") != "" {
		t.Error("got no new count after trying again, want one")
	}
	p.arrived()
	s.clock.move(time.Minute)
	p.open("/app").says(t, `name="uid_field"`)
}

// TestLoop_UnmeetableStepUpIsNamed has a session that is good, and too old whenever it comes back.
func TestLoop_UnmeetableStepUpIsNamed(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, func(reg *registration) {
		reg.gate = func(cfg *Config) { cfg.MaxAge, cfg.Recheck = 30*time.Minute, 24*time.Hour }
	})
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	s.aged()
	p.arrived()
	p.open("/").stops(t, stricter)
}

// TestLoop_OtherGateOnTheHostIsNamed has two gates on one host, of which the first answers the sign-in page: a visitor who is
// signed in there would be led back and forth until the browser gives up.
func TestLoop_OtherGateOnTheHostIsNamed(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	cfg := s.gate.cfg
	cfg.Flow, cfg.Group = "strong", new(Group) // one that does not know the other, as in another process
	second := newGate(t, cfg).Wrap(http.HandlerFunc(s.application))
	first := s.Config.Handler
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/strong") {
			second.ServeHTTP(w, r)
			return
		}
		first.ServeHTTP(w, r)
	})
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	asks := 0
	p.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/.authentik/login" {
			asks++
		}
		return nil
	}
	p.open("/strong").stops(t, another)
	if asks > 3 {
		t.Errorf("got %d redirects to the sign-in", asks)
	}
	if page := p.open("/"); page.body != "hello jane" {
		t.Errorf("got status %d at %s", page.status, page.path)
	}
	s.clock.move(2 * time.Minute) // and a user who has been signed in for a while
	asks = 0
	p.open("/strong").stops(t, another)
	if asks > 4 {
		t.Errorf("got %d redirects to the sign-in", asks)
	}
	asks = 0
	p.open("/.authentik/login?to=/strong&afresh=1").stops(t, another)
	if asks > 4 {
		t.Errorf("got %d redirects to the sign-in after trying again", asks)
	}
}

// A leaky jar loses a cookie.
type leakyJar struct {
	*cookiejar.Jar
	name string
}

func (j leakyJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.Jar.SetCookies(u, slices.DeleteFunc(slices.Clone(cookies), func(c *http.Cookie) bool { return c.Name == j.name }))
}

// TestLoop_DroppedSessionCookieStopsTheThirdSignIn has authentik sign in silently, so that nothing but the gate would stop a browser.
func TestLoop_DroppedSessionCookieStopsTheThirdSignIn(t *testing.T) {
	t.Parallel()
	s := newRedirectSite(t, nil)
	p, a := s.person(t), &stranger{site: s}
	p.http.Jar = leakyJar{p.jar, cookieNames(s.gate).Session}
	for range 3 {
		page := p.open(a.authorize(t, p.departs("/app"), "jane", "open sesame"))
		page.says(t, string(fault.CookiesBlocked))
	}
	p.open("/app").stops(t, dropped)
	if page := p.open("/.authentik/login?to=/app&afresh=1"); page.status != http.StatusSeeOther {
		t.Errorf("after trying again: got status %d at %s", page.status, page.path)
	}
}

// TestLoop_LostSessionsStopTheThirdSignIn has each session end as soon as it has begun.
func TestLoop_LostSessionsStopTheThirdSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	for range 3 {
		if page := p.signIn("jane", "open sesame", "/app"); page.body != "hello jane" {
			t.Fatalf("got status %d at %s", page.status, page.path)
		}
		session, _, err := exchangeAt(s.gate, s.request(p), s.place()).Session()
		if err != nil || session == nil {
			t.Fatal(session, err)
		}
		if err := s.gate.sessions.End(t.Context(), session); err != nil {
			t.Fatal(err)
		}
	}
	p.open("/app").stops(t, unknown)
}

func TestLoop_SigningOutAndInByHandIsNotOne(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	for range 5 {
		if page := p.signIn("jane", "open sesame", "/app"); page.body != "hello jane" {
			t.Fatalf("got status %d at %s", page.status, page.path)
		}
		if p.cookie("__Host-authentik_arrivals") == "" {
			t.Fatal("got no arrival counted, want one")
		}
		p.post("/.authentik/logout", nil)
		if p.cookie("__Host-authentik_arrivals") != "" {
			t.Fatal("got arrivals kept, want none")
		}
	}
}

// TestLoop_ManyWaitingTabsAreNotOne: when one has signed in, all the others load their sign-in page again.
func TestLoop_ManyWaitingTabsAreNotOne(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	p.signIn("jane", "open sesame", "/app")
	for range 10 {
		if page := p.open("/.authentik/login?to=/app"); page.body != "hello jane" {
			t.Fatalf("got status %d at %s", page.status, page.path)
		}
	}
}
