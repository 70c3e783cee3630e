package proxy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// A stand is one gate of a site with several, and the paths that it stands
// before.
type stand struct {
	paths  []string // prefixes; a request that matches none passes by
	change func(*Config)
}

// newStands starts a site with several gates. Each request meets all gates that
// stand before its path, in their order, as with several directives of a
// Caddyfile. With first, it meets only the first of them, as with handle.
func newStands(t testing.TB, base func(*registration), first bool, stands ...stand) (*site, []*Gate) {
	t.Helper()
	var cfg Config
	s := newOIDCSite(t, func(reg *registration) {
		uri := reg.provider.RedirectURIs[0]
		reg.provider.RedirectURIs = append(reg.provider.RedirectURIs, strings.Replace(uri, "/.authentik/", "/auth/", 1))
		if base != nil {
			base(reg)
		}
		change := reg.gate
		reg.gate = func(c *Config) {
			change(c)
			c.Family, c.Group = new(Family), new(Group)
			cfg = *c
			c.Group = new(Group)
		}
	})
	var gates []*Gate
	for _, one := range stands {
		c := cfg
		one.change(&c)
		gates = append(gates, newGate(t, c))
	}
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next := http.Handler(http.HandlerFunc(s.application))
		for i := len(stands) - 1; i >= 0; i-- {
			if !matches(stands[i].paths, r.URL.Path) {
				continue
			}
			if first {
				next = http.HandlerFunc(s.application)
			}
			next = gates[i].Wrap(next)
		}
		next.ServeHTTP(w, r)
	})
	return s, gates
}

