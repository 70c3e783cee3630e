package proxy

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// newRedirectSite is a site that sends browsers to authentik.
func newRedirectSite(t testing.TB, change func(*registration)) *site {
	t.Helper()
	return newOIDCSite(t, func(reg *registration) {
		reg.gate = func(cfg *Config) { cfg.Login = LoginRedirect }
		if change != nil {
			change(reg)
		}
	})
}

// departs loads a page and returns where the browser is sent at authentik.
func (p *person) departs(path string) *url.URL {
	p.t.Helper()
	p.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/application/o/authorize/" {
			return http.ErrUseLastResponse
		}
		return nil
	}
	page := p.open(path)
	to, err := url.Parse(page.header.Get("Location"))
	if err != nil || to.Path != "/application/o/authorize/" {
		p.t.Fatalf("got status %d at %s, to %v: %v", page.status, page.path, to, err)
	}
	return to
}

// A stranger is authentik's own session of a browser: what is done at authentik's pages.
type stranger struct {
	site    *site
	cookies flowclient.Cookies
}

// authorize signs in at authentik where that is asked for, and returns where authentik sends the browser.
func (a *stranger) authorize(t testing.TB, to *url.URL, name, password string) string {
	t.Helper()
	client := a.site.gate.cfg.Client
	v := flowclient.Visitor{Cookies: a.cookies}
	step, err := client.Authorize(t.Context(), v, to.Query())
	for _, answer := range []flowclient.Answer{flowclient.IdentificationAnswer{UID: name}, flowclient.PasswordAnswer{Password: password}} {
		if err != nil {
			t.Fatal(err)
		}
		if step.Challenge.Component() != answer.Component() {
			break
		}
		v.Cookies = step.Cookies
		step, err = client.Answer(t.Context(), v, step.Flow, answer)
	}
	if err != nil {
		t.Fatal(err)
	}
	a.cookies = step.Cookies
	end, ok := step.Challenge.(flowclient.Redirect)
	if !ok {
		t.Fatalf("got %s, want a redirect", step.Challenge.Component())
	}
	if end.Class() == flowclient.RedirectApplication {
		v.Cookies = step.Cookies
		if step, err = client.Authorize(t.Context(), v, to.Query()); err != nil {
			t.Fatal(err)
		}
		a.cookies = step.Cookies
		end, _ = step.Challenge.(flowclient.Redirect)
	}
	back, ok := strings.CutPrefix(end.To, a.site.URL)
	if !ok {
		t.Fatalf("got a redirect to %s, want one to the site", end.To)
	}
	return back
}

func TestRedirect_SignsInAtAuthentiksPages(t *testing.T) {
	t.Parallel()
	s := newRedirectSite(t, nil)
	p, a := s.person(t), &stranger{site: s}
	to := p.departs("/report?month=5")
	for name, want := range map[string]string{"response_type": "code", "client_id": "gate", "code_challenge_method": "S256", "prompt": "", "max_age": ""} {
		if got := to.Query().Get(name); got != want {
			t.Errorf("%s: got %q", name, got)
		}
	}
	back := a.authorize(t, to, "jane", "open sesame")
	if page := p.open(back); page.body != "hello jane" || page.path != "/report?month=5" {
		t.Fatalf("got status %d at %s: %s", page.status, page.path, page.body)
	}
	if page := p.open(back); page.body != "hello jane" || page.path != "/report?month=5" {
		t.Errorf("got status %d at %s when loaded again, want the page", page.status, page.path)
	}
}

func TestRedirect_ManyTabsSignIn(t *testing.T) {
	t.Parallel()
	s := newRedirectSite(t, nil)
	p, a := s.person(t), &stranger{site: s}
	var leaves []*url.URL
	for _, path := range []string{"/one", "/two", "/three"} {
		leaves = append(leaves, p.departs(path))
	}
	for i, path := range []string{"/one", "/two", "/three"} {
		if page := p.open(a.authorize(t, leaves[i], "jane", "open sesame")); page.body != "hello jane" || page.path != path {
			t.Errorf("got status %d at %s, want %s", page.status, page.path, path)
		}
	}
}

