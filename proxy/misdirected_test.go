package proxy

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// madeUp are hosts that a client can send to a site at app.example.com:8443.
var madeUp = []string{"evil.example", "app.example.com.evil.example", "app.example.com:9999", "evil.example:8443", "xapp.example.com:8443", ""}

// A client that invents a host could have authentik mail a link to it.
func TestHost_InventedOneCannotBeginASignIn(t *testing.T) {
	t.Parallel()
	for name, login := range map[string]Login{"page": LoginPage, "relay": LoginRelay, "redirect": LoginRedirect} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newOIDCSite(t, func(reg *registration) {
				reg.gate = func(cfg *Config) {
					cfg.Login, cfg.PageHost, cfg.Hosts = login, true, []string{"app.example.com:8443"}
				}
			})
			for _, host := range madeUp {
				for _, tt := range []struct{ method, path, accept string }{
					{"GET", "/", "text/html"},
					{"GET", "/if/flow/recovery/?flow_token=x", "text/html"},
					{"GET", "/.authentik/login", "text/html"},
					{"HEAD", "/.authentik/login", "text/html"},
					{"GET", "/.authentik/login?page=1", "text/html"},
					{"GET", "/.authentik/login?at=authentik", "text/html"},
					{"GET", "/.authentik/login?link=x", "text/html"},
					{"GET", "/.authentik/login", "application/json"},
					{"POST", "/.authentik/login", "text/html"},
					{"POST", "/.authentik/login", "application/json"},
					{"GET", "/.authentik/callback?state=x&code=y", "text/html"},
				} {
					asked := s.front.asked.Load()
					r := httptest.NewRequestWithContext(t.Context(), tt.method, "https://app.example.com:8443"+tt.path, strings.NewReader("{}"))
					r.Host = host
					r.Header.Set("Accept", tt.accept)
					r.Header.Set("Content-Type", "application/json")
					w := httptest.NewRecorder()
					s.gate.Wrap(http.NotFoundHandler()).ServeHTTP(w, r)
					if w.Code != http.StatusMisdirectedRequest || tt.method != "HEAD" && !strings.Contains(w.Body.String(), "host-unknown") {
						t.Errorf("%q: %s %s (%s): got %d %s, want 421 and host-unknown", host, tt.method, tt.path, tt.accept, w.Code, w.Body)
					}
					if got := s.front.asked.Load() - asked; got != 0 {
						t.Errorf("%q: %s %s: got %d questions to authentik, want none", host, tt.method, tt.path, got)
					}
				}
			}
		})
	}
}

// The pages that need no sign-in are drawn without asking authentik for the
// brand of a host that a client has invented.
func TestHost_ThatAClientMakesUpHasNoBrand(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(cfg *Config) { cfg.PageHost, cfg.Hosts = true, []string{"app.example.com"} })
	for _, path := range []string{"/.authentik/logout", "/.authentik/session", "/.authentik/framed", "/.authentik/nothing", "/.authentik/assets/nothing"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://evil.example"+path, nil)
		r.Header.Set("Accept", "text/html")
		s.gate.Wrap(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
	}
	if got := s.front.asked.Load(); got != 0 {
		t.Errorf("got %d questions to authentik, want none", got)
	}
}

// A host that the operator has named is told, in every spelling of it.
func TestHost_ThatTheOperatorHasNamedSignsIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(cfg *Config) {
		cfg.PageHost, cfg.Hosts = true, []string{"APP.example.com", "app.example.com:8443", "[2001:db8::1]"}
	})
	for _, host := range []string{"app.example.com", "app.example.com:443", "APP.example.com.", "app.example.com:8443", "[2001:db8::1]"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://app.example.com/.authentik/login", nil)
		r.Host = host
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		s.gate.Wrap(http.NotFoundHandler()).ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Errorf("%s: got %d, want 200", host, w.Code)
		}
	}
}

// An open path needs no sign-in at any host, and a session is good where its
// cookie is.
func TestHost_ThatAClientMakesUpKeepsOpenPathsOpen(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(cfg *Config) {
		cfg.PageHost, cfg.Hosts = true, []string{"app.example.com"}
		cfg.Open = func(r *http.Request) bool { return r.URL.Path == "/open" }
	})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://10.0.0.1/open", nil)
	if !lets(s.gate, r) {
		t.Error("got an answer of the gate, want the application's")
	}
}

func TestNew_RefusesAHostThatAClientCanMakeUp(t *testing.T) {
	t.Parallel()
	_, _, client := newAuthentik(t)
	for _, tt := range []struct {
		hosts []string
		site  string
		want  string
	}{
		{nil, "", "write site https://app.example.com, or list the names of the site"},
		{[]string{"*.example.com"}, "", `matches "*.example.com"; write site`},
		{[]string{"app.example.com", "*.example.com:8443"}, "", `matches "*.example.com:8443"; write site`},
		{[]string{"https://app.example.com"}, "", "is not a host; write one like app.example.com"},
		{[]string{"my_app.example.com"}, "", "has an underscore"},
		{nil, "https://my_app.example.com", "has an underscore"},
		{[]string{"app.example.com"}, "", ""},
		{[]string{"*.example.com"}, "https://app.example.com", ""},
		{nil, "https://app.example.com:8443", ""},
	} {
		cfg := Config{Client: client, Store: newStore(t), Key: []byte(strings.Repeat("k", seal.MinKey)), PageHost: true, Hosts: tt.hosts}
		if tt.site != "" {
			cfg.Site, _ = url.Parse(tt.site)
		}
		err := Check(cfg)
		if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q, %q: got %v, want %q", tt.hosts, tt.site, err, tt.want)
		}
		cfg.PageHost = false
		if err := Check(cfg); err != nil && !strings.Contains(tt.site, "_") {
			t.Errorf("%q, %q without PageHost: got %v, want no error", tt.hosts, tt.site, err)
		}
	}
}
