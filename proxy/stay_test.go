package proxy

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// stayFor is how long a visitor stays signed in at authentik who wants to.
const stayFor = 30 * 24 * time.Hour

// newStaying makes a site where authentik asks whether the visitor wants to stay
// signed in, and a person who has answered.
func newStaying(t *testing.T, answer string, change func(*Config)) (*site, *person) {
	t.Helper()
	s := newSite(t, func(cfg *Config) {
		cfg.Flow, cfg.Lifetime = "staying", 12*time.Hour
		if change != nil {
			change(cfg)
		}
	}, stayingFlow())
	p := s.person(t)
	p.send(p.signIn("jane", "open sesame", "/deep"), "remember_me", answer).says(t, "hello jane")
	return s, p
}

// stayingFlow is a flow whose last stage asks whether the visitor wants to stay
// signed in.
func stayingFlow() authentiktest.Flow {
	return authentiktest.Flow{Slug: "staying", Title: "Welcome", Bindings: []authentiktest.Binding{
		{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username"}}},
		{Stage: &authentiktest.PasswordStage{}},
		{Stage: &authentiktest.UserLoginStage{RememberMe: stayFor}},
	}}
}

// TestStay_WithEverySourceAndInterface answers the question on the gate's page and
// on authentik's, with and without OpenID Connect.
func TestStay_WithEverySourceAndInterface(t *testing.T) {
	t.Parallel()
	for _, login := range []Login{LoginPage, LoginRelay} {
		for _, openID := range []bool{false, true} {
			for answer, stays := range map[string]bool{"1": true, "0": false} {
				t.Run(fmt.Sprintf("%s, OpenID Connect %t, answer %s", login, openID, answer), func(t *testing.T) {
					t.Parallel()
					set := func(cfg *Config) { cfg.Login, cfg.Lifetime = login, 12*time.Hour }
					var s *site
					if openID {
						s = newOIDCSite(t, func(reg *registration) {
							reg.flows, reg.gate = append(reg.flows, stayingFlow()), set
							reg.provider.AuthenticationFlow = "staying"
						})
					} else {
						s = newSite(t, func(cfg *Config) { set(cfg); cfg.Flow = "staying" }, stayingFlow())
					}
					p := s.person(t)
					signIn := func() screen {
						return p.send(p.signIn("jane", "open sesame", "/deep"), "remember_me", answer)
					}
					if login == LoginRelay {
						shown := &interfaced{person: p}
						signIn = func() screen {
							shown.opens("/deep")
							shown.is(shown.asks(map[string]any{"uid_field": "jane"}), asksPassword)
							shown.is(shown.asks(map[string]any{"password": "open sesame"}), "ak-stage-user-login")
							return shown.goes(shown.asks(map[string]any{"remember_me": answer == "1"}))
						}
					}
					signIn().says(t, "hello jane")
					signedIn := s.clock.now()
					for day := 1; stays && day < 4; day++ {
						s.clock.move(24 * time.Hour)
						left, value := p.given("/deep")
						want := stayFor - s.clock.now().Sub(signedIn)
						if got := time.Duration(left) * time.Second; value == "" || got > want+time.Minute || got < want-time.Minute {
							t.Fatalf("day %d: got a cookie for %v, want one for %v", day, got, want)
						}
					}
					s.clock.move(24 * time.Hour)
					if stays {
						s.authentik.EndSessions("jane")
					}
					if page := p.open("/deep"); strings.Contains(page.body, "hello") {
						t.Errorf("got %q at %s, want a sign-in", page.body, page.path)
					}
				})
			}
		}
	}
}

// left is how long the browser keeps the session cookie; zero: until it is closed.
func (p *person) given(path string) (left int, value string) {
	p.t.Helper()
	name := cookieNames(p.site.gate).Session
	follow := p.http.CheckRedirect
	defer func() { p.http.CheckRedirect = follow }()
	p.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		for _, c := range r.Response.Cookies() {
			if c.Name == name {
				left, value = c.MaxAge, c.Value
			}
		}
		return nil
	}
	p.open(path).says(p.t, "hello jane")
	return left, value
}

func TestStay_AuthentiksSessionIsUsedAgainWithoutAPassword(t *testing.T) {
	t.Parallel()
	s, p := newStaying(t, "1", nil)
	name := cookieNames(s.gate).Session
	signedIn := s.clock.now()
	for day := 1; day < 20; day++ {
		before := p.cookie(name)
		s.clock.move(24 * time.Hour)
		left, value := p.given("/deep")
		want := stayFor - s.clock.now().Sub(signedIn)
		if value == "" || value == before || time.Duration(left)*time.Second > want+time.Minute || time.Duration(left)*time.Second < want-time.Minute {
			t.Fatalf("got on day %d the cookie %.6s for %d s, want another than %.6s for %v", day, value, left, before, want)
		}
		if rec := s.record(t, p); !rec.Until.Before(s.clock.now().Add(12*time.Hour + time.Minute)) {
			t.Fatalf("got a session until %v, want no longer than any other", rec.Until)
		}
		p.setCookie(name, before)
		if found, err := findSession(t.Context(), s.gate, before, s.place()); found != nil || err != nil {
			t.Fatalf("got the session of the day before (%v)", err)
		}
		p.setCookie(name, value)
	}
	s.clock.move(stayFor)
	p.open("/deep").says(t, `name="uid_field"`)
}

func TestStay_EndsAsAuthentikSaysAndAtASignOut(t *testing.T) {
	t.Parallel()
	ends := map[string]func(s *site, p *person){
		"answered no":  nil,
		"at authentik": func(s *site, _ *person) { s.authentik.EndSessions("jane") },
		"signed out before the end": func(s *site, p *person) {
			s.clock.move(-23 * time.Hour)
			p.post("/.authentik/logout", url.Values{})
		},
		"signed out after the end": func(_ *site, p *person) {
			p.open("/.authentik/logout").says(p.t, "jane")
			p.post("/.authentik/logout", url.Values{})
		},
		"by an administrator": func(s *site, p *person) {
			if ended, err := s.gate.Operator().EndAll(p.t.Context(), "jane"); len(ended) != 1 || err != nil {
				p.t.Errorf("got %v (%v), want one session ended", ended, err)
			}
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := "1"
			if end == nil {
				answer, end = "0", func(*site, *person) {}
			}
			s, p := newStaying(t, answer, nil)
			s.clock.move(24 * time.Hour)
			p.t = t
			end(s, p)
			s.clock.move(24 * time.Hour)
			p.open("/deep").says(t, `name="uid_field"`)
		})
	}
}

// Without a page load nothing is renewed.
func TestStay_OtherRequestsAreRefusedInTheMeantime(t *testing.T) {
	t.Parallel()
	s, p := newStaying(t, "1", nil)
	s.clock.move(24 * time.Hour)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.do(r); got.status != http.StatusUnauthorized {
		t.Errorf("got status %d, want 401", got.status)
	}
	p.open("/deep").says(t, "hello jane")
}
