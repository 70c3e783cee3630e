package proxy

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// TestAppCookies_ExpireForAnotherUser: the application has its own session
// that belongs to the user before, also after that user has signed out.
func TestAppCookies_ExpireForAnotherUser(t *testing.T) {
	t.Parallel()
	g, _ := held(t, func(c *Config) {
		c.AppCookies = []AppCookie{{Name: "sid"}, {Name: "__Host-x"}, {Name: "old", Path: "/wiki", Domain: "example.com"}}
		c.ClearSiteData = []string{"storage", "cache"}
	}, session.Record{User: User{Username: "jane"}})
	sent := ""
	for _, step := range []struct {
		name, uid, cookies string
		expires            bool
	}{
		{"the first user", "jane", "", true},
		{"the same user", "jane", "MARK", false},
		{"another user", "joe", "MARK", true},
		{"the first user again", "jane", "MARK", true},
		{"a mark that was planted beside", "jane", "MARK; __Host-authentik_user=x", true},
		{"a mark of no gate", "jane", "__Host-authentik_user=jane", true},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header.Set("Cookie", strings.ReplaceAll(step.cookies, "MARK", sent))
		x := exchange.Exchange{W: w, R: r, At: somewhere("app.example.com"), Shared: g.member.Shared, Sent: r.Header["Cookie"]}
		x.ForUser(step.uid)
		got := map[string]string{}
		for _, c := range w.Result().Cookies() {
			got[c.Name] = fmt.Sprint(c.Path, c.Domain, c.MaxAge < 0, c.Secure)
			if c.Name == "__Host-authentik_user" {
				sent = c.Name + "=" + c.Value
				got[c.Name] = ""
			}
		}
		want := map[string]string{}
		clears := ""
		if step.expires {
			want = map[string]string{
				"__Host-authentik_user": "", "sid": "/true true", "__Host-x": "/true true", "old": "/wikiexample.comtrue true",
			}
			clears = `"storage", "cache"`
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || w.Header().Get("Clear-Site-Data") != clears {
			t.Errorf("%s: got %v, %s, want %v, %s", step.name, got, w.Header().Get("Clear-Site-Data"), want, clears)
		}
	}
}

// TestAppCookies_ThatTheGateHasHandedOverExpire: the next user must not go on with
// the account that the gate has signed in to for the one before.
func TestAppCookies_ThatTheGateHasHandedOverExpire(t *testing.T) {
	t.Parallel()
	value := func(Session) string { return "x" }
	g, _ := held(t, func(c *Config) {
		c.SignOnForm = &SignOnForm{Page: "/login", User: FormField{"u", value}, Password: FormField{"p", value}, Cookies: []string{"sid", "app_*", "*gate"}}
	}, session.Record{User: User{Username: "jane"}})
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header.Set("Cookie", "sid=1; app_x=2; other=3; authentik_gate=4; sid=5")
	x := exchange.Exchange{W: w, R: r, At: somewhere("app.example.com"), Shared: g.member.Shared, Sent: r.Header["Cookie"]}
	x.ForUser("joe")
	var expired []string
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			expired = append(expired, c.Name+c.Path)
		}
	}
	if got := strings.Join(expired, " "); got != "sid/ app_x/" {
		t.Errorf("got %s expired, want sid and app_x", got)
	}
}

func TestAppCookies_AreNotTheGates(t *testing.T) {
	t.Parallel()
	for _, c := range []AppCookie{
		{},
		{Name: "a b"},
		{Name: strings.Repeat("a", 101)},
		{Name: "sid", Path: "x"},
		{Name: "sid", Domain: "co.uk"},
		{Name: "authentik_gate"},
		{Name: "__Host-authentik_session"},
		{Name: "__Secure-authentik_gate"},
		{Name: "wiki_gate"},
		{Name: "__Secure-wiki_gate_abc234"},
		{Name: "__Host-a", Path: "/x"},
		{Name: "__Host-a", Domain: "example.com"},
	} {
		cfg := Config{AppCookies: []AppCookie{c}, ClearSiteData: []string{"cache", "cache"}, Cookie: CookieConfig{Name: "wiki_gate"}}
		if err := cfg.withDefaults().check(); err == nil || strings.Count(err.Error(), "app cookies")+strings.Count(err.Error(), "clear site data") != 2 {
			t.Errorf("%+v: got %v, want two mistakes", c, err)
		}
	}
	cfg := Config{ClearSiteData: []string{"cookies"}}
	if err := cfg.withDefaults().check(); err == nil || !strings.Contains(err.Error(), "clear site data") {
		t.Errorf("got %v, want cookies of other hosts kept", err)
	}
}

