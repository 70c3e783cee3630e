package proxy

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
)

// A client goes on with a separate visit at another port of the site's host,
// where its cookies are good as well.
func TestHost_InventedOneCannotContinueASignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) {
		c.Login, c.PageHost, c.Hosts = LoginRelay, true, []string{"app.example.com"}
		c.Resolve = func(r *http.Request) Resolved {
			return Resolved{Scheme: "https", Host: r.Host, Asked: r.URL}
		}
	})
	var kept []*http.Cookie
	send := func(host, method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, "https://app.example.com"+path, strings.NewReader(body))
		r.Host = host
		r.Header.Set("Accept", "text/html")
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
			r.Header["X-Authentik-Csrf"] = []string{""}
		}
		for _, c := range kept {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		s.Config.Handler.ServeHTTP(w, r)
		kept = append(w.Result().Cookies(), kept...) //nolint:bodyclose // A recorder's body needs no closing.
		return w
	}
	w := send("app.example.com", http.MethodGet, "/.authentik/login", "")
	if got := w.Header().Get("Location"); got != "/if/flow/login/" {
		t.Fatalf("got status %d at %q, want the flow's page", w.Code, got)
	}
	if w = send("app.example.com", http.MethodGet, "/if/flow/login/", ""); w.Code != http.StatusOK {
		t.Fatalf("got status %d, want the flow's page", w.Code)
	}
	asked := s.front.asked.Load()
	for path, body := range map[string]string{
		"/if/flow/login/":                           "",
		"/static/dist/poly.js":                      "",
		"/api/v3/flows/executor/login/?query=":      "",
		"/api/v3/flows/executor/login/?query=&post": `{"uid_field":"jane"}`,
		"/api/v3/flows/executor/strong/?query=":     `{"uid_field":"jane"}`,
	} {
		method := http.MethodGet
		if body != "" {
			method = http.MethodPost
		}
		if w := send("app.example.com:9999", method, path, body); w.Code != http.StatusMisdirectedRequest {
			t.Errorf("%s %s: got status %d, want 421", method, path, w.Code)
		}
	}
	kept = kept[:0] // the visit has ended
	if w := send("evil.example", http.MethodPost, "/api/v3/flows/executor/login/?query=", `{"password":"x"}`); w.Code != http.StatusMisdirectedRequest {
		t.Errorf("a request that is left over: got status %d, want 421", w.Code)
	}
	if got := s.front.asked.Load() - asked; got != 0 {
		t.Errorf("got %d questions to authentik, want none", got)
	}
}

// Whatever a request leads to, authentik is not told a host that a client has invented.
func TestHost_InventedOneIsNotToldToAuthentik(t *testing.T) {
	t.Parallel()
	g := newGate(t, Config{
		Client: newClientOf(t), Store: newStore(t), Key: []byte(strings.Repeat("k", 32)), PageHost: true, Hosts: []string{"app.example.com"},
	})
	for host, want := range map[string]string{"app.example.com": "app.example.com", "evil.example": "", "app.example.com:9999": ""} {
		x := &exchange.Exchange{R: httptest.NewRequest(http.MethodGet, "/", nil), At: somewhere(host), Shared: g.member.Shared}
		if v := x.Visitor(nil); v.Host != want || (v.Scheme == "") != (want == "") {
			t.Errorf("%s: got %q by %q, want %q", host, v.Host, v.Scheme, want)
		}
	}
}

// TestGroup_ANameLeadsOnlyToAGateThatAnswers has addresses with the names of all
// gates, of a gate on another server, and of none.
func TestGroup_ANameLeadsOnlyToAGateThatAnswers(t *testing.T) {
	t.Parallel()
	s, gates := newStands(t, nil, true,
		before("/long", and(ownSession("strong"), func(c *Config) { c.Prefix = "/long/prefix/of/a/gate" })),
		before("/a", and(ownSession("login"), func(c *Config) { c.Prefix = "/a" })), everywhere(ownSession("login")))
	stranger := newGate(t, Config{
		Client: newClientOf(t), Store: newStore(t), Key: []byte(strings.Repeat("k", 32)), Flow: "login", Group: new(Group), Prefix: "/other",
	})
	for _, prefix := range []string{"/.authentik", "/a", "/long/prefix/of/a/gate"} {
		for _, path := range []string{"", "/login", "/session", "/nothing", "/a/login", "/assets/x"} {
			want := s.answerAt(t, prefix+path)
			for _, id := range []string{gates[0].member.Shared.Identity.ID, gates[1].member.Shared.Identity.ID, gates[2].member.Shared.Identity.ID, stranger.member.Shared.Identity.ID, "unknown", "%00"} {
				for _, named := range []string{"gate=" + id, "state=" + id + "~x", "link=" + id + "~x"} {
					if strings.HasPrefix(named, "link=") && path == "/login" {
						continue // which is another page
					}
					if got := s.answerAt(t, prefix+path+"?"+named); got.Code != want.Code {
						t.Errorf("%s?%s: got status %d, want %d", prefix+path, named, got.Code, want.Code)
					}
				}
			}
		}
	}
}

