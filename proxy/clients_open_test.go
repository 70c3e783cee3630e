package proxy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

// TestClients_SessionGoesFirst: a visitor who has signed in may send the
// application's own credentials.
func TestClients_SessionGoesFirst(t *testing.T) {
	t.Parallel()
	s := newClientsSite(t, nil)
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	before := s.front.asked.Load()
	for _, shown := range []string{basic("admin", "of the application"), basic("joe", otherPassword), "Bearer x"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", shown)
		if got := p.do(r); got.body != "hello jane" {
			t.Errorf("got status %d: %s, want hello jane", got.status, got.body)
		}
		if got := s.last(t).Header.Get("Authorization"); got != shown {
			t.Errorf("got %q at the application, want it untouched", got)
		}
	}
	if got := s.front.asked.Load() - before; got != 0 {
		t.Errorf("got %d requests to authentik, want none", got)
	}
}

func TestClients_OpenPaths(t *testing.T) {
	t.Parallel()
	s := newClientsSite(t, func(c *Config) { c.Application = "wiki" })
	for _, tt := range []struct{ name, shown, user, left string }{
		{"good", basic("jane", appPassword), "jane", ""},
		{"good again", basic("jane", appPassword), "jane", ""},
		{"the application's own", basic("admin", "secret"), "", basic("admin", "secret")},
		{"without a colon", "Basic eA==", "", "Basic eA=="},
		{"another scheme", "Bearer x", "", "Bearer x"},
		{"none", "", "", ""},
	} {
		got := s.show(t, "/open/x", auth(tt.shown))
		at := s.last(t)
		if got.status != http.StatusOK || at.Header.Get("Remote-User") != tt.user || at.Header.Get("Authorization") != tt.left {
			t.Errorf("%s: got status %d, user %q, Authorization %q, want user %q, %q", tt.name, got.status,
				at.Header.Get("Remote-User"), at.Header.Get("Authorization"), tt.user, tt.left)
		}
	}
}

// TestClients_OpenPathKeepsAKnownCredential: an application that is not told who
// comes must not get the credential of a user either.
func TestClients_OpenPathKeepsAKnownCredential(t *testing.T) {
	t.Parallel()
	s := newClientsSite(t, func(c *Config) {
		c.Require = []Requirement{{Claim: "group", Values: []string{"admins"}}}
	})
	shown := auth(basic("jane", appPassword))
	if got := s.show(t, "/", shown); got.status != http.StatusForbidden || !strings.Contains(got.body, string(fault.NotAllowed)) {
		t.Fatalf("got status %d: %s, want 403 not-allowed", got.status, got.body)
	}
	check := func(when string) {
		t.Helper()
		got := s.show(t, "/open/x", shown)
		if at := s.last(t); got.status != http.StatusOK || at.Header.Get("Authorization") != "" || at.Header.Get("Remote-User") != "" {
			t.Errorf("%s: got status %d, Authorization %q, user %q at the application, want neither", when, got.status,
				at.Header.Get("Authorization"), at.Header.Get("Remote-User"))
		}
	}
	check("not allowed")
	s.front.away.Store(true)
	s.clock.move(6 * time.Minute)
	check("authentik away")
}

// TestClients_OwnCredentialsOfTheApplicationAreSeldomTried: on an open path each
// try is a failed sign-in at authentik.
func TestClients_OwnCredentialsOfTheApplicationAreSeldomTried(t *testing.T) {
	t.Parallel()
	s := newClientsSite(t, nil)
	shown := auth(basic("jane", "of the application"))
	s.show(t, "/open/x", shown)
	before := s.front.asked.Load()
	for range 20 {
		s.clock.move(10 * time.Second)
		if got := s.show(t, "/open/x", shown); got.status != http.StatusOK {
			t.Fatalf("got status %d, want 200", got.status)
		}
	}
	if got := s.front.asked.Load() - before; got != 0 {
		t.Errorf("got %d requests to authentik, want none before a recheck", got)
	}
	if got := s.show(t, "/", shown); got.status != http.StatusUnauthorized || s.front.asked.Load() == before {
		t.Errorf("closed path: got status %d and %d requests to authentik, want 401 and a new try", got.status, s.front.asked.Load()-before)
	}
}