// TestRedirect_StateIsForOneBrowser tries the callback with all that an attacker can have.
func TestRedirect_StateIsForOneBrowser(t *testing.T) {
	t.Parallel()
	s := newRedirectSite(t, nil)
	victim, attacker, a := s.person(t), s.person(t), &stranger{site: s}
	victim.departs("/") // has a cookie for visits
	callback := a.authorize(t, attacker.departs("/"), "joe", "let me in")
	_, query, _ := strings.Cut(callback, "?")
	mine, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	own := victim.departs("/").Query().Get("state")
	for name, change := range map[string]func(url.Values){
		"with the victim's own": func(v url.Values) { v.Set("state", own) }, // the code then has another verifier and another nonce
		"two states":            func(v url.Values) { v["state"] = []string{own, mine.Get("state")} },
		"two codes":             func(v url.Values) { v.Add("code", "another"); v.Set("state", own) },
		"without a code":        func(v url.Values) { v.Del("code"); v.Set("state", own) },
		"another issuer":        func(v url.Values) { v.Set("iss", "https://evil.example.com/"); v.Set("state", own) },
		"a token":               func(v url.Values) { v.Set("id_token", "a.b.c"); v.Set("state", own) },
		"a token and no state":  func(v url.Values) { v.Set("id_token", "a.b.c"); v.Del("state") },
		"no code and no state":  func(v url.Values) { v.Del("code"); v.Del("state") },
		"an error of another":   func(v url.Values) { v.Del("code"); v.Set("error", "access_denied") },
		"another's, of another": func(v url.Values) { v.Set("iss", "https://evil.example.com/") },
		"a second time":         func(v url.Values) { v.Set("state", v.Get("state")+".2") },
	} {
		query := url.Values{}
		for key, values := range mine {
			query[key] = append([]string(nil), values...)
		}
		change(query)
		page := victim.open("/.authentik/callback?" + query.Encode())
		anew := strings.Contains(page.header.Get("Location"), "/application/o/authorize/") // where the victim signs in as themselves
		if !anew && (page.status < 400 || page.status >= 600) {
			t.Errorf("%s: got status %d at %s", name, page.status, page.path)
		}
		if victim.cookie(cookieNames(s.gate).Session) != "" {
			t.Fatalf("%s: got the victim signed in, want no session", name)
		}
	}
	if page := attacker.open(callback); page.body != "hello joe" {
		t.Errorf("got status %d at %s for the attacker, want their own session", page.status, page.path)
	}
}

func TestRedirect_LostDepartureWithASessionGoesBack(t *testing.T) {
	t.Parallel()
	s := newRedirectSite(t, nil)
	p, a := s.person(t), &stranger{site: s}
	callback := a.authorize(t, p.departs("/first"), "jane", "open sesame")
	second := a.authorize(t, p.departs("/second"), "jane", "open sesame")
	p.open(callback) // renews the cookie that the second has left with
	if page := p.open(second); page.body != "hello jane" || page.path != "/second" {
		t.Errorf("got status %d at %s", page.status, page.path)
	}
}

