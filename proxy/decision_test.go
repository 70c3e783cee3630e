package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/decision"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// held makes a gate with one session in its store, and the cookie that opens it.
func held(t testing.TB, change func(*Config), rec session.Record) (*Gate, string) {
	t.Helper()
	_, _, client := newAuthentik(t)
	cfg := Config{Client: client, Store: newStore(t), Key: []byte(strings.Repeat("k", seal.MinKey))}
	if change != nil {
		change(&cfg)
	}
	g := newGate(t, cfg)
	if rec.Until.IsZero() {
		rec.Until = time.Now().Add(time.Hour)
	}
	if rec.Begun.IsZero() {
		rec.Begun = time.Now()
	}
	s, _, err := startSession(t.Context(), g, rec, somewhere("app.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	return g, s.Cookie()
}

func TestDecision_OfEveryRequest(t *testing.T) {
	t.Parallel()
	g, cookie := held(t, func(c *Config) {
		c.Application = "wiki"
		c.Open = func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/open/") }
	}, session.Record{User: User{Username: "jane"}, Apps: map[string]bool{"wiki": true}})
	put := func(apps map[string]bool) string {
		s, _, err := startSession(t.Context(), g, session.Record{
			User: User{Username: "joe"}, Apps: apps, Begun: time.Now(), Until: time.Now().Add(time.Hour),
		}, somewhere("app.example.com"))
		if err != nil {
			t.Fatal(err)
		}
		return s.Cookie()
	}
	denied, unknown := put(map[string]bool{"wiki": false}), put(nil)
	page := http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}}
	old := http.Header{"Accept": {"text/html,*/*;q=0.8"}}
	for _, tt := range []struct {
		name, method, path, cookie string
		header                     http.Header
		want                       string
	}{
		{"page load", "GET", "/", "", page, "sign-in"},
		{"page load of an old browser", "GET", "/", "", old, "sign-in"},
		{"HEAD of a page", "HEAD", "/", "", old, "sign-in"},
		{"fetch", "GET", "/", "", http.Header{"Sec-Fetch-Mode": {"cors"}, "Accept": {"text/html"}}, "refuse"},
		{"no word about itself", "GET", "/", "", nil, "refuse"},
		{"API client", "GET", "/", "", http.Header{"Accept": {"*/*"}}, "refuse"},
		{"form", "POST", "/", "", page, "refuse"},
		{"frame", "GET", "/", "", http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"iframe"}}, "sign-in"},
		{"page load by a worker", "GET", "/", "", http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"empty"}}, "sign-in"},
		{"form in a frame", "POST", "/", "", http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"iframe"}}, "refuse"},
		{"prefetch", "GET", "/", "", http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Purpose": {"prefetch"}}, "refuse"},
		{"WebSocket", "GET", "/", "", http.Header{"Sec-Fetch-Mode": {"websocket"}, "Upgrade": {"websocket"}}, "refuse"},
		{"preflight", "OPTIONS", "/", "", http.Header{"Origin": {"https://x"}}, "refuse"},
		{"signed in", "GET", "/", cookie, nil, "pass"},
		{"signed in, any method", "DELETE", "/", cookie, nil, "pass"},
		{"may not", "GET", "/", denied, page, "refuse"},
		{"not asked yet", "GET", "/", unknown, page, "weigh"},
		{"open path", "GET", "/open/a", "", nil, "open"},
		{"open path, signed in", "GET", "/open/a", cookie, nil, "pass"},
		{"open path, may not", "GET", "/open/a", denied, nil, "open"},
		{"open path, not asked yet", "GET", "/open/a", unknown, nil, "weigh"},
		{"own page", "GET", "/.authentik/login", "", page, "own"},
		{"own page, signed in", "GET", "/.authentik/login", cookie, page, "own"},
		{"below the prefix", "GET", "/.authentik/nothing", cookie, nil, "own"},
		{"the prefix itself", "GET", "/.authentik", "", nil, "own"},
		{"beside the prefix", "GET", "/.authentikx", "", nil, "refuse"},
		{"prefix, escaped", "GET", "/%2eauthentik/login", "", nil, "own"},
		{"garbage cookie", "GET", "/", "garbage", page, "sign-in"},
		{"cookie of another session", "GET", "/", seal.NewSecret().Cookie(), page, "sign-in"},
		{"open path, ambiguous", "GET", "/open/..;/a", "", nil, "refuse"},
		{"open path, escaped slash", "GET", "/open/%2fa", "", nil, "refuse"},
		{"open path, ambiguous, signed in", "GET", "/open/..;/a", cookie, nil, "pass"},
		{"query of an open path", "GET", "/?x=/open/a", "", page, "sign-in"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, nil)
			for name, values := range tt.header {
				r.Header[name] = values
			}
			if tt.cookie != "" {
				r.Header.Set("Cookie", cookieNames(g).Session+"="+tt.cookie)
			}
			at := somewhere("app.example.com")
			at.Asked = r.URL
			if got := decision.Kind(g.decisions.Decide(exchangeAt(g, r, at))); got != tt.want {
				t.Errorf("got decision %s, want %s", got, tt.want)
			}
			r.Host, r.TLS = at.Host, new(tls.ConnectionState)
			e := g.Explain(r)
			if got := strings.Replace(e.Decision, "ask", "weigh", 1); got != tt.want || len(e.Steps) == 0 {
				t.Errorf("got decision %s explained by %q, want %s", got, e.Steps, tt.want)
			}
		})
	}
}

