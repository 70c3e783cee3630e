package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestOutpost_ApplicationsFindItsHeaders: the ID token is a new one before it has
// expired, and its keys are where the header says.
func TestOutpost_ApplicationsFindItsHeaders(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, func(reg *registration) {
		reg.provider.AccessValidity = 4 * time.Minute
		attributes := map[string]any{"additionalHeaders": map[string]any{"X-Authentik-Level": 3, "X-Tenant": "north"}}
		reg.provider.Claims = map[string]map[string]any{"profile": {"ak_proxy": map[string]any{"user_attributes": attributes}}}
		reg.gate = func(cfg *Config) {
			cfg.Headers = HeaderConfig{Preset: HeadersAuthentik, Additional: []string{"X-Tenant"}}
		}
	})
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	told := s.last(t).Header
	first := told.Get("X-Authentik-Jwt")
	if first == "" || first != s.record(t, p).Tokens.ID {
		t.Errorf("X-Authentik-Jwt: got %q, want the ID token", first)
	}
	for name, want := range map[string]string{"X-Authentik-Meta-App": "app", "X-Authentik-Level": "3", "X-Tenant": "north"} {
		if got := told.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, told.Get("X-Authentik-Meta-Jwks"), nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if keys, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(keys), `"keys"`) {
		t.Errorf("X-Authentik-Meta-Jwks: got %s, %v, want keys", keys, err)
	}
	s.clock.move(3*time.Minute + 30*time.Second) // no recheck is due yet
	p.settles("/", func(screen) bool { return s.last(t).Header.Get("X-Authentik-Jwt") != first })
	if again := s.last(t).Header.Get("X-Authentik-Jwt"); again != s.record(t, p).Tokens.ID {
		t.Errorf("X-Authentik-Jwt after a while: got %q, want the new ID token", again)
	}
}