func matches(prefixes []string, path string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

func everywhere(change func(*Config)) stand { return stand{[]string{"/"}, change} }

func before(path string, change func(*Config)) stand { return stand{[]string{path}, change} }

// ownSession makes a gate's sessions rest on authentik's own.
func ownSession(flow string) func(*Config) {
	return func(c *Config) { c.OIDC, c.Application, c.Flow = OIDCConfig{}, "", flow }
}

func and(changes ...func(*Config)) func(*Config) {
	return func(c *Config) {
		for _, change := range changes {
			change(c)
		}
	}
}

func staffOnly(c *Config) { c.Require = []Requirement{{Claim: "group", Values: []string{"staff"}}} }

// TestGroup_SeveralGatesOnOneHost signs in through each of two gates in each
// arrangement: the gate that answers the addresses of the sign-in is seldom the
// one that asked.
func TestGroup_SeveralGatesOnOneHost(t *testing.T) {
	t.Parallel()
	other := func(c *Config) { c.Prefix = "/auth" }
	for name, gates := range map[string][2]func(*Config){
		"require":                     {and(ownSession("login"), staffOnly), ownSession("login")},
		"flows":                       {ownSession("strong"), ownSession("login")},
		"a flow and none":             {ownSession("strong"), ownSession("")},
		"a client and a flow":         {func(*Config) {}, ownSession("login")},
		"a flow and a client":         {ownSession("login"), func(*Config) {}},
		"cookie names":                {and(ownSession("login"), func(c *Config) { c.Cookie.Name = "admin" }), ownSession("login")},
		"prefixes":                    {and(ownSession("strong"), other), ownSession("login")},
		"prefixes, the other way":     {ownSession("strong"), and(ownSession("login"), other)},
		"prefixes and a client":       {other, ownSession("login")},
		"an application and none":     {and(ownSession("login"), func(c *Config) { c.Application = "wiki" }), ownSession("login")},
		"a title":                     {and(ownSession("login"), func(c *Config) { c.Page.Title = "Admin" }), ownSession("login")},
		"the same":                    {ownSession("login"), ownSession("login")},
		"a style":                     {and(ownSession("strong"), func(c *Config) { c.Page.Style = []byte("body{}") }), ownSession("login")},
		"a client and the same again": {func(*Config) {}, staffOnly},
	} {
		for _, first := range []bool{true, false} {
			t.Run(name+map[bool]string{true: ", disjoint", false: ", overlapping"}[first], func(t *testing.T) {
				t.Parallel()
				s, _ := newStands(t, nil, first, before("/admin", gates[0]), everywhere(gates[1]))
				for _, paths := range [][]string{{"/admin/x", "/wiki"}, {"/wiki", "/admin/x"}} {
					p := s.person(t)
					for _, path := range paths {
						p.signsIn(path)
					}
					for _, path := range paths {
						if got := p.open(path); got.body != "hello jane" || got.path != path {
							t.Errorf("%s once more: got status %d at %s, want hello jane", path, got.status, got.path)
						}
					}
				}
				for _, r := range s.seen {
					if got := r.Header["Cookie"]; got != nil {
						t.Errorf("the application got the cookies %q, want none", got)
					}
				}
			})
		}
	}
}

// TestGroup_GatesWithStoresOfTheirOwn are alike in all else: a sign-in must begin
// its session in the store of the gate that has asked.
func TestGroup_GatesWithStoresOfTheirOwn(t *testing.T) {
	t.Parallel()
	kept := newStore(t)
	s, _ := newStands(t, nil, true,
		before("/admin", and(ownSession("login"), func(c *Config) { c.Store, c.StoreName = kept, "memory" })), everywhere(ownSession("login")))
	s.person(t).signsIn("/admin/x")
	s.person(t).signsIn("/wiki")
}

// signsIn opens a path, and answers what it is asked, by however many gates.
func (p *person) signsIn(path string) {
	p.t.Helper()
	got := p.open(path)
	for range 6 {
		switch {
		case got.body == "hello jane" && got.path == path:
			return
		case strings.Contains(got.body, `name="uid_field"`):
			got = p.submit(got, "uid_field", "jane")
		case strings.Contains(got.body, `name="password"`):
			got = p.submit(got, "password", "open sesame")
		default:
			p.t.Fatalf("%s: got status %d at %s, want a question or hello jane:\n%s", path, got.status, got.path, got.body)
		}
	}
	p.t.Fatalf("%s: got status %d at %s after six answers", path, got.status, got.path)
}

// submit sends the form on a screen to where it says.
func (p *person) submit(on screen, name, value string) screen {
	p.t.Helper()
	form := on.fields()
	form.Set(name, value)
	_, rest, _ := strings.Cut(on.body, `action="`)
	action, _, _ := strings.Cut(rest, `"`)
	return p.post(strings.ReplaceAll(action, "&amp;", "&"), form)
}

// TestGroup_ADemandIsCheckedByTheRouteThatAsked has a route that demands a second
// factor, and a user without one, by every way to show a login.
func TestGroup_ADemandIsCheckedByTheRouteThatAsked(t *testing.T) {
	t.Parallel()
	mfa := func(c *Config) { c.RequireMFA = true }
	for _, login := range []Login{LoginPage, LoginRedirect} {
		way := func(c *Config) { c.Login = login }
		for name, stands := range map[string][]stand{
			"the strict one answers": {before("/open", way), everywhere(and(way, mfa))},
			"the open one answers":   {before("/mfa", and(way, mfa)), everywhere(way)},
		} {
			t.Run(string(login)+", "+name, func(t *testing.T) {
				t.Parallel()
				s, _ := newStands(t, nil, true, stands...)
				p, a := s.person(t), &stranger{site: s}
				got := p.passesAuthentik(a, "/open/a")
				if got.body != "hello jane" || got.path != "/open/a" {
					t.Errorf("the open route: got status %d at %s, want hello jane:\n%s", got.status, got.path, got.body)
				}
				got = p.passesAuthentik(a, "/mfa/x")
				if got.status != http.StatusForbidden || !strings.Contains(got.body, "step-up-refused") {
					t.Errorf("the strict route: got status %d at %s, want step-up-refused:\n%s", got.status, got.path, got.body)
				}
			})
		}
	}
}

// passesAuthentik opens a path and signs in, on the gate's page or at authentik.
func (p *person) passesAuthentik(a *stranger, path string) screen {
	p.t.Helper()
	p.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/application/o/authorize/" {
			return http.ErrUseLastResponse
		}
		return nil
	}
	got := p.open(path)
	for range 8 {
		to, err := url.Parse(got.header.Get("Location"))
		switch {
		case err == nil && to.Path == "/application/o/authorize/":
			got = p.open(a.authorize(p.t, to, "jane", "open sesame"))
		case strings.Contains(got.body, `name="uid_field"`):
			got = p.submit(got, "uid_field", "jane")
		case strings.Contains(got.body, `name="password"`):
			got = p.submit(got, "password", "open sesame")
		default:
			return got
		}
	}
	p.t.Fatalf("%s: got status %d at %s after eight answers", path, got.status, got.path)
	return got
}

// TestGroup_ARelayAnswersWhatItsNeighbourGets has authentik's interface in a
// sign-in of one gate, whose requests all reach another: one that shows its own
// page, and whose session the browser has already.
func TestGroup_ARelayAnswersWhatItsNeighbourGets(t *testing.T) {
	t.Parallel()
	s, _ := newStands(t, nil, true,
		before("/admin", and(ownSession("strong"), func(c *Config) { c.Login = LoginRelay })), everywhere(ownSession("login")))
	for _, signedIn := range []bool{false, true} {
		p := &interfaced{person: s.person(t)}
		if signedIn {
			p.signsIn("/wiki")
		}
		p.opens("/admin/x")
		p.is(p.asks(nil), "ak-stage-identification")
		p.is(p.asks(map[string]any{"component": "ak-stage-identification", "uid_field": "jane"}), "ak-stage-password")
		got := p.goes(p.asks(map[string]any{"component": "ak-stage-password", "password": "open sesame"}))
		if got.body != "hello jane" || got.path != "/admin/x" {
			t.Errorf("signed in at the other gate: %v: got status %d at %s, want hello jane", signedIn, got.status, got.path)
		}
		reached := s.reached()
		late := p.asks(map[string]any{"component": "ak-stage-password", "password": "open sesame"})
		if s.reached() != reached || late["component"] != "xak-flow-redirect" {
			t.Errorf("a request that is left over: got %v, want a redirect, and nothing at the application", late)
		}
	}
}