// FuzzDecide sends headers and paths of every kind: without a session nothing
// is ever let through.
func FuzzDecide(f *testing.F) {
	g, _ := held(f, nil, session.Record{User: User{Username: "jane"}})
	for _, seed := range []string{"X-Forwarded-Uri", "X-Original-URL", "User-Agent", "Authorization", "Cookie", "X-Http-Method-Override"} {
		f.Add("GET", "/", seed, "/.authentik/login")
	}
	f.Add("GET", "//x#y", "Cookie", "__Host-authentik_gate=;;=;")
	f.Fuzz(func(t *testing.T, method, path, name, value string) {
		r := &http.Request{Method: method, URL: &url.URL{Path: path}, Header: http.Header{name: {value}}, Host: "app.example.com"}
		at := somewhere(r.Host)
		at.Asked = r.URL
		switch d := g.decisions.Decide(exchangeAt(g, r.WithContext(t.Context()), at)).(type) {
		case decision.Pass, decision.Open:
			t.Fatalf("got the request admitted: %+v", d)
		}
	})
}

func TestUnauthenticated_ProgramsGetProblemJSON(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Mode", "cors")
	got := s.person(t).do(r)
	want := `{"type":"about:blank","title":"Sign-in required","status":401,"code":"sign-in-required","login_url":"/.authentik/login"}`
	if got.status != http.StatusUnauthorized || strings.TrimSpace(got.body) != want {
		t.Errorf("got status %d: %s", got.status, got.body)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/problem+json", "Cache-Control": "no-store",
		"WWW-Authenticate": `authentik login_url="/.authentik/login"`, "Vary": "Cookie, Sec-Fetch-Mode, Accept",
	} {
		if got.header.Get(name) != value {
			t.Errorf("%s: got %q", name, got.header.Get(name))
		}
	}
}

