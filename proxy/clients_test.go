package proxy

import (
	"encoding/base64"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

func TestClients_BasicLetsTheUserInThatAuthentikNames(t *testing.T) {
	t.Parallel()
	clientsWays(t, func(t *testing.T, s *site) {
		got := s.show(t, "/dav", auth(basic("jane", appPassword)))
		if got.status != http.StatusOK || got.body != "hello jane" {
			t.Fatalf("got status %d: %s, want hello jane", got.status, got.body)
		}
		at := s.last(t)
		if h := at.Header["Authorization"]; h != nil {
			t.Errorf("got %q at the application, want no credential", h)
		}
		if got := at.Header.Get("Remote-Groups"); got != "staff" {
			t.Errorf("got groups %q, want staff", got)
		}
		if got := got.header["Set-Cookie"]; got != nil {
			t.Errorf("got cookies %q, want none", got)
		}
		for _, wrong := range []string{basic("jane", "wrong"), basic("joe", appPassword), basic("unknown", appPassword)} {
			if got := s.show(t, "/dav", auth(wrong)); got.status != http.StatusUnauthorized {
				t.Errorf("got status %d, want 401", got.status)
			}
		}
	}, nil)
}

// TestClients_RefusalsLookTheSame: a wrong password, a second factor and an
// application that authentik refuses must not be told apart.
func TestClients_RefusalsLookTheSame(t *testing.T) {
	t.Parallel()
	factor := authentiktest.Binding{Stage: &authentiktest.AuthenticatorValidateStage{}}
	s := newClientsSite(t, func(c *Config) { c.Application, c.Flow = "wiki", "guarded" }, loginFlow("guarded", factor))
	s.authentik.AddUser(authentiktest.User{
		Username: "jim", Name: "Jim", AppPasswords: []string{"jims"}, Groups: []string{"staff"},
		Devices: []authentiktest.Device{{Class: authentiktest.DeviceStatic, Codes: []string{"code"}}},
	})
	if got := s.show(t, "/", auth(basic("jane", appPassword))); got.status != http.StatusOK {
		t.Fatalf("got status %d: %s, want Jane admitted", got.status, got.body)
	}
	var first heardBack
	for name, shown := range map[string]string{
		"wrong password": basic("jane", "wrong"), "second factor": basic("jim", "jims"), "refused application": basic("joe", otherPassword),
		"no such user": basic("jo", "wrong"), "no colon": "Basic " + base64.StdEncoding.EncodeToString([]byte("jane")),
	} {
		got := s.show(t, "/", auth(shown))
		got.header.Del("Date")
		if first.status == 0 {
			first = got
		}
		if got.status != http.StatusUnauthorized || got.body != first.body || !slices.Equal(got.header["Www-Authenticate"], first.header["Www-Authenticate"]) {
			t.Errorf("%s: got status %d, %q: %s, want all alike", name, got.status, got.header["Www-Authenticate"], got.body)
		}
	}
}

// TestClients_RevokedPasswordEndsAtTheNextRecheck: until then it is remembered,
// and not a moment longer.
func TestClients_RevokedPasswordEndsAtTheNextRecheck(t *testing.T) {
	t.Parallel()
	clientsWays(t, func(t *testing.T, s *site) {
		shown := auth(basic("jane", appPassword))
		if got := s.show(t, "/", shown); got.status != http.StatusOK {
			t.Fatalf("got status %d, want 200", got.status)
		}
		s.authentik.EditUser("jane", func(u *authentiktest.User) { u.AppPasswords = nil })
		s.clock.move(4 * time.Minute)
		if got := s.show(t, "/", shown); got.status != http.StatusOK {
			t.Errorf("before the recheck: got status %d, want 200", got.status)
		}
		s.clock.move(61 * time.Second)
		if got := s.show(t, "/", shown); got.status != http.StatusUnauthorized {
			t.Errorf("at the recheck: got status %d, want 401", got.status)
		}
	}, nil)
}

func TestClients_OddCredentialsAdmitNoUser(t *testing.T) {
	t.Parallel()
	s := newClientsSite(t, func(c *Config) { c.Clients.Bearer = false })
	encoded := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	before := s.front.asked.Load()
	for name, shown := range map[string]string{
		"empty": "", "scheme": "Basic", "scheme and blank": "Basic ", "no base64": "Basic \x80", "no colon": encoded("jane"),
		"no name": encoded(":" + appPassword), "no password": encoded("jane:"), "NUL": encoded("jane\x00:" + appPassword),
		"not UTF-8": encoded("jane\xff:" + appPassword), "long": encoded("jane:" + strings.Repeat("x", 200<<10)),
		"URL alphabet": "Basic amFuZTo-_w==", "other scheme": "Negotiate abc", "not allowed": "Bearer abc",
	} {
		if got := s.show(t, "/", auth(shown)); got.status != http.StatusUnauthorized {
			t.Errorf("%s: got status %d, want 401", name, got.status)
		}
	}
	if got := s.front.asked.Load() - before; got != 0 {
		t.Errorf("got %d requests to authentik about what cannot be good, want none", got)
	}
}

func TestClients_RulesApplyAsToVisitors(t *testing.T) {
	t.Parallel()
	s := newTokenSite(t, func(c *Config) {
		at := func(prefix string) func(*http.Request) bool {
			return func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, prefix) }
		}
		c.Rules = []Rule{
			{Match: at("/admin"), Require: []Requirement{{Claim: "group", Values: []string{"admins"}}}},
			{Match: at("/staff"), Require: []Requirement{{Claim: "group", Values: []string{"staff"}}}},
			{Match: at("/mfa"), RequireMFA: true},
			{Match: at("/new"), MaxAge: time.Hour},
			{Match: at("/open/admin"), Require: []Requirement{{Claim: "user", Values: []string{"joe"}}}},
		}
	})
	for path, want := range map[string]struct {
		status int
		code   fault.Code
	}{
		"/": {200, ""}, "/staff": {200, ""}, "/admin": {403, fault.NotAllowed}, "/mfa": {403, fault.StepUpRefused},
		"/new": {403, fault.StepUpRefused}, "/open/admin": {403, fault.NotAllowed}, "/open": {200, ""},
	} {
		got := s.show(t, path, auth(basic("jane", appPassword)))
		if got.status != want.status || !strings.Contains(got.body, string(want.code)) || got.status != 200 && got.header["Www-Authenticate"] != nil {
			t.Errorf("%s: got status %d: %s, want %d %s", path, got.status, got.body, want.status, want.code)
		}
	}
}

