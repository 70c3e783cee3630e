package proxy

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// noMetrics fails a test in which anything is counted.
type noMetrics struct {
	NopMetrics
	t testing.TB
}

func (m noMetrics) Decision(kind string)      { m.t.Errorf("got the decision %s counted", kind) }
func (m noMetrics) Ended(reason string)       { m.t.Errorf("got an end counted: %s", reason) }
func (m noMetrics) HeaderLeftOut(name string) { m.t.Errorf("got a header counted: %s", name) }

// asked is a request for a page of the site, with a session cookie or none.
func asked(t testing.TB, g *Gate, path, cookie string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.Host, r.TLS = "app.example.com", new(tls.ConnectionState)
	r.Header.Set("Accept", "text/html")
	if cookie != "" {
		r.Header.Set("Cookie", "theme=dark; "+cookieNames(g).Session+"="+cookie)
	}
	return r
}

// admins is a gate with a rule, and a group for debugging.
func admins(c *Config) {
	c.Application, c.Debug = "wiki", "staff"
	c.Require = []Requirement{{Claim: "group", Values: []string{"staff", "guests"}}}
	c.Rules = []Rule{{
		Name: "on /admin/*", Match: func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/admin/") },
		Require: []Requirement{{Claim: "group", Values: []string{"admins"}}},
	}}
}

func TestExplain_NamesTheRuleThatDecides(t *testing.T) {
	t.Parallel()
	g, cookie := held(t, admins, session.Record{
		User: User{Username: "jane", Groups: []string{"staff"}}, Apps: map[string]bool{"wiki": true},
	})
	for path, want := range map[string]struct {
		decision, code, rule, verdict string
		applies                       bool
	}{
		"/":        {"pass", "", "on /admin/*", "not met", false},
		"/admin/x": {"refuse", "not-allowed", "on /admin/*", "not met", true},
	} {
		e := g.Explain(asked(t, g, path, cookie))
		if e.Decision != want.decision || string(e.Code) != want.code {
			t.Errorf("%s: got %s %s, want %s %s", path, e.Decision, e.Code, want.decision, want.code)
		}
		last := e.Rules[len(e.Rules)-1]
		if last.Rule != want.rule || last.Applies != want.applies || last.Demands[0] != (ExplainedDemand{"require group admins", want.verdict}) {
			t.Errorf("%s: got %+v, want %+v", path, last, want)
		}
		all := []ExplainedDemand{{"application wiki", "met"}, {"require group staff guests", "met"}}
		if !slices.Equal(e.Rules[0].Demands, all) {
			t.Errorf("%s: got %+v, want %+v", path, e.Rules[0].Demands, all)
		}
		if e.Session.User != "jane" || e.Session.ID == "" || e.Session.Confirmed.IsZero() {
			t.Errorf("%s: got the session %+v, want that of jane", path, e.Session)
		}
	}
}

// What cannot be known without authentik is a question to it.
func TestExplain_SaysWhatAuthentikWouldBeAsked(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*Config)
		header http.Header
		want   []string
	}{
		"session":         {nil, nil, []string{"whether jane may use the application wiki (/api/v3/core/applications/wiki/check_access/)", "whether jane is still signed in (/api/v3/core/users/me/)"}},
		"with OIDC":       {func(c *Config) { c.OIDC.ClientID, c.OIDC.ClientSecret = "id", "secret" }, nil, []string{"check_access", "/application/o/token/"}},
		"app password":    {func(c *Config) { c.Clients.Basic = true }, http.Header{"Authorization": {"Basic amFuZTpodXNo"}}, []string{"app password in Authorization"}},
		"an access token": {func(c *Config) { c.OIDC.ClientID, c.OIDC.ClientSecret, c.Clients.Bearer = "id", "secret", true }, http.Header{"Authorization": {"Bearer hush.hush.hush"}}, []string{"the access token in Authorization"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, cookie := held(t, func(c *Config) {
				c.Application = "wiki"
				if tt.change != nil {
					tt.change(c)
				}
			}, session.Record{User: User{Username: "jane"}})
			if tt.header != nil {
				cookie = ""
			}
			r := asked(t, g, "/", cookie)
			for header, values := range tt.header {
				r.Header[header] = values
			}
			e := g.Explain(r)
			asks := strings.Join(e.Asks, "; ")
			if e.Decision != "ask" || strings.Contains(asks, "hush") {
				t.Errorf("got %s with %q, want ask, and no credential", e.Decision, asks)
			}
			for _, want := range tt.want {
				if !strings.Contains(asks, want) {
					t.Errorf("got %q, want %q in it", asks, want)
				}
			}
		})
	}
}

