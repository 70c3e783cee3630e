package proxy

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
)

// relays are sites with authentik's own interface, in both ways to know a visitor, and told either host.
func relays(t *testing.T, try func(t *testing.T, s *site)) {
	t.Helper()
	for _, page := range []bool{false, true} {
		name := map[bool]string{false: " told its own host", true: " told the site's host"}[page]
		t.Run("session"+name, func(t *testing.T) {
			t.Parallel()
			try(t, newSite(t, func(cfg *Config) { cfg.Login, cfg.PageHost = LoginRelay, page }))
		})
		t.Run("oidc"+name, func(t *testing.T) {
			t.Parallel()
			try(t, newOIDCSite(t, func(reg *registration) {
				reg.provider.AuthorizationFlow = "default-provider-authorization-explicit-consent"
				reg.gate = func(cfg *Config) { cfg.Login, cfg.PageHost = LoginRelay, page }
			}))
		})
	}
}

// An interfaced person has authentik's interface in the browser: it asks the executor of the flow whose page it stands on.
type interfaced struct {
	*person
	at string // the page
}

// opens loads a page of the application, and comes to one of authentik's flows.
func (p *interfaced) opens(path string) {
	p.t.Helper()
	page := p.open(path)
	if !strings.HasPrefix(page.path, "/if/flow/") || page.status != http.StatusOK {
		p.t.Fatalf("got status %d at %s: %s", page.status, page.path, page.body)
	}
	p.at = page.path
	p.clean(page)
}

// clean holds an answer to have nothing in it from authentik that is not for the browser.
func (p *interfaced) clean(page screen) {
	p.t.Helper()
	inner := p.site.gate.cfg.Client.Root()
	for name, values := range page.header {
		if text := strings.Join(values, " "); strings.Contains(text, inner) || name == "Set-Cookie" && strings.Contains(text, "authentik_session") {
			p.t.Errorf("got %[2]s: %[3]s at %[1]s, want nothing of authentik's inside", page.path, name, text)
		}
	}
	if strings.Contains(page.body, inner) {
		p.t.Errorf("%s: got authentik's own address in the page, want none", page.path)
	}
	if cache := page.header.Get("Cache-Control"); !strings.Contains(cache, "private") && !strings.Contains(cache, "no-store") {
		p.t.Errorf("%s: got Cache-Control %q, want no-store or private", page.path, cache)
	}
}

// asks sends the interface's request, and returns the challenge.
func (p *interfaced) asks(answer map[string]any) map[string]any {
	p.t.Helper()
	path, query, _ := strings.Cut(p.at, "?")
	slug := strings.Split(path, "/")[3]
	to := p.site.URL + "/api/v3/flows/executor/" + slug + "/?" + url.Values{"query": {query}}.Encode()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, to, nil)
	if answer != nil {
		body, _ := json.Marshal(answer)
		r, err = http.NewRequestWithContext(p.t.Context(), http.MethodPost, to, strings.NewReader(string(body)))
	}
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	r.Header.Set("Origin", p.site.URL)
	r.Header["X-Authentik-Csrf"] = []string{""} // as before a sign-in
	page := p.do(r)
	p.clean(page)
	var challenge map[string]any
	if err := json.Unmarshal([]byte(page.body), &challenge); err != nil || page.status != http.StatusOK {
		p.t.Fatalf("got status %d: %s", page.status, page.body)
	}
	return challenge
}

// is holds a challenge to be of a component.
func (p *interfaced) is(challenge map[string]any, component string) {
	p.t.Helper()
	if challenge["component"] != component {
		p.t.Fatalf("got the challenge %v, want %s", challenge, component)
	}
}

// goes follows a challenge that sends the browser on.
func (p *interfaced) goes(challenge map[string]any) screen {
	p.t.Helper()
	p.is(challenge, "xak-flow-redirect")
	to, _ := challenge["to"].(string)
	if !strings.HasPrefix(to, "/") {
		p.t.Fatalf("got the interface sent to %s, want a path of this site", to)
	}
	page := p.open(to)
	if strings.HasPrefix(page.path, "/if/flow/") {
		p.at = page.path
	}
	return page
}