// TestGroup_AProgramSignsInAtTheGateThatAsked follows login_url and posts visits
// to the bare address, as programs written for one gate do.
func TestGroup_AProgramSignsInAtTheGateThatAsked(t *testing.T) {
	t.Parallel()
	s, gates := newStands(t, nil, true, before("/admin", ownSession("strong")), everywhere(ownSession("login")))
	p := s.person(t)
	ask := func(method, address string, body any) (out map[string]any) {
		t.Helper()
		var reader io.Reader
		if body != nil {
			text, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			reader = strings.NewReader(string(text))
		}
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL+address, reader)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "application/json")
		r.Header.Set("Content-Type", "application/json")
		got := p.do(r)
		if err := json.Unmarshal([]byte(got.body), &out); err != nil {
			t.Fatalf("%s: got %q", address, got.body)
		}
		return out
	}
	login, _ := ask(http.MethodGet, "/admin/x", nil)["login_url"].(string)
	if !strings.Contains(login, "gate="+gates[0].member.Shared.Identity.ID) {
		t.Errorf("got login_url %q, want one that names the gate", login)
	}
	step := ask(http.MethodGet, login+"&to=/admin/x", nil)
	step = ask(http.MethodPost, "/.authentik/login", map[string]any{"visit": step["visit"], "answer": map[string]any{"uid_field": "jane"}})
	step = ask(http.MethodPost, "/.authentik/login", map[string]any{"visit": step["visit"], "answer": map[string]any{"password": "open sesame"}})
	if step["done"] != true {
		t.Fatalf("got %v, want done", step)
	}
	if got := p.open("/admin/x"); got.body != "hello jane" {
		t.Errorf("got status %d at %s, want hello jane", got.status, got.path)
	}
}

// TestGroup_AnOpenPathKeepsTheIdentityOfTheGateBefore has a gate that leaves a
// path open after one that has let a user pass, and a client that makes up the
// headers of both.
func TestGroup_AnOpenPathKeepsTheIdentityOfTheGateBefore(t *testing.T) {
	t.Parallel()
	s, _ := newStands(t, nil, false, everywhere(ownSession("login")), everywhere(and(ownSession("strong"), func(c *Config) {
		c.Headers.Own = []HeaderRule{{Name: "X-Tenant", Claim: "name"}}
		c.Open = func(r *http.Request) bool { return !strings.HasPrefix(r.URL.Path, "/admin") }
	})))
	p := s.person(t)
	p.signsIn("/wiki")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/wiki", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Tenant", "mallory")
	r.Header.Set("Remote-User", "mallory")
	if got := p.do(r); got.body != "hello jane" || s.last(t).Header["X-Tenant"] != nil {
		t.Errorf("got %q with %q, want hello jane without", got.body, s.last(t).Header["X-Tenant"])
	}
	p.signsIn("/admin/x")
	if got := s.last(t).Header.Get("X-Tenant"); got != "Jane%20Doe" && got != "Jane Doe" {
		t.Errorf("got X-Tenant %q, want Jane Doe", got)
	}
}

// TestGroup_HeadersOfANeighbourCannotBeMadeUp has two gates before one
// application, which trusts the header of one of them on every path. A client
// makes it up on a path of the other, with and without a session.
func TestGroup_HeadersOfANeighbourCannotBeMadeUp(t *testing.T) {
	t.Parallel()
	s, _ := newStands(t, nil, true,
		before("/admin", and(ownSession("strong"), func(c *Config) {
			c.Headers.Preset = HeadersRemote
			c.Headers.Own = []HeaderRule{{Name: "X-Tenant", Claim: "name"}, {Name: "Authorization", Claim: "email"}}
		})),
		everywhere(and(ownSession("login"), func(c *Config) {
			c.Open = func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/open") }
		})))
	p := s.person(t)
	p.signsIn("/wiki")
	for _, path := range []string{"/wiki", "/open"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header["X-Tenant"], r.Header["X_tenant"] = []string{"mallory"}, []string{"mallory"}
		r.Header.Set("Connection", "X-Tenant, X-Other")
		r.Header.Set("Authorization", "Bearer of the application's own")
		p.do(r)
		got := s.last(t).Header
		if got["X-Tenant"] != nil || got["X_tenant"] != nil || strings.Contains(got.Get("Connection"), "Tenant") {
			t.Errorf("%s: got %v, want no header of the other gate", path, got)
		}
		if got.Get("Authorization") == "" {
			t.Errorf("%s: got no Authorization, want the client's", path)
		}
	}
	p.signsIn("/admin/x")
	if got := s.last(t).Header.Get("X-Tenant"); got == "" {
		t.Error("got no X-Tenant at its own gate, want the user's name")
	}
}