func TestExplain_SaysWhyThereIsNoSession(t *testing.T) {
	t.Parallel()
	c := &clock{}
	g, idle := held(t, func(cfg *Config) { cfg.Idle, cfg.Now = time.Hour, c.now }, session.Record{
		User: User{Username: "jane"}, Until: time.Now().Add(100 * time.Hour), Used: time.Now(),
	})
	begin := func(until time.Duration) string {
		s, _, err := startSession(t.Context(), g, session.Record{User: User{Username: "joe"}, Begun: c.now(), Used: c.now(), Until: c.now().Add(until)}, somewhere("app.example.com"))
		if err != nil {
			t.Fatal(err)
		}
		return s.Cookie()
	}
	old := begin(time.Hour)
	c.move(2 * time.Hour)
	ended := begin(time.Hour)
	s, _, err := g.sessions.Find(t.Context(), ended, "app.example.com")
	if err != nil || s == nil {
		t.Fatal(s, err)
	}
	if err := g.sessions.End(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ cookie, want string }{
		"none":    {"", "no session cookie"},
		"form":    {"junk", "not one that a gate has made"},
		"expired": {old, "reached its lifetime"},
		"idle":    {idle, "unused for too long"},
		"ended":   {ended, "no such session"},
	} {
		e := g.Explain(asked(t, g, "/", tt.cookie))
		if text := strings.Join(e.Session.Missing, "; "); e.Decision != "sign-in" || !strings.Contains(text, tt.want) {
			t.Errorf("%s: got %s since %q, want %q", name, e.Decision, text, tt.want)
		}
	}
}

// TestExplain_ChangesNothing holds Explain to leaving no mark, also of a session
// that Guard would end, whatever address it is asked for.
func TestExplain_ChangesNothing(t *testing.T) {
	t.Parallel()
	store, c := &readOnlyStore{Store: newStore(t)}, &clock{}
	g, cookie := held(t, func(cfg *Config) {
		admins(cfg)
		cfg.Store, cfg.Now, cfg.Idle, cfg.Metrics = store, c.now, time.Hour, noMetrics{t: t}
	}, session.Record{User: User{Username: "jane", Groups: []string{"staff"}}, Apps: map[string]bool{"wiki": true}, Used: time.Now(), Until: time.Now().Add(100 * time.Hour)})
	setClient(g, silentAuthentik{}) // panics when it is asked
	for _, age := range []time.Duration{0, 10 * time.Minute, 2 * time.Hour, 100 * time.Hour} {
		c.move(age)
		g.sessions.Forget()
		before := store.writes.Load()
		for _, path := range []string{"/", "/admin/x", "/.authentik/login"} {
			r := asked(t, g, path, cookie)
			r.Header.Set("Remote-User", "mallory")
			r.RemoteAddr = "198.51.100.9:1234"
			headers := r.Header.Clone()
			e := g.Explain(r)
			if len(e.Steps) == 0 || !slices.Equal(e.Removed, []string{"Remote-User"}) {
				t.Errorf("%s: got %+v, want an explanation with the removed header", path, e)
			}
			if len(headers) != len(r.Header) || r.Header.Get("Remote-User") != "mallory" {
				t.Errorf("%s: got the request changed: %v", path, r.Header)
			}
		}
		if got := store.writes.Load() - before; got != 0 {
			t.Errorf("after %v: got %d writes to the store, want none", age, got)
		}
		if n := g.sessions.CacheLen(); n != 0 {
			t.Errorf("after %v: got %d sessions cached, want none", age, n)
		}
	}
}