// TestClients_NothingSecretIsLogged looks at the log of good and bad credentials.
func TestClients_NothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	log := new(lines)
	s := newClientsSite(t, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	s.show(t, "/", auth(basic("jane", appPassword)))
	s.show(t, "/", auth(basic("name-with-a-secret", "password-that-is-wrong")))
	s.front.away.Store(true)
	s.show(t, "/", auth(basic("joe", otherPassword)))
	text := log.String()
	for line := range strings.Lines(text) {
		if strings.Contains(line, "msg=\"program") && !strings.Contains(line, "site="+s.URL+" ") && !strings.HasSuffix(line, "site="+s.URL+"\n") {
			t.Errorf("got no site %s in the line: %s", s.URL, line)
		}
	}
	for _, want := range []string{"program signed in", "user=jane", "program refused", "reason="} {
		if !strings.Contains(text, want) {
			t.Errorf("got no %q in the log:\n%s", want, text)
		}
	}
	for _, secret := range []string{appPassword, otherPassword, "name-with-a-secret", "password-that-is-wrong", strings.TrimPrefix(basic("jane", appPassword), "Basic ")} {
		if strings.Contains(text, secret) {
			t.Errorf("got %q in the log, want no secret:\n%s", secret, text)
		}
	}
}

// lines are what a logger writes.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestClients_WithoutTheOptionNoProgramPasses: a gate that lets no program in does not
// look at the header.
func TestClients_WithoutTheOptionNoProgramPasses(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Open = func(r *http.Request) bool { return r.URL.Path == "/open" } })
	s.appPasswords()
	if got := s.show(t, "/", auth(basic("jane", appPassword))); got.status != http.StatusUnauthorized || len(got.header["Www-Authenticate"]) != 1 {
		t.Errorf("got status %d, prompts %q, want 401 with one", got.status, got.header["Www-Authenticate"])
	}
	header := http.Header{"Authorization": {"Basic a", "Basic b"}}
	if got := s.show(t, "/open", header); got.status != http.StatusOK || len(s.last(t).Header["Authorization"]) != 2 {
		t.Errorf("got status %d, want the header passed on", got.status)
	}
}