func TestOwnAddresses_RefuseOtherMethods(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	for _, tt := range []struct {
		method, path, site string
		want               int
	}{
		{"GET", "/.authentik/nothing", "none", http.StatusNotFound},
		{"GET", "/.authentik/assets/../../secret", "none", http.StatusNotFound},
		{"GET", "/.authentik/brand/forged.aHR0cHM6Ly9ldmls", "none", http.StatusNotFound},
		{"DELETE", "/.authentik/login", "none", http.StatusMethodNotAllowed},
		{"POST", "/.authentik/session", "same-origin", http.StatusMethodNotAllowed},
		{"POST", "/.authentik/login", "cross-site", http.StatusForbidden},
		{"POST", "/.authentik/logout", "cross-site", http.StatusForbidden},
		{"POST", "/.authentik/logout", "same-site", http.StatusForbidden},
		{"GET", "/.authentik/session", "none", http.StatusUnauthorized},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tt.method, s.URL+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Sec-Fetch-Site", tt.site)
		if got := p.do(r); got.status != tt.want {
			t.Errorf("%s %s (%s): got status %d, want %d", tt.method, tt.path, tt.site, got.status, tt.want)
		}
	}
	if s.reached() != 0 {
		t.Error("got a request below the prefix at the application, want none")
	}
}

func TestFault_UnknownErrorIsAServerError(t *testing.T) {
	t.Parallel()
	e := fault.From(errors.New("something unforeseen"))
	if e.Status < 500 || e.Code != fault.AuthentikUnexpected {
		t.Fatalf("got %+v, want authentik-unexpected", e)
	}
}

func TestSession_FewCookiesOfOneNameAreTried(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("a=1; ", 1000)
	n := 0
	for range exchange.CookieValues([]string{line, line}, "a") {
		n++
	}
	if n != exchange.MaxTried {
		t.Errorf("got %d cookies tried", n)
	}
}

func TestSession_IsFoundBehindAPlantedCookie(t *testing.T) {
	t.Parallel()
	g, cookie := held(t, nil, session.Record{User: User{Username: "jane"}})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Host = "app.example.com"
	r.Header.Set("Cookie", "authentik_gate=planted; authentik_gate="+seal.NewSecret().Cookie()+"; authentik_gate="+cookie)
	if got := through(t, g, r).Header.Get("Remote-User"); got != "jane" {
		t.Errorf("got user %q at the application", got)
	}
}

// The application gets the server's own writer, but for responses to signed-in
// visitors that may have to be marked.
func TestGuard_PassesTheServersOwnWriter(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cache  Cache
		method string
		open   bool
		marked bool
	}{
		"cache off":             {CacheOff, http.MethodGet, false, false},
		"POST":                  {CachePrivate, http.MethodPost, false, false},
		"open, without session": {CachePrivate, http.MethodGet, true, false},
		"cache private":         {CachePrivate, http.MethodGet, false, true},
	} {
		g, cookie := held(t, func(c *Config) {
			c.Cache, c.Open = tt.cache, func(*http.Request) bool { return tt.open }
		}, session.Record{User: User{Username: "jane"}})
		r := httptest.NewRequestWithContext(t.Context(), tt.method, "/", nil)
		r.Host = "app.example.com"
		if !tt.open {
			r.Header.Set("Cookie", "authentik_gate="+cookie)
		}
		w, failed := httptest.NewRecorder(), errors.New("the application's own failure")
		err := g.Guard(w, r, func(got http.ResponseWriter, _ *http.Request) error {
			if own := got == http.ResponseWriter(w); own == tt.marked {
				t.Errorf("%s: got a %T at the application, want the server's own writer: %v", name, got, !tt.marked)
			}
			return failed
		})
		if !errors.Is(err, failed) {
			t.Errorf("%s: got error %v from the application's failure", name, err)
		}
	}
}

func TestSessionPage_HasUserAndExpiryAndNoSecret(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	page := p.open("/.authentik/session")
	for _, part := range []string{`"user":"jane"`, `"groups":["staff"]`, `"until":"`, `"limit":"lifetime"`} {
		page.says(t, part)
	}
	if strings.Contains(page.body, p.cookie(cookieNames(s.gate).Session)) || strings.Contains(page.body, "eyJ") {
		t.Errorf("got a secret in the session page: %s", page.body)
	}
}