func TestExplain_ShowsNoSecret(t *testing.T) {
	t.Parallel()
	const hush = "hush-hush"
	g, cookie := held(t, func(c *Config) {
		c.OIDC.ClientID, c.OIDC.KeepAccessToken, c.Application = "client", true, "wiki"
		c.OIDC.ClientSecret = hush
		c.Headers = HeaderConfig{Preset: HeadersRemote, Own: []HeaderRule{
			{Name: "X-Token", Claim: "access_token"},
			{Name: "X-Password", Claim: "attributes.password"},
			{Name: "Authorization", Of: func(Session) string { return "Basic " + hush }},
			{Name: "X-Env", Value: func(*http.Request, Session) string { return hush }},
		}}
	}, session.Record{
		User: User{Username: "jane", Attributes: map[string]any{"password": hush}},
		Apps: map[string]bool{"wiki": true}, Tokens: &session.Tokens{Access: hush, ID: hush},
	})
	r := asked(t, g, "/x?token="+hush, cookie)
	r.Header.Set("Authorization", "Bearer "+hush)
	e := g.Explain(r)
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if e.Decision != "pass" || strings.Contains(string(text), hush) || strings.Contains(string(text), cookie) {
		t.Errorf("got %s, want a pass without a secret", text)
	}
	told := map[string]ExplainedHeader{}
	for _, h := range e.Told {
		told[h.Name] = h
	}
	if told["Remote-User"].Value != "jane" || !told["X-Token"].Hidden || !told["X-Password"].Hidden || !told["Authorization"].Hidden || !told["X-Env"].Hidden {
		t.Errorf("got %+v, want the username, and the other headers without a value", e.Told)
	}
}

func TestDebug_ExplainsToMembersOfTheGroupOnly(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		debug, path string
		groups      []string
		want        string // in the header; empty: no header
	}{
		"member":          {"staff", "/", []string{"staff"}, "every request: application wiki: met"},
		"member, refused": {"staff", "/admin/x", []string{"staff"}, "refuse; not-allowed"},
		"other group":     {"staff", "/", []string{"guests"}, ""},
		"no group":        {"", "/", []string{"staff", ""}, ""},
		"own address":     {"staff", "/.authentik/session", []string{"staff"}, ""},
	} {
		g, cookie := held(t, func(c *Config) { admins(c); c.Debug = tt.debug }, session.Record{
			User: User{Username: "jäne\r\n", Groups: tt.groups}, Apps: map[string]bool{"wiki": true},
		})
		w := httptest.NewRecorder()
		_ = g.Guard(w, asked(t, g, tt.path, cookie), func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(http.StatusOK)
			return nil
		})
		got := w.Header().Get(ExplainHeader)
		if (got != "") != (tt.want != "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
	g, _ := held(t, admins, session.Record{})
	w := httptest.NewRecorder()
	_ = g.Guard(w, asked(t, g, "/", ""), nil)
	if got := w.Header().Get(ExplainHeader); got != "" {
		t.Errorf("without a session: got %q, want none", got)
	}
}

func TestExplanation_LineIsSafeInAHeader(t *testing.T) {
	t.Parallel()
	e := Explanation{Decision: "pass", Steps: []string{"a\r\nSet-Cookie: x=y", "ä%", strings.Repeat("z", 4*maxLine)}}
	line := e.line()
	if strings.ContainsAny(line, "\r\n") || !strings.Contains(line, "a%0D%0ASet-Cookie") || !strings.Contains(line, "%C3%A4%25") || len(line) > maxLine+3+3*20 {
		t.Errorf("got %d bytes: %.100s, want bounded printable ASCII", len(line), line)
	}
}