// answerAt returns what the site answers to a page load.
func (s *site) answerAt(t testing.TB, address string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+address, nil)
	r.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	s.Config.Handler.ServeHTTP(w, r)
	return w
}

// TestGroup_NothingIsHandedOverAtAHostThatIsNotTold has a visit of one gate
// answered at another port, where only its neighbour may be asked.
func TestGroup_NothingIsHandedOverAtAHostThatIsNotTold(t *testing.T) {
	t.Parallel()
	s, gates := newStands(t, nil, true,
		before("/admin", and(ownSession("strong"), func(c *Config) {
			c.PageHost, c.Hosts = true, append(c.Hosts, "127.0.0.1")
		})), everywhere(and(ownSession("login"), func(c *Config) { c.Hosts = append(c.Hosts, "127.0.0.1") })))
	p := s.person(t)
	page := p.open("/admin/x")
	page.says(t, `name="uid_field"`)
	form := page.fields()
	form.Set("uid_field", "jane")
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/.authentik/login", strings.NewReader(form.Encode()))
	r.Host = "127.0.0.1:9"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "text/html")
	name := cookieNames(gates[0]).Visit
	r.AddCookie(&http.Cookie{Name: name, Value: p.cookie(name)})
	asked := s.front.asked.Load()
	w := httptest.NewRecorder()
	s.Config.Handler.ServeHTTP(w, r)
	if w.Code < 400 || strings.Contains(w.Body.String(), `name="password"`) {
		t.Errorf("got status %d, want a refusal", w.Code)
	}
	if got := s.front.asked.Load() - asked; got != 0 {
		t.Errorf("got %d questions to authentik, want none", got)
	}
}

// TestGroup_EveryDemandGivesAnotherName: a gate that demands less must not answer
// for one that demands more.
func TestGroup_EveryDemandGivesAnotherName(t *testing.T) {
	t.Parallel()
	cfg := Config{
		Client: newClientOf(t), Store: newStore(t), Key: []byte(strings.Repeat("k", 32)), Application: "app",
		OIDC: OIDCConfig{ClientID: "one", ClientSecret: strings.Repeat("s", 40)}, Hosts: []string{"app.example.com"},
	}
	public, err := url.Parse("https://sso.example.com/staff/")
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for name, change := range map[string]func(*Config){
		"nothing":       func(*Config) {},
		"authentik":     func(c *Config) { c.Client = newClient(t, public.String()) },
		"a flow":        func(c *Config) { c.OIDC, c.Flow = OIDCConfig{}, "strong" },
		"no client":     func(c *Config) { c.OIDC = OIDCConfig{} },
		"a client":      func(c *Config) { c.OIDC.ClientID = "two" },
		"application":   func(c *Config) { c.Application = "other" },
		"login":         func(c *Config) { c.Login = LoginRedirect },
		"prefix":        func(c *Config) { c.Prefix = "/auth" },
		"cookie name":   func(c *Config) { c.Cookie.Name = "wiki" },
		"cookie domain": func(c *Config) { c.Cookie.Domain = "example.com" },
		"mfa":           func(c *Config) { c.RequireMFA = true },
		"max age":       func(c *Config) { c.MaxAge = 1 << 40 },
		"require":       staffOnly,
		"another group": func(c *Config) { c.Require = []Requirement{{Claim: "group", Values: []string{"admins"}}} },
		"a rule":        func(c *Config) { c.Rules = []Rule{{Match: below("/"), RequireMFA: true}} },
		"another rule": func(c *Config) {
			c.Rules = []Rule{{Match: below("/"), Require: []Requirement{{Claim: "user", Values: []string{"jane"}}}}}
		},
		"lifetime":      func(c *Config) { c.Lifetime = 1 << 40 },
		"idle":          func(c *Config) { c.Idle = 1 << 40 },
		"page host":     func(c *Config) { c.PageHost = true },
		"a store":       func(c *Config) { c.StoreName = "memory" },
		"another store": func(c *Config) { c.StoreName = "redis" },
	} {
		c := cfg
		change(&c)
		id := newGate(t, c).member.Shared.Identity.ID
		if other, found := ids[id]; found {
			t.Errorf("%s: got the name of the gate with %s", name, other)
		}
		ids[id] = name
	}
}
