package proxy

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestDescribed_RefusesWhatItCannotHold: an option without an effect is a mistake.
func TestDescribed_RefusesWhatItCannotHold(t *testing.T) {
	t.Parallel()
	for option, change := range map[string]func(*Config){
		"cache":          func(c *Config) { c.Cache = CachePrivate },
		"sign-on form":   func(c *Config) { c.SignOnForm = &SignOnForm{} },
		"sign-out paths": func(c *Config) { c.SignOutPaths = []string{"/logout"} },
		"late forms":     func(c *Config) { c.LateForms = []string{"/saml"} },
		"preflight":      func(c *Config) { c.Preflight = true },
		"login":          func(c *Config) { c.Login = LoginRelay },
		"assertion":      func(c *Config) { c.Assertion = &AssertionConfig{} },
		"site":           func(c *Config) { c.Site = &url.URL{Scheme: "https", Host: "wiki.example.com"} },
	} {
		cfg := Config{Described: true}
		change(&cfg)
		if err := Check(cfg); err == nil || !strings.Contains(err.Error(), "proxy: "+option+": it cannot be used with Described") {
			t.Errorf("%s: got %v, want it refused", option, err)
		}
		if err := Check(Config{Described: true}); strings.Contains(err.Error(), "with Described") {
			t.Errorf("got %v without an option, want nothing about Described", err)
		}
	}
}

// TestDescribed_KeepsNoForm: the form is at the other proxy, and what would be kept
// here has no fields.
func TestDescribed_KeepsNoForm(t *testing.T) {
	t.Parallel()
	for described, want := range map[bool]bool{false: true, true: false} {
		s := newSite(t, func(c *Config) { c.Described = described })
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/order", strings.NewReader("amount=1"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Origin", s.URL)
		w := httptest.NewRecorder()
		s.gate.Wrap(http.NotFoundHandler()).ServeHTTP(w, r)
		if kept := strings.Contains(w.Body.String(), `name="f.amount"`); w.Code != http.StatusUnauthorized || kept != want {
			t.Errorf("described %v: got status %d and the form kept: %v, want 401 and %v\n%s", described, w.Code, kept, want, w.Body)
		}
	}
}

func TestGate_NamesItsIdentityHeaders(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) {
		c.Headers = HeaderConfig{Preset: HeadersRemote, Own: []HeaderRule{{Name: "x-user-id", Claim: "uid"}, {Name: "Remote-Name", Claim: "username"}}}
	})
	want := []string{"Remote-Email", "Remote-Groups", "Remote-Name", "Remote-User", "X-User-Id"}
	if got := s.gate.IdentityHeaders(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for name, want := range map[string]bool{"Remote-User": true, "remote_user": true, "X_USER.ID": true, "X-Authentik-Anything": true, "Cookie": false, "Remote": false} {
		if got := s.gate.IsIdentityHeader(name); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}
