package proxy

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// withAssertion is a gate whose application gets an assertion.
func withAssertion(c *Config) {
	c.Site, c.Application = &url.URL{Scheme: "https", Host: "app.example.com"}, ""
	c.Headers.Own = []HeaderRule{{Name: "X-Assertion", Claim: "assertion"}}
	c.Headers.Groups = []string{"app-*"}
	c.Assertion = &AssertionConfig{}
}

// publishedKeys returns what a gate publishes at a host.
func publishedKeys(t testing.TB, g *Gate, host string) (set jose.JSONWebKeySet, status int) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+host+"/.authentik/jwks", nil)
	if err := g.Guard(w, r, nil); err != nil {
		t.Fatal(err)
	}
	if w.Code == http.StatusOK {
		if got := w.Header().Get("Content-Type"); got != "application/jwk-set+json" {
			t.Errorf("got the type %q, want that of RFC 7517", got)
		}
		if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil {
			t.Fatal(err)
		}
	}
	return set, w.Code
}

// TestAssertion_ReachesTheApplication: neither the host that a client names nor a
// header that it sends is part of it, and groups are those of the headers.
func TestAssertion_ReachesTheApplication(t *testing.T) {
	t.Parallel()
	g, cookie := held(t, withAssertion, session.Record{User: User{Username: "jane", UID: "5c0f", Groups: []string{"app-editors", "secret"}}})
	send := func() *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://evil.example/wiki", nil)
		r.Header.Set("Cookie", "__Host-authentik_gate="+cookie)
		r.Header.Set("X_Assertion", "forged")
		return through(t, g, r)
	}
	got := send()
	if got.Header.Get("X_Assertion") != "" {
		t.Error("got the client's own assertion at the application, want it removed")
	}
	token, err := jwt.ParseSigned(got.Header.Get("X-Assertion"), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	set, _ := publishedKeys(t, g, "app.example.com")
	var claims struct {
		jwt.Claims
		Groups []string `json:"groups"`
		SID    string   `json:"sid"`
	}
	if err := token.Claims(set, &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Issuer != "https://app.example.com" || claims.Audience[0] != "https://app.example.com" || claims.Subject != "5c0f" {
		t.Errorf("got %+v, want the configured site and the user's ID", claims)
	}
	if strings.Join(claims.Groups, " ") != "app-editors" || claims.SID == "" {
		t.Errorf("got groups %v, session %q, want app-editors and a public ID", claims.Groups, claims.SID)
	}
	if again := send().Header.Get("X-Assertion"); again != got.Header.Get("X-Assertion") {
		t.Error("got another assertion with the next request, want the same")
	}
}

func TestAssertion_AudienceNamesTheApplication(t *testing.T) {
	t.Parallel()
	site := &url.URL{Scheme: "https", Host: "app.example.com", Path: "/"}
	for _, test := range []struct{ application, audience, want string }{
		{"", "", "https://app.example.com"},
		{"wiki", "", "https://app.example.com/wiki"},
		{"wiki", "grafana", "grafana"},
	} {
		cfg := Config{Site: site, Application: test.application, Assertion: &AssertionConfig{Audience: test.audience}}
		if got := cfg.assertions(ring(1)).Audience; got != test.want {
			t.Errorf("%+v: got %q", test, got)
		}
	}
}

// TestAssertion_EveryGateOnTheHostPublishesAllKeys: which gate gets the request for
// the keys depends on the order of routes.
func TestAssertion_EveryGateOnTheHostPublishesAllKeys(t *testing.T) {
	t.Parallel()
	group := new(Group)
	join := func(audience string, prefix string) *Gate {
		g, _ := held(t, func(c *Config) {
			withAssertion(c)
			c.Group, c.Prefix, c.Assertion.Audience = group, prefix, audience
			if audience == "" {
				c.Headers.Own, c.Assertion = nil, nil
			}
		}, session.Record{User: User{Username: "jane"}})
		return g
	}
	for _, g := range []*Gate{join("a", ""), join("b", ""), join("", ""), join("c", "/other")} {
		set, status := publishedKeys(t, g, "app.example.com")
		ids := map[string]bool{}
		for _, key := range set.Keys {
			ids[key.KeyID] = true
		}
		if len(ids) < 6 {
			t.Errorf("%s: got %d, %d keys, want those of three gates", g.cfg.Prefix, status, len(ids))
		}
	}
	alone, _ := held(t, nil, session.Record{User: User{Username: "jane"}})
	if _, status := publishedKeys(t, alone, "app.example.com"); status != http.StatusNotFound {
		t.Errorf("without assertions: got %d, want 404", status)
	}
}

func TestAssertion_MistakesAreNamed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"no site":            func(c *Config) { c.Site = nil },
		"too short":          func(c *Config) { c.Assertion.Lifetime = time.Minute },
		"too long":           func(c *Config) { c.Assertion.Lifetime = time.Hour },
		"header without one": func(c *Config) { c.Assertion = nil },
	} {
		var cfg Config
		withAssertion(&cfg)
		change(&cfg)
		if err := cfg.withDefaults().check(); err == nil || strings.Count(err.Error(), "proxy: assertion:") != 1 {
			t.Errorf("%s: got %v, want one mistake of the assertion", name, err)
		}
	}
}