func TestRedirect_RefusalHasAPage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*registration)
		want   Code
	}{
		{"unknown client", func(reg *registration) {
			reg.gate = func(cfg *Config) { cfg.OIDC.ClientID = "unknown" }
		}, fault.ClientRejected},
		{"another address", func(reg *registration) { reg.provider.RedirectURIs = []string{"https://other.example.com/"} }, fault.RedirectURIRejected},
		{"wrong secret", func(reg *registration) {
			reg.gate = func(cfg *Config) { cfg.OIDC.ClientSecret = "another" }
		}, fault.ClientRejected},
		{"no grant types", func(reg *registration) { reg.provider.GrantTypes = []string{} }, fault.ClientRejected},
		{"no such application", func(reg *registration) {
			reg.gate = func(cfg *Config) { cfg.Application = "nothing" }
		}, fault.ApplicationNotFound},
		{"an application without a provider", func(reg *registration) {
			reg.gate = func(cfg *Config) { cfg.Application = "wiki" }
		}, fault.ApplicationNotFound},
		{"encrypted tokens", func(reg *registration) { reg.provider.Encrypts = true }, fault.TokenInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newOIDCSite(t, tt.change)
			p := s.person(t)
			page := p.open("/")
			if page.status == http.StatusOK {
				page = p.send(p.send(page, "uid_field", "jane"), "password", "open sesame")
			}
			page.says(t, string(tt.want))
			if page.status != fault.New(tt.want, nil).Status || s.reached() > 0 {
				t.Errorf("got status %d, the application was reached %d times", page.status, s.reached())
			}
		})
	}
}

func TestOIDC_ProvidersOfEveryKind(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*registration){
		"issuer for all":       func(reg *registration) { reg.provider.GlobalIssuer = true },
		"signed by the secret": func(reg *registration) { reg.provider.SecretSigns = true },
		"elliptic":             func(reg *registration) { reg.provider.Algorithm = "ES256" },
		"Edwards":              func(reg *registration) { reg.provider.Algorithm = "EdDSA" },
		"claims apart":         func(reg *registration) { reg.provider.ClaimsApart = true },
		"an older release":     func(reg *registration) { reg.release = authentiktest.Release202510 },
		"public": func(reg *registration) {
			reg.provider.Public, reg.provider.Secret = true, ""
			reg.gate = func(cfg *Config) { cfg.OIDC.ClientSecret = "" }
		},
		"no refresh tokens": func(reg *registration) { reg.provider.Scopes = []string{"openid", "email", "profile"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newOIDCSite(t, change)
			p := s.person(t)
			if page := p.signIn("jane", "open sesame", "/"); page.body != "hello jane" {
				t.Fatalf("got status %d at %s: %s", page.status, page.path, page.body)
			}
			s.clock.move(21 * time.Minute)
			if page := p.open("/"); page.body != "hello jane" {
				t.Fatalf("after a recheck: got status %d at %s", page.status, page.path)
			}
			if s.last(t).Header.Get("Remote-Groups") != "staff" {
				t.Errorf("got the groups %q, want staff", s.last(t).Header.Get("Remote-Groups"))
			}
		})
	}
}

// returns sends a browser's request for the callback, with the cookies that the
// browser has now, and keeps nothing of the response in the browser.
func (p *person) returns(to http.Handler, callback string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, p.site.URL+callback, nil)
	for _, c := range p.jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	w := httptest.NewRecorder()
	to.ServeHTTP(w, r)
	return w
}

// TestCallback_TwiceWithOneCodeIsOneSession: on a second click the browser does not
// wait for the first response, and authentik accepts a code only once.
func TestCallback_TwiceWithOneCodeIsOneSession(t *testing.T) {
	t.Parallel()
	s := newRedirectSite(t, nil)
	redeeming, goOn := make(chan struct{}), make(chan struct{})
	var redeemed atomic.Int64
	authentik := s.front.Handler
	s.front.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/token/") && redeemed.Add(1) == 1 {
			close(redeeming)
			<-goOn
		}
		authentik.ServeHTTP(w, r)
	})
	p, a := s.person(t), &stranger{site: s}
	callback := a.authorize(t, p.departs("/report"), "jane", "open sesame")
	var clicks sync.WaitGroup
	got := make([]*httptest.ResponseRecorder, 3)
	clicks.Go(func() { got[0] = p.returns(s.Config.Handler, callback) })
	<-redeeming
	clicks.Go(func() { got[1] = p.returns(s.Config.Handler, callback) })
	close(goOn)
	clicks.Wait()
	got[2] = p.returns(s.Config.Handler, callback)
	secrets := map[string]bool{}
	for i, w := range got {
		for _, c := range w.Result().Cookies() {
			if c.Name == cookieNames(s.gate).Session {
				secrets[c.Value] = true
			}
		}
		if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || !strings.HasSuffix(to, "to=%2Freport") {
			t.Errorf("request %d: got status %d to %q, want 303 on the way to /report", i, w.Code, to)
		}
	}
	if n := redeemed.Load(); len(secrets) != 1 || n != 1 {
		t.Errorf("got %d session cookies and %d codes redeemed, want one of each", len(secrets), n)
	}
}