// TestGroup_SigningOutEndsTheSessionsOfAllGates signs in at two gates and out at
// whichever answers.
func TestGroup_SigningOutEndsTheSessionsOfAllGates(t *testing.T) {
	t.Parallel()
	s, gates := newStands(t, nil, true, before("/admin", ownSession("strong")), everywhere(ownSession("login")))
	p := s.person(t)
	p.signsIn("/admin/x")
	p.signsIn("/wiki")
	p.post("/.authentik/logout", url.Values{})
	for i, path := range []string{"/admin/x", "/wiki"} {
		if got := p.open(path); !strings.HasPrefix(got.path, "/.authentik/login") {
			t.Errorf("%s: got status %d at %s, want the sign-in", path, got.status, got.path)
		}
		if got := p.cookie(cookieNames(gates[i]).Session); got != "" {
			t.Errorf("%s: got the cookie %q, want none", path, got)
		}
	}
}

// TestGroup_TheNameOfAGateIsStable makes the same gate twice, as two servers do.
func TestGroup_TheNameOfAGateIsStable(t *testing.T) {
	t.Parallel()
	cfg := Config{Client: newClientOf(t), Store: newStore(t), Key: []byte(strings.Repeat("k", 32)), Flow: "login"}
	a, b := newGate(t, cfg), newGate(t, cfg)
	cfg.Flow = "strong"
	c := newGate(t, cfg)
	if a.member.Shared.Identity.ID != b.member.Shared.Identity.ID || a.member.Shared.Identity.ID == c.member.Shared.Identity.ID {
		t.Errorf("got %q, %q and %q, want the first two alike", a.member.Shared.Identity.ID, b.member.Shared.Identity.ID, c.member.Shared.Identity.ID)
	}
}

func newClientOf(t testing.TB) Authentik {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return newClient(t, server.URL)
}

// Several clients on one host have one address for logout notices, and gates of
// one client may keep their sessions in different stores.
func TestGroup_ALogoutNoticeReachesEveryGateOfItsClient(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	group, family := new(Group), new(Family)
	at := func(change func(*Config)) *Gate {
		cfg := Config{
			Hosts: []string{"app.example.com"}, Group: group, Family: family,
			Client: newClient(t, i.URL), Store: newStore(t), Key: []byte(strings.Repeat("k", 32)),
		}
		i.registered(&cfg)
		change(&cfg)
		return newGate(t, cfg)
	}
	first := at(func(c *Config) { c.OIDC.ClientID = "another" })
	none := at(func(c *Config) { c.OIDC, c.Application, c.Flow = OIDCConfig{}, "", "login" })
	mine, apart := at(func(*Config) {}), at(func(c *Config) { c.Prefix = "/auth" })
	begin := func(g *Gate, sid string) seal.Secret {
		rec := recordOf(jane)
		rec.SID, rec.Apps, rec.Cookies = sid, map[string]bool{"app": true}, nil
		s, _, err := startSession(t.Context(), g, rec, somewhere("app.example.com"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for name, tell := range map[string]func(g *Gate, sid string) int{
		"back-channel": func(g *Gate, sid string) int {
			return notified{&sessionGate{t: t, Gate: g}, i}.told(i.notice(claims{"sid": sid}))
		},
		"front-channel": func(g *Gate, sid string) int {
			query := url.Values{"iss": {i.name()}, "sid": {sid}}
			return notified{&sessionGate{t: t, Gate: g}, i}.shown(query).Code
		},
	} {
		for n, told := range []*Gate{first, none, mine} {
			sid := fmt.Sprint(name, n)
			sessions := map[*Gate]seal.Secret{mine: begin(mine, sid), apart: begin(apart, sid)}
			if got := tell(told, sid); got != http.StatusOK {
				t.Errorf("%s: got status %d, want 200", name, got)
			}
			for g, s := range sessions {
				if _, found, err := g.sessions.Find(t.Context(), s.Cookie(), "app.example.com"); found || err != nil {
					t.Errorf("%s: got a session that goes on (%v), %v", name, found, err)
				}
			}
		}
	}
}