func TestRelay_SignsIn(t *testing.T) {
	t.Parallel()
	relays(t, func(t *testing.T, s *site) {
		p := &interfaced{person: s.person(t)}
		p.opens("/report?month=5")
		p.is(p.asks(nil), "ak-stage-identification")
		p.is(p.asks(map[string]any{"component": "ak-stage-identification", "uid_field": "jane"}), "ak-stage-password")
		wrong := p.asks(map[string]any{"component": "ak-stage-password", "password": "wrong"})
		p.is(wrong, "ak-stage-password")
		if wrong["response_errors"] == nil {
			t.Error("got no error after a wrong password, want one")
		}
		next := p.asks(map[string]any{"component": "ak-stage-password", "password": "open sesame"})
		page := p.goes(next)
		if s.gate.cfg.OIDC.used() {
			consent := p.asks(nil)
			p.is(consent, "ak-stage-consent")
			page = p.goes(p.asks(map[string]any{"component": "ak-stage-consent", "token": consent["token"]}))
		}
		if page.body != "hello jane" || page.path != "/report?month=5" {
			t.Fatalf("got status %d at %s: %s", page.status, page.path, page.body)
		}
		for _, c := range p.jar.Cookies(page.url(t, s)) {
			if strings.Contains(c.Name, "relay") || strings.HasPrefix(c.Name, "authentik_") {
				t.Errorf("got the cookie %s in the browser, want it removed", c.Name)
			}
		}
		// From now on every path is the application's.
		for _, path := range []string{"/if/flow/login/", "/static/dist/poly.js", "/api/v3/flows/executor/login/", "/api/v3/root/config/"} {
			if page := p.open(path); page.body != "hello jane" || page.path != path {
				t.Errorf("%s is still authentik's: got status %d, %s", path, page.status, page.body)
			}
		}
	})
}

// TestRelay_ReachesNothingElseOfAuthentik tries what authentik has besides, with a visit under way.
func TestRelay_ReachesNothingElseOfAuthentik(t *testing.T) {
	t.Parallel()
	relays(t, func(t *testing.T, s *site) {
		p := &interfaced{person: s.person(t)}
		p.opens("/")
		p.asks(nil)
		before := s.front.asked.Load()
		for _, path := range []string{
			"/if/admin/", "/if/user/", "/if/user/settings", "/api/v3/core/users/", "/api/v3/core/users/me/", "/api/v3/admin/version/",
			"/api/v3/schema/", "/api/v3/flows/instances/", "/api/v3/flows/inspector/login/", "/application/o/authorize/?client_id=gate",
			"/application/o/token/", "/application/o/app/end-session/", "/outpost.goauthentik.io/ping", "/ws/client/", "/-/metrics/", "/-/health/live/",
			"/flows/-/default/invalidation/", "/flows/-/configure/1/", "/source/oauth/callback/github/", "/recovery/use-token/x/",
			"/static/dist/../../api/v3/core/users/", "/static/dist/%2e%2e/%2e%2e/if/admin/", "/static/dist//x.js", "/static/dist/.git/config",
			"/if/flow/login/../../admin/", "/if/flow/lo%67in/", "/api/v3/flows/executor/login", "/IF/FLOW/login/", "/static/", "/",
		} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			r.Header.Set("Sec-Fetch-Mode", "cors")
			if page := p.do(r); page.status != http.StatusUnauthorized {
				t.Errorf("%s: got status %d: %.200s", path, page.status, page.body)
			}
		}
		if n := s.front.asked.Load() - before; n != 0 {
			t.Errorf("got %d requests to authentik", n)
		}
		if s.reached() != 0 {
			t.Error("got a request at the application, want none")
		}
	})
}