// TestTarget_WithoutAPathDoesNotReachTheApplication: Go passes x:http://b/admin on as
// http://b/admin, another host and path than those that were asked about.
func TestTarget_WithoutAPathDoesNotReachTheApplication(t *testing.T) {
	t.Parallel()
	g, cookie := held(t, func(c *Config) { c.DangerouslyOpen = func(*http.Request) bool { return true } }, session.Record{User: jane})
	for target, want := range map[string]int{
		"x:http://other.example.com/admin": http.StatusBadRequest,
		"x:admin":                          http.StatusBadRequest,
		"http://app.example.com/x":         http.StatusOK,
		"http://app.example.com":           http.StatusOK,
		"/x":                               http.StatusOK,
	} {
		for _, cookie := range []string{"", cookie} {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: app.example.com\r\n\r\n")))
			if err != nil {
				t.Fatal(err)
			}
			if cookie != "" {
				r.Header.Set("Cookie", cookieNames(g).Session+"="+cookie)
			}
			w, reached := httptest.NewRecorder(), false
			_ = g.Guard(w, r.WithContext(t.Context()), func(http.ResponseWriter, *http.Request) error { reached = true; return nil })
			if w.Code != want || reached != (want == http.StatusOK) {
				t.Errorf("%s: got status %d, and the application reached %v, want status %d", target, w.Code, reached, want)
			}
		}
	}
}

// TestTrace_DoesNotReachTheApplication: Apache answers it with all headers, of which
// the gate may have set one with a token or a password.
func TestTrace_DoesNotReachTheApplication(t *testing.T) {
	t.Parallel()
	g, cookie := held(t, func(c *Config) { c.Open = func(r *http.Request) bool { return r.URL.Path == "/open" } }, session.Record{User: jane})
	for _, tt := range []struct {
		method, path, cookie string
		want                 int
	}{
		{"TRACE", "/", cookie, http.StatusMethodNotAllowed},
		{"trace", "/", cookie, http.StatusMethodNotAllowed},
		{"TRACE", "/open", cookie, http.StatusMethodNotAllowed},
		{"TRACE", "/open", "", http.StatusOK},
		{"TRACE", "/", "", http.StatusUnauthorized},
		{"OPTIONS", "/", cookie, http.StatusOK},
	} {
		r := httptest.NewRequestWithContext(t.Context(), tt.method, "https://app.example.com"+tt.path, nil)
		if tt.cookie != "" {
			r.Header.Set("Cookie", cookieNames(g).Session+"="+tt.cookie)
		}
		w, told := httptest.NewRecorder(), ""
		_ = g.Guard(w, r, func(_ http.ResponseWriter, r *http.Request) error { told = r.Header.Get("Remote-User"); return nil })
		if w.Code != tt.want || tt.want != http.StatusOK && told != "" {
			t.Errorf("%s %s: got status %d and the application told of %q, want status %d", tt.method, tt.path, w.Code, told, tt.want)
		}
	}
}

// A loadCounter counts the records that are read.
type loadCounter struct {
	Store
	loads atomic.Int64
}

func (c *loadCounter) Load(ctx context.Context, name string) (Record, bool, error) {
	c.loads.Add(1)
	return c.Store.Load(ctx, name)
}

// TestSession_PlantedCookieIsReadOnce: by a page that also looks for a visitor who
// stays signed in.
func TestSession_PlantedCookieIsReadOnce(t *testing.T) {
	t.Parallel()
	c, now := &loadCounter{Store: newStore(t)}, time.Now()
	g, _ := held(t, func(cfg *Config) { cfg.Store, cfg.Now = c, func() time.Time { return now } }, session.Record{User: User{Username: "jane"}})
	var line strings.Builder
	for range 1000 {
		line.WriteString("authentik_gate=" + seal.NewSecret().Cookie() + "; ")
	}
	for _, path := range []string{"/", "/.authentik/login", "/.authentik/logout"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Host = "app.example.com"
		r.Header.Set("Cookie", line.String())
		r.Header.Set("Accept", "text/html")
		g.Wrap(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
	}
	if got := c.loads.Load(); got > exchange.MaxTried+10 {
		t.Errorf("got %d records read for the same cookies, want each at most once", got)
	}
}
