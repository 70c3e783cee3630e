package proxy

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/go-jose/go-jose/v4"
)

// grant asks the stand-in's token endpoint.
func (s *site) grant(t testing.TB, form url.Values) (said struct {
	Access  string `json:"access_token"`
	ID      string `json:"id_token"`
	Refresh string `json:"refresh_token"`
},
) {
	t.Helper()
	resp, err := http.PostForm(s.gate.cfg.Client.Root()+"application/o/token/", form) //nolint:noctx // the test's own server
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read below
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("got status %d, %v from the token endpoint", resp.StatusCode, err)
	}
	return said
}

// machine are the tokens of a machine that has Jane's app password.
func (s *site) machine(t testing.TB, client, scope string) (access, id string) {
	t.Helper()
	said := s.grant(t, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {client}, "username": {"jane"}, "password": {appPassword}, "scope": {scope},
	})
	return said.Access, said.ID
}

// revoke revokes a token.
func (s *site) revoke(t testing.TB, token string) {
	t.Helper()
	form := url.Values{"token": {token}, "client_id": {theClient}, "client_secret": {theSecret}}
	resp, err := http.PostForm(s.gate.cfg.Client.Root()+"application/o/revoke/", form) //nolint:noctx // the test's own server
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("got %v, want the token revoked", err)
	}
	_ = resp.Body.Close()
}

const scopes = "openid profile email"

func TestClients_BearerLetsTheUserIn(t *testing.T) {
	t.Parallel()
	s := newTokenSite(t, nil)
	token, id := s.machine(t, theClient, scopes)
	got := s.show(t, "/", auth("bearer "+token))
	if at := s.last(t); got.body != "hello jane" || at.Header["Authorization"] != nil || at.Header.Get("Remote-Groups") != "staff" {
		t.Fatalf("got status %d: %s and %v, want hello jane without the token", got.status, got.body, at.Header)
	}
	for name, wrong := range map[string]string{"ID token": id, "cut": token[:len(token)-4], "nonsense": "nonsense", "two": token + " " + token} {
		if got := s.show(t, "/", auth("Bearer "+wrong)); got.status != http.StatusUnauthorized {
			t.Errorf("%s: got status %d, want 401", name, got.status)
		}
	}
	nameless, _ := s.machine(t, theClient, "openid")
	if got := s.show(t, "/", auth("Bearer "+nameless)); got.status != http.StatusUnauthorized {
		t.Errorf("a token that names no user: got status %d, want 401", got.status)
	}
}

func TestClients_RevokedTokenEndsAtTheNextRecheck(t *testing.T) {
	t.Parallel()
	s := newTokenSite(t, nil)
	token, _ := s.machine(t, theClient, scopes)
	shown := auth("Bearer " + token)
	s.show(t, "/", shown)
	s.authentik.EditUser("jane", func(u *authentiktest.User) { u.Groups = []string{"press"} })
	s.clock.move(5*time.Minute + time.Second)
	if got := s.show(t, "/", shown); got.status != http.StatusOK || s.last(t).Header.Get("Remote-Groups") != "press" {
		t.Errorf("got status %d, groups %q, want those of now", got.status, s.last(t).Header.Get("Remote-Groups"))
	}
	s.revoke(t, token)
	if got := s.show(t, "/", shown); got.status != http.StatusOK {
		t.Errorf("before the recheck: got status %d, want 200", got.status)
	}
	s.clock.move(5*time.Minute + time.Second)
	if got := s.show(t, "/", shown); got.status != http.StatusUnauthorized {
		t.Errorf("at the recheck: got status %d, want 401", got.status)
	}
}

// TestClients_ExpiredTokenIsNotRemembered: neither the time until the recheck nor
// the grace makes it last longer.
func TestClients_ExpiredTokenIsNotRemembered(t *testing.T) {
	t.Parallel()
	s := newTokenSite(t, nil)
	s.authentik.EditApplication("app", func(a *authentiktest.Application) { a.Provider.AccessValidity = 2 * time.Minute })
	token, _ := s.machine(t, theClient, scopes)
	shown := auth("Bearer " + token)
	if got := s.show(t, "/", shown); got.status != http.StatusOK {
		t.Fatalf("got status %d, want 200", got.status)
	}
	s.front.away.Store(true)
	s.clock.move(2*time.Minute + time.Second)
	if got := s.show(t, "/", shown); got.status != http.StatusUnauthorized {
		t.Errorf("got status %d, want 401", got.status)
	}
}

// furtherSite has a further application whose tokens the gate may accept.
func furtherSite(t *testing.T, change func(*Config)) *site {
	t.Helper()
	s := newTokenSite(t, change)
	s.authentik.EditApplication("wiki", func(a *authentiktest.Application) {
		a.Provider = &authentiktest.Provider{ClientID: "cli", Secret: "other", Algorithm: "ES256", GrantTypes: []string{"client_credentials"}}
	})
	return s
}

