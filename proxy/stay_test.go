package proxy

import (
	"net/http"
	"net/url"
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
	}, authentiktest.Flow{Slug: "staying", Title: "Welcome", Bindings: []authentiktest.Binding{
		{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username"}}},
		{Stage: &authentiktest.PasswordStage{}},
		{Stage: &authentiktest.UserLoginStage{RememberMe: stayFor}},
	}})
	p := s.person(t)
	p.send(p.signIn("jane", "open sesame", "/deep"), "remember_me", answer).says(t, "hello jane")
	return s, p
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
