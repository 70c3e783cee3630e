package proxy

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// ours is the line that every 401 has.
const ours = `authentik login_url="/.authentik/login"`

// TestClients_PromptOnlyPrograms: a browser that reads Basic opens a window of its
// own for a password.
func TestClients_PromptOnlyPrograms(t *testing.T) {
	t.Parallel()
	s := newTokenSite(t, nil)
	realm := `realm="` + s.Listener.Addr().String() + `"`
	all := []string{"Basic " + realm + `, charset="UTF-8"`, "Bearer " + realm, ours}
	session := cookieNames(s.gate).Session
	for _, tt := range []struct {
		name, method string
		header       http.Header
		want         []string
	}{
		{"curl", "GET", http.Header{"User-Agent": {"curl/8.5.0"}, "Accept": {"*/*"}}, all},
		{"git", "GET", http.Header{"User-Agent": {"git/2.43.0"}}, all},
		{"docker login", "GET", http.Header{"User-Agent": {"docker/27.0 go/1.22"}}, all},
		{"Windows' WebClient", "OPTIONS", http.Header{"User-Agent": {"Microsoft-WebDAV-MiniRedir/10.0.19045"}}, all},
		{"CalDAV", "PROPFIND", http.Header{"User-Agent": {"iOS/17.4 dataaccessd/1.0"}}, all},
		{"CalDAV", "REPORT", http.Header{"User-Agent": {"DAVx5/4.4"}}, all},
		{"WebDAV", "MKCOL", http.Header{"User-Agent": {"rclone/v1.66"}}, all},
		{"no word about itself", "GET", http.Header{"User-Agent": {""}}, all},
		{"a cookie of the application", "GET", http.Header{"User-Agent": {"curl/8"}, "Cookie": {"sid=1"}}, all},
		{"a wrong password", "GET", http.Header{"User-Agent": {"curl/8"}, "Authorization": {basic("jane", "wrong")}}, all},
		{"a wrong token", "GET", http.Header{"User-Agent": {"curl/8"}, "Authorization": {"Bearer x"}}, all},
		{"old browser over HTTP", "GET", http.Header{"User-Agent": {"Mozilla/5.0 (X11)"}}, []string{ours}},
		{"old browser, a page", "HEAD", http.Header{"User-Agent": {"Mozilla/5.0 (X11)"}}, []string{ours}},
		{"fetch", "GET", http.Header{"User-Agent": {"x"}, "Sec-Fetch-Mode": {"cors"}}, []string{ours}},
		{"picture", "GET", http.Header{"User-Agent": {"x"}, "Sec-Fetch-Dest": {"image"}}, []string{ours}},
		{"site alone", "GET", http.Header{"User-Agent": {"x"}, "Sec-Fetch-Site": {"none"}}, []string{ours}},
		{"user alone", "GET", http.Header{"User-Agent": {"x"}, "Sec-Fetch-User": {"?1"}}, []string{ours}},
		{"origin", "POST", http.Header{"User-Agent": {"x"}, "Origin": {"https://x"}}, []string{ours}},
		{"empty origin", "POST", http.Header{"User-Agent": {"x"}, "Origin": {""}}, []string{ours}},
		{"referrer", "GET", http.Header{"User-Agent": {"x"}, "Referer": {"https://x/"}}, []string{ours}},
		{"a cookie of ours", "GET", http.Header{"User-Agent": {"x"}, "Cookie": {"a=b; " + session + "=x"}}, []string{ours}},
		{"another cookie of ours", "GET", http.Header{"User-Agent": {"x"}, "Cookie": {"a=b", "__Host-authentik_browser=x"}}, []string{ours}},
		{"fetch with a wrong password", "GET", http.Header{"User-Agent": {"x"}, "Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Site": {"same-origin"}, "Authorization": {basic("jane", "wrong")}}, []string{ours}},
	} {
		r := httptest.NewRequestWithContext(t.Context(), tt.method, s.URL+"/dav/", nil)
		for name, values := range tt.header {
			r.Header[name] = values
		}
		w := httptest.NewRecorder()
		_ = s.gate.Guard(w, r, func(http.ResponseWriter, *http.Request) error { t.Error("got the request passed"); return nil })
		if got := w.Header()["Www-Authenticate"]; w.Code != http.StatusUnauthorized || !slices.Equal(got, tt.want) {
			t.Errorf("%s: got status %d, %q, want 401 with %q", tt.name, w.Code, got, tt.want)
		}
		if w.Header().Get(flowclient.GateHeader) == "" {
			t.Errorf("%s: got an answer without the gate's mark", tt.name)
		}
	}
}

func TestClients_PromptsAreThoseThatAreAllowed(t *testing.T) {
	t.Parallel()
	for want, clients := range map[string]ClientsConfig{"": {}, "Basic": {Basic: true}, "Bearer": {Bearer: true}} {
		s := newTokenSite(t, func(c *Config) { c.Clients = clients })
		got := s.show(t, "/", nil)
		var names []string
		for _, line := range got.header["Www-Authenticate"] {
			name, _, _ := strings.Cut(line, " ")
			names = append(names, name)
		}
		if wanted := strings.Fields(want + " authentik"); !slices.Equal(names, wanted) {
			t.Errorf("got %q, want %q", names, wanted)
		}
	}
}

// TestClients_PageLoadsAreLedToTheSignIn: also where programs may come, a browser
// gets the page.
func TestClients_PageLoadsAreLedToTheSignIn(t *testing.T) {
	t.Parallel()
	s := newTokenSite(t, nil)
	page := s.person(t).open("/wiki")
	if !strings.HasPrefix(page.path, "/.authentik/login") || page.header["Www-Authenticate"] != nil {
		t.Errorf("got status %d at %s, prompts %q, want the sign-in", page.status, page.path, page.header["Www-Authenticate"])
	}
}

// TestClients_RealmIsNoWayToWriteHeaders: the host is the client's word.
func TestClients_RealmIsNoWayToWriteHeaders(t *testing.T) {
	t.Parallel()
	s := newTokenSite(t, func(c *Config) { c.Hosts = nil })
	for _, host := range []string{`x", Basic realm="y`, "x\\", "ü", ""} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		_ = s.gate.Guard(w, r, func(http.ResponseWriter, *http.Request) error { return nil })
		if got := w.Header()["Www-Authenticate"][0]; got != `Basic realm="authentik", charset="UTF-8"` {
			t.Errorf("%q: got %s", host, got)
		}
	}
}