func TestClients_Pass(t *testing.T) {
	t.Parallel()
	s := newClientsSite(t, func(c *Config) { c.Clients.Pass = true })
	shown := basic("jane", appPassword)
	for _, path := range []string{"/", "/open/x"} {
		if got := s.show(t, path, auth(shown)); got.status != http.StatusOK || s.last(t).Header.Get("Authorization") != shown {
			t.Errorf("%s: got status %d, Authorization %q, want it passed on", path, got.status, s.last(t).Header.Get("Authorization"))
		}
	}
}

func TestClients_SeveralLinesAreRefused(t *testing.T) {
	t.Parallel()
	s := newClientsSite(t, nil)
	good := basic("jane", appPassword)
	for _, path := range []string{"/", "/open/x"} {
		for _, lines := range [][]string{{good, good}, {good, "Bearer x"}, {"", good}} {
			if got := s.show(t, path, http.Header{"Authorization": lines}); got.status != http.StatusBadRequest {
				t.Errorf("%s, %d lines: got status %d, want 400", path, len(lines), got.status)
			}
		}
	}
	if s.reached() != 0 {
		t.Errorf("got %d requests at the application, want none", s.reached())
	}
}

// TestClients_BasicOfAnotherSiteCountsForNothing: browsers send it with requests
// that other sites make.
func TestClients_BasicOfAnotherSiteCountsForNothing(t *testing.T) {
	t.Parallel()
	s := newClientsSite(t, nil)
	for site, want := range map[string]int{"": 200, "none": 200, "same-origin": 200, "same-site": 401, "cross-site": 401, "odd": 401} {
		header := auth(basic("jane", appPassword))
		if site != "" {
			header.Set("Sec-Fetch-Site", site)
			header.Set("Sec-Fetch-Mode", "cors")
		}
		if got := s.show(t, "/", header); got.status != want {
			t.Errorf("%q: got status %d, want %d", site, got.status, want)
		}
	}
	header := auth(basic("jane", appPassword))
	header.Set("Sec-Fetch-Site", "cross-site")
	if s.show(t, "/open/x", header); s.last(t).Header.Get("Authorization") != "" || s.last(t).Header.Get("Remote-User") != "" {
		t.Errorf("open path: got %v at the application, want neither user nor credential", s.last(t).Header)
	}
}

// TestClients_SignInAndOutAtTheApplicationThemselves: what the gate does there is for
// browsers.
func TestClients_SignInAndOutAtTheApplicationThemselves(t *testing.T) {
	t.Parallel()
	value := func(Session) string { return "x" }
	s := newClientsSite(t, func(c *Config) {
		c.SignOutPaths = []string{"/logout"}
		c.SignOnForm = &SignOnForm{Page: "/login", User: FormField{"u", value}, Password: FormField{"p", value}, Cookies: []string{"sid"}}
	})
	for path, method := range map[string]string{"/logout": http.MethodPost, "/login": http.MethodGet} {
		r, _ := s.shownAt(t, path, basic("jane", appPassword))
		r.Method = method
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		w := httptest.NewRecorder()
		_ = s.gate.Guard(w, r, func(w http.ResponseWriter, _ *http.Request) error {
			_, err := io.WriteString(w, "the application")
			return err
		})
		if w.Code != http.StatusOK || w.Body.String() != "the application" || w.Header()["Set-Cookie"] != nil {
			t.Errorf("%s: got status %d, %q, cookies %q, want the application's answer", path, w.Code, w.Body, w.Header()["Set-Cookie"])
		}
	}
}
