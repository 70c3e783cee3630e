package proxy

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func below(prefix string) func(*http.Request) bool {
	return func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, prefix) }
}

// TestRule_DemandsAddUp has requests that no, one and two rules are about.
func TestRule_DemandsAddUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) {
		c.Open = below("/public")
		c.Rules = []Rule{
			{Match: below("/public/staff"), Require: []Requirement{{Claim: "group", Values: []string{"staff"}}}},
			{Match: below("/public/staff/joe"), Require: []Requirement{{Claim: "user", Values: []string{"joe"}}}},
		}
	})
	jane, joe := s.person(t), s.person(t)
	jane.signIn("jane", "open sesame", "/wiki")
	joe.signIn("joe", "let me in", "/wiki")
	for path, want := range map[string][3]int{
		"/public/x":           {200, 200, 200},
		"/public/staff":       {0, 200, 403},
		"/public/staff/joe":   {0, 403, 403},
		"/public;x/y":         {0, 403, 403}, // servers differ: every rule
		"/public/../public/x": {0, 403, 403},
	} {
		for i, p := range []*person{s.person(t), jane, joe} {
			got := p.open(path)
			if i == 0 && want[0] == 0 {
				if !strings.HasPrefix(got.path, "/.authentik/login") {
					t.Errorf("%s without a session: got status %d at %s, want the sign-in", path, got.status, got.path)
				}
			} else if got.status != want[i] {
				t.Errorf("%s by %d: got status %d, want %d", path, i, got.status, want[i])
			}
		}
	}
}

// TestRule_DemandOfASignInIsAskedForOnce has a path that demands a second factor
// of users who have none, by every way to show a login.
func TestRule_DemandOfASignInIsAskedForOnce(t *testing.T) {
	t.Parallel()
	for _, login := range []Login{LoginPage, LoginRedirect} {
		t.Run(string(login), func(t *testing.T) {
			t.Parallel()
			s := newOIDCSite(t, func(reg *registration) {
				reg.gate = func(c *Config) {
					c.Login, c.Rules = login, []Rule{{Match: below("/mfa"), RequireMFA: true}}
				}
			})
			for _, first := range []string{"/wiki", "/mfa/x"} {
				p, a := s.person(t), &stranger{site: s}
				if got := p.passesAuthentik(a, first); first == "/wiki" && got.body != "hello jane" {
					t.Fatalf("%s: got status %d at %s, want hello jane:\n%s", first, got.status, got.path, got.body)
				}
				got := p.passesAuthentik(a, "/mfa/x")
				if got.status != http.StatusForbidden || !strings.Contains(got.body, "step-up-refused") {
					t.Errorf("first %s: got status %d at %s, want step-up-refused:\n%s", first, got.status, got.path, got.body)
				}
				if got := p.open("/wiki"); first == "/wiki" && got.body != "hello jane" {
					t.Errorf("first %s: got status %d at /wiki, want hello jane", first, got.status)
				}
			}
		})
	}
}

// TestRule_AgeOfASignIn has a path for which a sign-in may be half an hour old.
func TestRule_AgeOfASignIn(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, func(reg *registration) {
		reg.gate = func(c *Config) {
			c.Recheck, c.Rules = 24*time.Hour, []Rule{{Match: below("/new"), MaxAge: 30 * time.Minute}}
		}
	})
	p := s.person(t)
	p.signsIn("/new/x")
	s.aged()
	if got := p.open("/wiki"); got.body != "hello jane" {
		t.Errorf("got status %d at %s, want hello jane", got.status, got.path)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/new/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	if got := p.do(r); got.status != http.StatusUnauthorized || !strings.Contains(got.body, "max_age=1800") {
		t.Errorf("a program: got status %d, %s, want 401 with an address that demands a new sign-in", got.status, got.body)
	}
	p.signsIn("/new/x")
}

// TestRule_EndsAStreamThatItNoLongerLetsPass looks again at a running request as
// the rule would that it had to meet.
func TestRule_EndsAStreamThatItNoLongerLetsPass(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, func(reg *registration) {
		reg.gate = func(c *Config) {
			c.Recheck, c.Rules = 24*time.Hour, []Rule{{Match: below("/new"), MaxAge: 30 * time.Minute}}
		}
	})
	p := s.person(t)
	p.signsIn("/wiki")
	r := s.request(p)
	found, err := findSession(t.Context(), s.gate, p.cookie(cookieNames(s.gate).Session), s.place())
	if err != nil || found == nil {
		t.Fatalf("got %v, %v, want a session", found, err)
	}
	for n, want := range map[uint64]bool{0: true, 1: false} {
		if n == 1 {
			s.aged()
		}
		one := s.gate.sessions.Follow(r.Context(), nil, p.cookie(cookieNames(s.gate).Session), s.place().Host, found, n)
		if _, got := s.gate.upstream.MayStay(t.Context(), one); got != want && n == 1 {
			t.Errorf("needs %d: got %v, want %v", n, got, want)
		}
		one.Finish()
	}
}

// TestRule_ThatDemandsNothingIsRefused checks what New says of rules.
func TestRule_ThatDemandsNothingIsRefused(t *testing.T) {
	t.Parallel()
	staff := []Requirement{{Claim: "group", Values: []string{"staff"}}}
	for want, rule := range map[string]Rule{
		"it matches nothing; set Match": {Require: staff},
		"it demands nothing; set":       {Match: below("/")},
		"needs OpenID Connect":          {Match: below("/"), RequireMFA: true},
		"is too short":                  {Match: below("/"), MaxAge: time.Second},
	} {
		err := Check(Config{Client: newClientOf(t), Store: newStore(t), Key: []byte(strings.Repeat("k", 32)), Rules: []Rule{rule}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestRule_IsNotAskedAboutTheGatesOwnAddresses has a rule about every request, and
// asks for each of the gate's own addresses.
func TestRule_IsNotAskedAboutTheGatesOwnAddresses(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	s := newOIDCSite(t, func(reg *registration) {
		reg.gate = func(c *Config) {
			match := func(*http.Request) bool { asked.Add(1); return true }
			c.Open = match
			c.Rules = []Rule{{Match: match, RequireMFA: true}}
		}
	})
	for _, path := range []string{"", "/login", "/login?to=/", "/session", "/logout", "/callback?state=x", "/nothing", "/..;/x", "/assets/x"} {
		for _, accept := range []string{"text/html", "application/json"} {
			r := httptest.NewRequest(http.MethodGet, s.URL+"/.authentik"+path, nil)
			r.Header.Set("Accept", accept)
			w := httptest.NewRecorder()
			s.Config.Handler.ServeHTTP(w, r)
			if got := w.Body.String() + fmt.Sprint(w.Header()); asked.Load() != 0 || strings.Contains(got, "mfa=1") {
				t.Errorf("%s (%s): got %d questions to the rule, want none, and status %d %s", path, accept, asked.Load(), w.Code, got)
			}
		}
	}
	s.person(t).open("/")
	if asked.Load() == 0 {
		t.Error("got no question about another address, want some")
	}
}
