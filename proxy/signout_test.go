package proxy

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

func TestSignOut_EndsAuthentiksSession(t *testing.T) {
	t.Parallel()
	ways(t, func(t *testing.T, s *site) {
		p := s.person(t)
		p.signIn("jane", "open sesame", "/")
		rec := s.record(t, p)
		if _, err := s.gate.cfg.Client.User(t.Context(), rec.Visitor()); err != nil {
			t.Fatal(err)
		}
		p.open("/.authentik/logout").says(t, "jane")
		if _, err := s.gate.cfg.Client.User(t.Context(), rec.Visitor()); err != nil {
			t.Fatalf("got authentik's session ended by a look at the page (%v), want it to go on", err)
		}
		page := p.post("/.authentik/logout", nil)
		page.says(t, "of this site, of authentik")
		if _, err := s.gate.cfg.Client.User(t.Context(), rec.Visitor()); err == nil {
			t.Error("got authentik's session going on, want it ended")
		}
		if rec.Tokens != nil {
			if _, err := s.gate.member.SignIn.OIDC.Renew(t.Context(), rec.Visitor(), rec); err == nil {
				t.Error("got a refresh token that is still good, want it revoked")
			}
			if _, err := s.gate.member.SignIn.OIDC.Userinfo(t.Context(), flowclient.Visitor{}, rec.Tokens.Access); err == nil {
				t.Error("got an access token that is still valid, want it revoked")
			}
		}
	})
}

func TestSignOut_SaysIfAuthentiksSessionMayContinue(t *testing.T) {
	t.Parallel()
	ways(t, func(t *testing.T, s *site) {
		p := s.person(t)
		p.signIn("jane", "open sesame", "/")
		r := s.request(p)
		s.front.away.Store(true)
		page := p.post("/.authentik/logout", nil)
		if page.status != http.StatusOK || !strings.HasSuffix(page.path, "ended=here") {
			t.Fatalf("got status %d at %s", page.status, page.path)
		}
		if lets(s.gate, r) {
			t.Error("got the request passed, want the session ended")
		}
	})
}

func TestSignOut_EndsTheSessionsOfTheSameSignIn(t *testing.T) {
	t.Parallel()
	n := newNotified(t)
	first, sibling, another := n.beginAt(jane, "a session"), n.beginAt(jane, "a session"), n.beginAt(jane, "another")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://app.example.com/.authentik/logout", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: cookieNames(n.Gate).Session, Value: first})
	n.member.SignOut.SignOut(exchangeAt(n.Gate, r, somewhere("app.example.com")))
	if n.alive(first) || n.alive(sibling) || !n.alive(another) {
		t.Errorf("got alive: %v, %v, %v", n.alive(first), n.alive(sibling), n.alive(another))
	}
}

func TestSignOut_BrowserWithAuthentiksSessionIsSentThere(t *testing.T) {
	t.Parallel()
	s := newRedirectSite(t, nil)
	p, a := s.person(t), &stranger{site: s}
	p.open(a.authorize(t, p.departs("/"), "jane", "open sesame"))
	p.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	page := p.post("/.authentik/logout", nil)
	page.says(t, "If authentik then shows its sign-in page, the sign-out has worked.")
	to, err := page.goesOn()
	if err != nil || to.Path != "/application/o/app/end-session/" || to.RawQuery != "" {
		t.Fatalf("got %d to %v, %v, want authentik's end-session without a way back", page.status, to, err)
	}
	if p.cookie(cookieNames(s.gate).Session) != "" {
		t.Error("got the session cookie kept, want it removed")
	}
}

// goesOn returns where a page says that the browser goes on by itself.
func (s screen) goesOn() (*url.URL, error) {
	_, to, _ := strings.Cut(s.header.Get("Refresh"), "; url=")
	return url.Parse(to)
}

// TestSignOut_NamesAWayBackOnlyIfItIsRegistered: authentik 2026.8 answers 400 to
// another, and the user stays signed in.
func TestSignOut_NamesAWayBackOnlyIfItIsRegistered(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		release    authentiktest.Release
		registered bool // by the option
		back       bool
	}{
		{authentiktest.Release202510, false, true},
		{authentiktest.Release202605, false, true},
		{authentiktest.Release202608, false, false},
		{authentiktest.Release202608, true, true},
	} {
		s := newRedirectSite(t, func(reg *registration) {
			reg.release = row.release
			reg.gate = func(c *Config) { c.Login, c.OIDC.SignOutBack = LoginRedirect, row.registered }
		})
		p, a := s.person(t), &stranger{site: s}
		p.open(a.authorize(t, p.departs("/"), "jane", "open sesame"))
		p.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		page := p.post("/.authentik/logout", nil)
		to, err := page.goesOn()
		if row.registered { // the way back says what has ended
			to, err = url.Parse(page.header.Get("Location"))
		}
		if err != nil || to.Path != "/application/o/app/end-session/" {
			t.Fatalf("%+v: got %d to %v, %v, want authentik's end-session", row, page.status, to, err)
		}
		want := ""
		if row.back {
			want = s.URL + "/.authentik/logout"
		}
		if got := to.Query().Get("post_logout_redirect_uri"); got != want || to.Query().Has("id_token_hint") != row.back {
			t.Errorf("%+v: got %v, want the way back %q, and a hint only with it", row, to, want)
		}
	}
}