// TestAppCookies_OfAConfigurationStayAsTheyWereWritten: one may be used for
// several gates.
func TestAppCookies_OfAConfigurationStayAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	cfg := Config{AppCookies: []AppCookie{{Name: "sid"}}}
	if got := cfg.appCookies(); got[0].Path != "/" || cfg.AppCookies[0].Path != "" {
		t.Errorf("got %v from %v, want a path only in the result", got, cfg.AppCookies)
	}
}

// TestAppCookies_DataIsClearedOnlyWhereItIsWanted, and over plain HTTP the expired
// cookies are not Secure, which browsers would refuse there.
func TestAppCookies_DataIsClearedOnlyWhereItIsWanted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change  func(*Config)
		clears  string
		cookies []string
	}{
		"cookies": {func(c *Config) { c.AppCookies = []AppCookie{{Name: "sid"}} }, "", []string{"authentik_user", "sid"}},
		"data":    {func(c *Config) { c.ClearSiteData = []string{"storage"} }, `"storage"`, []string{"authentik_user"}},
		"neither": {nil, "", nil},
	} {
		g, _ := held(t, tt.change, session.Record{User: User{Username: "jane"}})
		w := httptest.NewRecorder()
		at := somewhere("app.example.com")
		at.Scheme = "http"
		x := exchange.Exchange{W: w, R: httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), At: at, Shared: g.member.Shared}
		x.ForUser("jane")
		var got []string
		for _, c := range w.Result().Cookies() {
			got = append(got, c.Name)
			if c.Secure {
				t.Errorf("%s: got %s Secure over plain HTTP, want it not", name, c.Name)
			}
			if c.Name == "authentik_user" && c.MaxAge != int(exchange.BrowserLife/time.Second) {
				t.Errorf("%s: got a mark for %d s, want it for as long as a browser is remembered", name, c.MaxAge)
			}
		}
		if !slices.Equal(got, tt.cookies) || w.Header().Get("Clear-Site-Data") != tt.clears {
			t.Errorf("%s: got %v and %q, want %v and %q", name, got, w.Header().Get("Clear-Site-Data"), tt.cookies, tt.clears)
		}
	}
}

// TestAppCookies_AreTakenOffACopyOfTheHeader: what the browser sent stays known to
// later gates. A name may have spaces around it.
func TestAppCookies_AreTakenOffACopyOfTheHeader(t *testing.T) {
	t.Parallel()
	sent := []string{"a=1; sid =2;sid=3 ;sid2=4"}
	h := http.Header{"Cookie": sent}
	exchange.StripNamed(h, func(name string) bool { return name == "sid" })
	if got, want := h.Get("Cookie"), "a=1; sid2=4"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if want := "a=1; sid =2;sid=3 ;sid2=4"; sent[0] != want {
		t.Errorf("got %q left of what was sent, want %q", sent[0], want)
	}
}

// TestAppCookies_AfterASignIn walks the whole way of two users in one browser.
func TestAppCookies_AfterASignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.AppCookies = []AppCookie{{Name: "sid"}} })
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	sessionName := cookieNames(s.gate).Session
	for _, step := range []struct{ user, password, left string }{{"jane", "open sesame", "of jane"}, {"joe", "let me in", ""}} {
		p.setCookie("sid", "of jane")
		p.setCookie(sessionName, "")
		p.signIn(step.user, step.password, "/")
		if got := s.last(t).Header.Get("Remote-User"); got != step.user {
			t.Fatalf("user: got %q, want %q", got, step.user)
		}
		if strings.Contains(fmt.Sprint(s.last(t).Header["Cookie"]), "authentik_user") {
			t.Error("got the mark of the browser's user at the application, want it removed")
		}
		if got := p.cookie("sid"); got != step.left {
			t.Errorf("%s: got the cookie %q, want %q", step.user, got, step.left)
		}
	}
}