func TestClients_TokensOfOtherClients(t *testing.T) {
	t.Parallel()
	s := furtherSite(t, nil)
	token, _ := s.machine(t, "cli", scopes)
	if got := s.show(t, "/", auth("Bearer "+token)); got.status != http.StatusUnauthorized {
		t.Errorf("not named: got status %d, want 401", got.status)
	}
	s = furtherSite(t, func(c *Config) { c.Clients.BearerClients, c.Clients.TrustBindings = []string{"cli"}, true })
	token, id := s.machine(t, "cli", scopes)
	if got := s.show(t, "/", auth("Bearer "+token)); got.body != "hello jane" {
		t.Errorf("named: got status %d: %s, want hello jane", got.status, got.body)
	}
	if got := s.show(t, "/", auth("Bearer "+id)); got.status != http.StatusUnauthorized {
		t.Errorf("named, ID token: got status %d, want 401", got.status)
	}
	s.authentik.SetActive("jane", false)
	s.clock.move(5*time.Minute + time.Second)
	if got := s.show(t, "/", auth("Bearer "+token)); got.status != http.StatusUnauthorized {
		t.Errorf("deactivated: got status %d, want 401", got.status)
	}
}

// TestClients_TokenOfASession: the access token of a sign-in says when that was.
// That of the code has a nonce, as ID tokens do, and only the next one is good.
func TestClients_TokenOfASession(t *testing.T) {
	t.Parallel()
	s := newTokenSite(t, func(c *Config) {
		at := func(prefix string) func(*http.Request) bool {
			return func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, prefix) }
		}
		c.Rules = []Rule{{Match: at("/new"), MaxAge: time.Hour}, {Match: at("/mfa"), RequireMFA: true}}
	})
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	first := s.record(t, p).Tokens.Access
	if got := s.show(t, "/", auth("Bearer "+first)); got.status != http.StatusUnauthorized {
		t.Errorf("with a nonce: got status %d, want 401", got.status)
	}
	s.clock.move(11 * time.Minute)
	p.open("/")
	second := s.record(t, p).Tokens.Access
	for path, want := range map[string]int{"/": 200, "/new": 200, "/mfa": 403} {
		if got := s.show(t, path, auth("Bearer "+second)); got.status != want || want == 403 && !strings.Contains(got.body, string(fault.StepUpRefused)) {
			t.Errorf("%s: got status %d: %s, want %d", path, got.status, got.body, want)
		}
	}
	s.authentik.EndSessions("jane")
	s.clock.move(5*time.Minute + time.Second)
	if got := s.show(t, "/", auth("Bearer "+second)); got.status != http.StatusUnauthorized {
		t.Errorf("signed out at authentik: got status %d, want 401", got.status)
	}
}

// TestClients_OpaqueTokens are those of a provider with an encryption key. Their
// content is authentik's affair, and it is asked.
func TestClients_OpaqueTokens(t *testing.T) {
	t.Parallel()
	s := newTokenSite(t, nil)
	s.authentik.EditApplication("app", func(a *authentiktest.Application) { a.Provider.Encrypts = true })
	token, _ := s.machine(t, theClient, scopes)
	if strings.Count(token, ".") != 4 {
		t.Fatalf("got a token that is not encrypted")
	}
	if got := s.show(t, "/", auth("Bearer "+token)); got.body != "hello jane" {
		t.Errorf("got status %d: %s, want hello jane", got.status, got.body)
	}
	s.revoke(t, token)
	s.clock.move(5*time.Minute + time.Second)
	if got := s.show(t, "/", auth("Bearer "+token)); got.status != http.StatusUnauthorized {
		t.Errorf("revoked: got status %d, want 401", got.status)
	}
}

// TestClients_WrongTokensSlowNoVisitorDown: a program that goes on with an old token
// is no guess, and people sign in from the same address.
func TestClients_WrongTokensSlowNoVisitorDown(t *testing.T) {
	t.Parallel()
	s := newTokenSite(t, nil)
	s.clock.stop()
	for range addressFree + 1 {
		s.clock.move(6 * time.Second)
		s.show(t, "/", auth("Bearer nonsense"))
	}
	if got := s.show(t, "/", auth("Bearer another")).status; got != http.StatusTooManyRequests {
		t.Errorf("got status %d after so many wrong tokens, want 429", got)
	}
	if got := s.person(t).signIn("jane", "open sesame", "/"); got.body != "hello jane" {
		t.Errorf("got status %d on the page, want hello jane", got.status)
	}
}

// TestClients_BearerOfAnotherSiteCounts: no browser sends a token by itself, so that a
// script of another site has the token.
func TestClients_BearerOfAnotherSiteCounts(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.telling("userinfo/", claims{"sub": jane.UID, "preferred_username": "jane"})
	g := newSessionGate(t, func(cfg *Config) {
		i.registered(cfg)
		cfg.Clients.Bearer = true
	})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://app.example.com/", nil)
	r.Header.Set("Authorization", "Bearer "+signed(t, jose.RS256, rsaKey(t), "one", i.access().with(claims{"sub": jane.UID})))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	w := httptest.NewRecorder()
	_ = g.Guard(w, r, func(http.ResponseWriter, *http.Request) error { return nil })
	if w.Code != http.StatusOK {
		t.Errorf("got status %d, want 200", w.Code)
	}
}