// TestRelay_RunsOnlyFlowsThatAuthentikSentTheVisitTo has a script on the site's host try others.
func TestRelay_RunsOnlyFlowsThatAuthentikSentTheVisitTo(t *testing.T) {
	t.Parallel()
	relays(t, func(t *testing.T, s *site) {
		p := &interfaced{person: s.person(t)}
		p.opens("/")
		for name, change := range map[string]func(*http.Request){
			"another flow":        func(r *http.Request) { r.URL.Path = "/api/v3/flows/executor/strong/" },
			"another flow's page": func(r *http.Request) { r.URL.Path = "/if/flow/strong/" },
			"another site":        func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
			"a sister site":       func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
			"another site's answer": func(r *http.Request) {
				answers(r, `{"uid_field":"jane"}`)
				r.Header.Set("Origin", "https://evil.example.com")
				r.Header.Del("Sec-Fetch-Site")
			},
			"a form":           func(r *http.Request) { answers(r, `{"uid_field":"jane"}`); r.Header.Set("Content-Type", "text/plain") },
			"a name twice":     func(r *http.Request) { answers(r, `{"uid_field":"jane","uid_field":"joe"}`) },
			"not UTF-8":        func(r *http.Request) { answers(r, "{\"uid_field\":\"jane\xff\"}") },
			"a service worker": func(r *http.Request) { r.Header.Set("Service-Worker", "script") },
			"another method":   func(r *http.Request) { r.Method = http.MethodDelete },
		} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/v3/flows/executor/login/?query=", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			r.Header.Set("Sec-Fetch-Mode", "cors")
			r.Header.Set("Origin", s.URL)
			change(r)
			before := s.front.asked.Load()
			if page := p.do(r); page.status < 400 {
				t.Errorf("%s: got status %d: %.200s", name, page.status, page.body)
			}
			if s.front.asked.Load() != before {
				t.Errorf("%s: got a request to authentik, want none", name)
			}
		}
	})
}

// answers makes a request an answer to a challenge.
func answers(r *http.Request, body string) {
	r.Method, r.Body = http.MethodPost, io.NopCloser(strings.NewReader(body))
}

func TestRelay_ChallengeMayLeadToItsOtherFlows(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(cfg *Config) { cfg.Login, cfg.Flow = LoginRelay, "with-recovery" }, authentiktest.Flow{
		Slug: "with-recovery", Title: "Welcome", Bindings: []authentiktest.Binding{
			{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username"}, RecoveryFlow: "strong"}},
			{Stage: &authentiktest.UserLoginStage{}},
		},
	})
	p := &interfaced{person: s.person(t)}
	p.opens("/")
	if page := p.open("/if/flow/strong/"); !strings.HasPrefix(page.path, "/if/flow/with-recovery/") {
		t.Fatalf("before authentik has named it: got status %d at %s, want it closed", page.status, page.path)
	}
	p.asks(nil)
	if page := p.open("/if/flow/strong/"); page.status != http.StatusOK || page.path != "/if/flow/strong/" {
		t.Errorf("got status %d at %s", page.status, page.path)
	}
}

func TestRelay_NothingIsReachableWithoutAVisit(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(cfg *Config) { cfg.Login = LoginRelay })
	p := s.person(t)
	for _, path := range []string{"/static/dist/poly.js", "/api/v3/root/config/", "/api/v3/flows/executor/login/?query="} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "application/json")
		page := p.do(r)
		if page.status != http.StatusUnauthorized {
			t.Errorf("%s: got status %d", path, page.status)
		}
		page.says(t, `"login_url":"/.authentik/login"`)
	}
	if s.front.asked.Load() != 0 {
		t.Error("got a request to authentik, want none")
	}
}

// TestRelay_LeftOverPasswordDoesNotReachTheApplication has a tab with authentik's interface send its answer after another has signed in.
func TestRelay_LeftOverPasswordDoesNotReachTheApplication(t *testing.T) {
	t.Parallel()
	relays(t, func(t *testing.T, s *site) {
		p := &interfaced{person: s.person(t)}
		p.opens("/")
		p.asks(nil)
		old := p.at
		p.asks(map[string]any{"component": "ak-stage-identification", "uid_field": "jane"})
		p.goes(p.asks(map[string]any{"component": "ak-stage-password", "password": "open sesame"}))
		if s.gate.cfg.OIDC.used() {
			p.goes(p.asks(map[string]any{"component": "ak-stage-consent", "token": p.asks(nil)["token"]}))
		}
		before := s.reached()
		if before == 0 {
			t.Fatal("got no session, want a user signed in")
		}
		p.at = old
		next := p.asks(map[string]any{"component": "ak-stage-password", "password": "another's secret"})
		if s.reached() != before {
			t.Error("got a request at the application, want it refused")
		}
		if page := p.goes(next); page.body != "hello jane" {
			t.Errorf("got status %d at %s", page.status, page.path)
		}
	})
}