// TestAppCookies_ExpireWhereTheUserSignsInAtAnotherHost: with a domain the session
// comes along to hosts where the user before had one at the application.
func TestAppCookies_ExpireWhereTheUserSignsInAtAnotherHost(t *testing.T) {
	t.Parallel()
	value := func(Session) string { return "x" }
	g, session := held(t, func(c *Config) {
		c.Cookie.Domain = "example.com"
		c.AppCookies, c.ClearSiteData = []AppCookie{{Name: "sid"}}, []string{"storage"}
		c.SignOnForm = &SignOnForm{Page: "/login", User: FormField{"u", value}, Password: FormField{"p", value}, Cookies: []string{"app_*"}}
		c.Resolve = func(r *http.Request) Resolved { return somewhere(r.Host) }
	}, session.Record{User: User{Username: "joe", UID: "joe's"}})
	mark := ""
	for _, step := range []struct {
		name, mode, mark string
		expires          bool
		reaches          string
	}{
		{"a script, before the page", "cors", "", false, "other=3"},
		{"the page", "navigate", "", true, "other=3"},
		{"the page again", "navigate", "MARK", false, "sid=1; app_x=2; other=3"},
		{"a script after it", "cors", "MARK", false, "sid=1; app_x=2; other=3"},
		{"another user's mark", "navigate", "; __Host-authentik_user=x", true, "other=3"},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://files.example.com/", nil)
		r.Header.Set("Sec-Fetch-Mode", step.mode)
		r.Header.Set("Cookie", "sid=1; app_x=2; other=3; "+cookieNames(g).Session+"="+session+strings.ReplaceAll(step.mark, "MARK", mark))
		var reached string
		err := g.Guard(w, r, func(_ http.ResponseWriter, r *http.Request) error {
			reached = r.Header.Get("Cookie")
			return nil
		})
		expired := map[string]bool{}
		for _, c := range w.Result().Cookies() {
			if c.Name == "__Host-authentik_user" {
				mark = "; " + c.Name + "=" + c.Value
				continue
			}
			expired[c.Name] = c.MaxAge < 0
		}
		if err != nil || w.Code != http.StatusOK || reached != step.reaches || expired["sid"] != step.expires || expired["app_x"] != step.expires ||
			(w.Header().Get("Clear-Site-Data") != "") != step.expires {
			t.Errorf("%s: got status %d (%v), the cookies %q at the application, %v expired; want %q, expired: %t",
				step.name, w.Code, err, reached, expired, step.reaches, step.expires)
		}
	}
}

// TestAppCookies_OfOneHostCostNothingLater: without a domain every user signs in on
// this host, and that has told the browser.
func TestAppCookies_OfOneHostCostNothingLater(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.AppCookies = []AppCookie{{Name: "sid"}} })
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	p.setCookie("sid", "of jane")
	p.setCookie("__Host-authentik_user", "")
	p.open("/")
	if got := s.last(t).Header.Get("Cookie"); got != "sid=of jane" && got != `sid="of jane"` {
		t.Errorf("got %q at the application, want its cookie", got)
	}
}

// TestAppCookies_AfterARelayedSignIn: authentik's own interface ends the sign-in.
func TestAppCookies_AfterARelayedSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Login, c.AppCookies = LoginRelay, []AppCookie{{Name: "sid"}} })
	p := &interfaced{person: s.person(t)}
	name := cookieNames(s.gate).Session
	for _, step := range []struct{ user, password, left string }{
		{"jane", "open sesame", ""}, {"jane", "open sesame", "set"}, {"joe", "let me in", ""},
	} {
		p.setCookie("sid", "set")
		p.setCookie(name, "")
		p.opens("/")
		p.is(p.asks(map[string]any{"uid_field": step.user}), asksPassword)
		if page := p.goes(p.asks(map[string]any{"password": step.password})); page.body != "hello "+step.user {
			t.Fatalf("got status %d at %s, want hello %s", page.status, page.path, step.user)
		}
		if got := p.cookie("sid"); got != step.left {
			t.Errorf("%s: got the cookie %q, want %q", step.user, got, step.left)
		}
	}
}