// TestCallback_AgainAfterTheEndOfItsSessionBeginsAgain: an operator or a notice of
// authentik has ended the session before the browser has got its cookie.
func TestCallback_AgainAfterTheEndOfItsSessionBeginsAgain(t *testing.T) {
	t.Parallel()
	s := newRedirectSite(t, nil)
	p, a := s.person(t), &stranger{site: s}
	callback := a.authorize(t, p.departs("/report"), "jane", "open sesame")
	p.returns(s.Config.Handler, callback)
	if _, err := s.gate.Operator().EndAll(t.Context(), "jane"); err != nil {
		t.Fatal(err)
	}
	if page := p.open(a.authorize(t, p.departs(callback), "jane", "open sesame")); page.body != "hello jane" || page.path != "/report" {
		t.Errorf("got status %d at %s, want the page", page.status, page.path)
	}
}

// TestCallback_WithACodeThatWasRedeemedElsewhereBeginsAgainOnce: another Caddy, or
// this one before a restart, has answered the browser's first request.
func TestCallback_WithACodeThatWasRedeemedElsewhereBeginsAgainOnce(t *testing.T) {
	t.Parallel()
	s := newRedirectSite(t, nil)
	p, a := s.person(t), &stranger{site: s}
	callback := a.authorize(t, p.departs("/report"), "jane", "open sesame")
	other := newGate(t, s.gate.cfg).Wrap(http.NotFoundHandler())
	if w := p.returns(other, callback); !strings.Contains(w.Header().Get("Location"), "signed-in=1") {
		t.Fatalf("got status %d at the other gate, want a session", w.Code)
	}
	again := p.departs(callback)
	callback = a.authorize(t, again, "jane", "open sesame")
	if w := p.returns(other, callback); !strings.Contains(w.Header().Get("Location"), "signed-in=1") {
		t.Fatalf("got status %d at the other gate, want a session", w.Code)
	}
	page := p.open(callback) // and this one is refused for good, without circles
	page.says(t, string(fault.TokenInvalid))
	if page.status != http.StatusBadGateway {
		t.Errorf("got status %d, want %d", page.status, http.StatusBadGateway)
	}
	if page = p.open(a.authorize(t, p.departs("/report"), "jane", "open sesame")); page.body != "hello jane" || page.path != "/report" {
		t.Errorf("got status %d at %s, want the page", page.status, page.path)
	}
}

// TestOIDC_ARedirectOfTheFrontProxyIsNotAStep: a proxy before authentik may send every
// request to a page about maintenance.
func TestOIDC_ARedirectOfTheFrontProxyIsNotAStep(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, nil)
	authentik := s.front.Handler
	s.front.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/application/o/authorize/" {
			http.Redirect(w, r, "https://status.example.com/maintenance", http.StatusFound)
			return
		}
		authentik.ServeHTTP(w, r)
	})
	page := s.person(t).open("/")
	page.says(t, string(fault.AuthentikUnexpected))
	if page.status != http.StatusBadGateway || strings.Contains(page.body, "status.example.com") {
		t.Errorf("got status %d, want %d and no link to the other site", page.status, http.StatusBadGateway)
	}
}