// TestRelay_ContinuesOnTheGatesPage has a security key of authentik's own host.
func TestRelay_ContinuesOnTheGatesPage(t *testing.T) {
	t.Parallel()
	flow := loginFlow("keyed", authentiktest.Binding{Stage: &authentiktest.AuthenticatorValidateStage{
		NotConfigured: authentiktest.NotConfiguredConfigure, ConfigurationStages: []authentiktest.SetupStage{&authentiktest.AuthenticatorWebAuthnStage{}},
	}})
	s := newSite(t, func(cfg *Config) {
		cfg.Client = publicly(t, cfg.Client.Root(), "https://auth.example.com")
		cfg.Login, cfg.Flow = LoginRelay, "keyed"
	}, flow)
	p := &interfaced{person: s.person(t)}
	p.opens("/report")
	p.asks(nil)
	p.asks(map[string]any{"component": "ak-stage-identification", "uid_field": "jane"})
	page := p.goes(p.asks(map[string]any{"component": "ak-stage-password", "password": "open sesame"}))
	if !strings.HasPrefix(page.path, "/.authentik/login?page=1") || page.status != http.StatusOK {
		t.Fatalf("got status %d at %s", page.status, page.path)
	}
	page.says(t, "auth.example.com")
	page.says(t, "jane")
	if page = p.open("/source/oauth/login/github/"); !strings.HasPrefix(page.path, "/.authentik/login?page=1") {
		t.Errorf("a source: got %s, want the gate's own page", page.path)
	}
}

// TestRelay_ExpiredVisitBeginsAgain had a form open for too long.
func TestRelay_ExpiredVisitBeginsAgain(t *testing.T) {
	t.Parallel()
	relays(t, func(t *testing.T, s *site) {
		p := &interfaced{person: s.person(t)}
		p.opens("/report?month=5")
		p.asks(nil)
		p.asks(map[string]any{"component": "ak-stage-identification", "uid_field": "jane"})
		s.clock.move(signin.VisitLife + time.Minute)
		before := s.front.asked.Load()
		next := p.asks(map[string]any{"component": "ak-stage-password", "password": "open sesame"})
		if s.front.asked.Load() != before || s.reached() != 0 {
			t.Error("got what it sent passed on, want it kept back")
		}
		if to := next["to"]; to != "/.authentik/login?to=%2Freport%3Fmonth%3D5" {
			t.Fatalf("got a redirect to %v, want a new sign-in", to)
		}
		if page := p.goes(next); !strings.HasPrefix(page.path, "/if/flow/") {
			t.Fatalf("got status %d at %s", page.status, page.path)
		}
		p.is(p.asks(nil), "ak-stage-identification")

		// So does the page when it is loaded again: it is no link to a flow.
		s.clock.move(signin.VisitLife + time.Minute)
		if page := p.open(p.at); !strings.HasPrefix(page.path, "/if/flow/") {
			t.Fatalf("got status %d at %s", page.status, page.path)
		} else {
			p.at = page.path
		}
		p.asks(nil)
		p.asks(map[string]any{"component": "ak-stage-identification", "uid_field": "jane"})
		page := p.goes(p.asks(map[string]any{"component": "ak-stage-password", "password": "open sesame"}))
		if s.gate.cfg.OIDC.used() {
			page = p.goes(p.asks(map[string]any{"component": "ak-stage-consent", "token": p.asks(nil)["token"]}))
		}
		if page.path != "/report?month=5" || page.body != "hello jane" {
			t.Errorf("got status %d at %s", page.status, page.path)
		}
	})
}

