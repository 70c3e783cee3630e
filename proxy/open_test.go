package proxy

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/decision"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// TestOpen_IsReadAsAskedAndAsRewritten: the application may go by either path, so
// neither may be one that servers read in different ways.
func TestOpen_IsReadAsAskedAndAsRewritten(t *testing.T) {
	t.Parallel()
	staff := []Requirement{{Claim: "group", Values: []string{"staff"}}}
	open, _ := held(t, func(c *Config) { c.Open = func(*http.Request) bool { return true } }, session.Record{User: User{Username: "jane"}})
	ruled, cookie := held(t, func(c *Config) {
		c.Rules = []Rule{{Match: below("/staff"), Require: staff}}
	}, session.Record{User: User{Username: "jane"}})
	for _, tt := range []struct {
		asked, rewritten string
		open             bool
	}{
		{"/public/x", "/public/x", true},
		{"/public/x", "/index.php", true},
		{"/public/..;/staff", "/public/x", false},
		{"/public/x", "/public/..;/staff", false},
		{"/public/%2e%2e/staff", "/public/x", false},
	} {
		asked, err := url.Parse(tt.asked)
		if err != nil {
			t.Fatal(err)
		}
		at := somewhere("app.example.com")
		at.Asked = asked
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, tt.rewritten, nil)
		want := map[bool]string{true: "open", false: "refuse"}[tt.open]
		if got := decision.Kind(open.decisions.Decide(exchangeAt(open, r, at))); got != want {
			t.Errorf("%s as %s: got %s, want %s", tt.asked, tt.rewritten, got, want)
		}
		r.Header.Set("Cookie", cookieNames(ruled).Session+"="+cookie)
		want = map[bool]string{true: "pass", false: "refuse"}[tt.open]
		if got := decision.Kind(ruled.decisions.Decide(exchangeAt(ruled, r, at))); got != want {
			t.Errorf("%s as %s, of a user whom a rule does not let pass: got %s, want %s", tt.asked, tt.rewritten, got, want)
		}
	}
}

// TestSession_UnreadableCookieIsExpired: what no gate has written could stand
// before the gate's own forever. One that only opens nothing may be new.
func TestSession_UnreadableCookieIsExpired(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	name := cookieNames(s.gate).Session
	for value, want := range map[string]bool{"junk": true, strings.Repeat("A", 43): false} {
		for _, mode := range []string{"navigate", "cors"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/", nil)
			r.Header.Set("Sec-Fetch-Mode", mode)
			r.Header.Set("Cookie", name+"="+value)
			w := httptest.NewRecorder()
			s.Config.Handler.ServeHTTP(w, r)
			got := strings.Contains(strings.Join(w.Header()["Set-Cookie"], "\n"), name+"=; Path=/; Max-Age=0")
			if got != want {
				t.Errorf("%s with %q: got expired %v, want %v", mode, value, got, want)
			}
		}
	}
}
