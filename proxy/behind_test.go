package proxy

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// A wildcard site guards authentik too: the gate asks itself.
func TestAuthentik_BehindItsOwnGateIsRecognized(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"page":           func(*Config) {},
		"host page":      func(cfg *Config) { cfg.PageHost = true },
		"relay":          func(cfg *Config) { cfg.Login, cfg.PageHost = LoginRelay, true },
		"OpenID Connect": func(cfg *Config) { cfg.OIDC, cfg.Application = OIDCConfig{ClientID: theClient}, "app" },
		"redirect": func(cfg *Config) {
			cfg.OIDC, cfg.Application, cfg.Login = OIDCConfig{ClientID: theClient}, "app", LoginRedirect
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			server := httptest.NewUnstartedServer(nil)
			address := server.Listener.Addr().String()
			cfg := Config{Client: newClient(t, "http://"+address), Store: newStore(t), Key: []byte(strings.Repeat("k", seal.MinKey)), Hosts: []string{address}}
			change(&cfg)
			gate := newGate(t, cfg).Wrap(http.NotFoundHandler())
			server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if asked.Add(1) > 20 {
					t.Error("got more than 20 requests for one page, want an end")
					http.Error(w, "", http.StatusTeapot)
					return
				}
				gate.ServeHTTP(w, r)
			})
			server.Start()
			t.Cleanup(server.Close)
			for _, accept := range []string{"text/html", "application/json"} {
				asked.Store(0)
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/.authentik/login?to=/", nil)
				r.Header.Set("Accept", accept)
				w := httptest.NewRecorder()
				gate.ServeHTTP(w, r)
				if w.Code != http.StatusBadGateway || !strings.Contains(w.Body.String(), "authentik-behind-gate") {
					t.Errorf("%s: got %d %s, want 502 and authentik-behind-gate", accept, w.Code, w.Body)
				}
			}
		})
	}
}

// The gate reaches authentik directly, and browsers come through the gate.
func TestAuthentik_WhosePublicAddressIsGuardedEndsTheRedirects(t *testing.T) {
	t.Parallel()
	s := newRedirectSite(t, nil)
	client := publicly(t, s.gate.cfg.Client.Root(), s.URL)
	cfg := s.gate.cfg
	cfg.Client = client
	s.gate = newGate(t, cfg)
	got := s.person(t).open("/report")
	if got.status != http.StatusBadGateway || !strings.Contains(got.body, "authentik-behind-gate") {
		t.Errorf("got %d at %s, want 502 and authentik-behind-gate:\n%s", got.status, got.path, got.body)
	}
}