// TestRelay_FilesHaveNoModificationDate: its files may have the same addresses.
func TestRelay_FilesHaveNoModificationDate(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(cfg *Config) { cfg.Login = LoginRelay })
	p := &interfaced{person: s.person(t)}
	p.opens("/")
	const file = "/static/dist/poly-2026.8.0-rc1.js"
	if page := p.open(file); page.status != http.StatusOK || page.header.Get("Last-Modified") != "" || page.header.Get("Etag") == "" {
		t.Errorf("got status %d, %v", page.status, page.header)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+file, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("If-Modified-Since", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
	if page := p.do(r); page.status != http.StatusOK {
		t.Errorf("a date later than that of the file: got status %d, want the file", page.status)
	}
}

// TestRelay_FilesAreRevalidated: its address is the application's as soon as a user is signed in.
func TestRelay_FilesAreRevalidated(t *testing.T) {
	t.Parallel()
	relays(t, func(t *testing.T, s *site) {
		p := &interfaced{person: s.person(t)}
		p.opens("/")
		page := p.open("/static/dist/assets/icons/icon.png")
		if page.status != http.StatusOK || page.header.Get("Cache-Control") != "private, no-cache" || page.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("got status %d, %v", page.status, page.header)
		}
	})
}

// TestRelay_AddressesOfAuthentikAreNoWayBack has a visitor choose "Not you?" at
// authentik's page, and come to others that are not relayed.
func TestRelay_AddressesOfAuthentikAreNoWayBack(t *testing.T) {
	t.Parallel()
	relays(t, func(t *testing.T, s *site) {
		for _, path := range []string{"/flows/-/cancel/", "/flows/-/default/invalidation/", "/flows/-/default/invalidation/?next=/elsewhere", "/api/v3/flows/bindings/", "/if/user/", "/if/admin/", "/if/session-end/wiki/"} {
			for _, begun := range []bool{true, false} {
				p := &interfaced{person: s.person(t)}
				want := "/"
				if begun {
					p.opens("/report?month=5")
					p.is(p.asks(nil), asksName)
					p.asks(map[string]any{"uid_field": "joe"})
					want = "/report?month=5"
				}
				p.opens(path)
				p.is(p.asks(nil), asksName)
				p.asks(map[string]any{"uid_field": "jane"})
				page := p.goes(p.asks(map[string]any{"password": "open sesame"}))
				if s.gate.cfg.OIDC.used() && strings.HasPrefix(page.path, "/if/flow/") {
					page = p.goes(p.asks(map[string]any{"component": "ak-stage-consent", "token": p.asks(nil)["token"]}))
				}
				if page.path != want || page.body != "hello jane" {
					t.Errorf("%s, begun before: %v: got %d at %s, want %s", path, begun, page.status, page.path, want)
				}
			}
		}
	})
}

// TestRelay_PassesOnNoHeaderThatCommandsTheBrowser: what authentik, or a proxy
// before it, says to a browser about a host must not reach the application's.
func TestRelay_PassesOnNoHeaderThatCommandsTheBrowser(t *testing.T) {
	t.Parallel()
	relays(t, func(t *testing.T, s *site) {
		inner := s.front.Handler
		s.front.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, name := range []string{
				"Clear-Site-Data", "Refresh", "Service-Worker-Allowed", "Access-Control-Allow-Origin", "WWW-Authenticate", "Report-To", "NEL",
				"Link", "Sourcemap", "Age", "Expires", "Accept-Ch", "Origin-Agent-Cluster", "X-Powered-By", "X-Anything", "Alt-Svc", "Set-Login",
			} {
				w.Header().Set(name, "x")
			}
			w.Header().Set("Content-Security-Policy", "object-src 'none'")
			inner.ServeHTTP(w, r)
		})
		p := &interfaced{person: s.person(t)}
		allowed := []string{
			"Cache-Control", "Content-Language", "Content-Length", "Content-Security-Policy", "Content-Type", "Date", "Etag", "Referrer-Policy", "Set-Cookie",
			"Vary", "X-Content-Type-Options", "X-Frame-Options",
		}
		hold := func(page screen) {
			for name := range page.header {
				if !slices.Contains(allowed, name) {
					t.Errorf("%s: got the header %s: %s", page.path, name, page.header.Get(name))
				}
			}
		}
		page := p.open("/report")
		if page.header.Get("Content-Security-Policy") == "" {
			t.Error("got no content security policy, want authentik's")
		}
		hold(page)
		p.at = page.path
		hold(p.open("/static/dist/poly.js"))
		p.is(p.asks(nil), asksName)
	})
}
