package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// A legacy is an application with its own login form and a token in it.
type legacy struct {
	password string
	login    func(w http.ResponseWriter, r *http.Request) // instead of its own answer to the form
	page     string                                       // instead of its own form
	posts    int
	ended    bool
	silent   bool // it writes nothing
	fails    error
}

const legacyForm = `<form method=post><input type=hidden name=token value=t-%s><input name=user><input type=password name=pass></form>`

func (l *legacy) serve(w http.ResponseWriter, r *http.Request) error {
	sid, _ := r.Cookie("sid")
	switch {
	case l.fails != nil:
		return l.fails
	case l.silent:
	case r.URL.Path == "/logout":
		l.ended = true
		http.SetCookie(w, &http.Cookie{Name: "sid", MaxAge: -1}) //nolint:gosec // of an old application
		http.SetCookie(w, &http.Cookie{Name: "__Host-authentik_gate", MaxAge: -1})
		http.Redirect(w, r, "/bye", http.StatusFound)
	case r.URL.Path != "/login":
		_, _ = io.WriteString(w, "the application")
	case r.Method == http.MethodPost:
		l.posts++
		if l.login != nil {
			l.login(w, r)
			return nil
		}
		if sid == nil || r.FormValue("token") != "t-"+sid.Value || r.Header.Get("Origin") != "https://app.example.com" {
			http.Error(w, "bad token", http.StatusForbidden)
			return nil
		}
		if r.FormValue("user") != "jane" || r.FormValue("pass") != l.password {
			l.show(w, sid.Value)
			return nil
		}
		for _, c := range []string{"sid", "track", "__Host-authentik_gate", "authentik_session"} {
			http.SetCookie(w, &http.Cookie{Name: c, Value: "in", Path: "/"}) //nolint:gosec // of an old application
		}
		http.Redirect(w, r, "/deep?x=1", http.StatusFound)
	default:
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "before", Path: "/"}) //nolint:gosec // of an old application
		l.show(w, "before")
	}
	return nil
}

func (l *legacy) show(w http.ResponseWriter, sid string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if l.page != "" {
		_, _ = io.WriteString(w, l.page)
		return
	}
	_, _ = fmt.Fprintf(w, legacyForm, sid)
}

// before puts a gate before a legacy application, with a session of jane's.
func (l *legacy) before(t testing.TB, change func(*Config)) (send func(method, path string, header ...string) (*httptest.ResponseRecorder, error), now *time.Time) {
	t.Helper()
	clock := time.Now()
	g, cookie := held(t, func(c *Config) {
		c.Now = func() time.Time { return clock }
		c.Site = &url.URL{Scheme: "https", Host: "app.example.com"}
		c.SignOutPaths = []string{"/logout"}
		c.SignOnForm = &SignOnForm{
			Page: "/login", Cookies: []string{"sid", "*authentik_gate"},
			User:     FormField{"user", func(s Session) string { return s.User().Username }},
			Password: FormField{"pass", func(Session) string { return "secret" }},
		}
		if change != nil {
			change(c)
		}
	}, session.Record{User: User{Username: "jane", UID: "1"}})
	return func(method, path string, header ...string) (*httptest.ResponseRecorder, error) {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), method, "https://app.example.com"+path, nil)
		r.Header.Set("Cookie", "__Host-authentik_gate="+cookie)
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Accept-Encoding", "gzip")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
			if header[i+1] == "" {
				r.Header.Del(header[i])
			}
		}
		return w, g.Guard(w, r, l.serve)
	}, &clock
}

func TestSignOn_HandsTheApplicationsCookiesToTheBrowser(t *testing.T) {
	t.Parallel()
	app := &legacy{password: "secret"}
	send, _ := app.before(t, nil)
	w, err := send(http.MethodGet, "/login?next=/deep")
	if err != nil || w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/deep?x=1" {
		t.Fatalf("got %v, %d to %q, want a redirect to where the application leads", err, w.Code, w.Header().Get("Location"))
	}
	if got, want := strings.Join(w.Header()["Set-Cookie"], ", "), "sid=before; Path=/, sid=in; Path=/"; got != want {
		t.Errorf("the browser gets %s, want %s and no cookie of the gate", got, want)
	}
	if body := w.Body.String(); strings.Contains(body, "secret") {
		t.Errorf("got %q in the browser, want nothing of the application", body)
	}
}

// TestSignOn_OnlyThePageItselfIsTaken: scripts, other methods and paths, prefetches
// and users without a password there meet the application.
func TestSignOn_OnlyThePageItselfIsTaken(t *testing.T) {
	t.Parallel()
	app := &legacy{password: "secret"}
	send, _ := app.before(t, nil)
	for _, try := range [][]string{
		{http.MethodGet, "/"},
		{http.MethodGet, "/login/"},
		{http.MethodHead, "/login"},
		{http.MethodPost, "/login"},
		{http.MethodGet, "/login", "Sec-Fetch-Mode", "cors"},
		{http.MethodGet, "/login", "Sec-Purpose", "prefetch"},
		{http.MethodGet, "/login", "Sec-Fetch-Dest", "iframe"},
	} {
		if w, err := send(try[0], try[1], try[2:]...); err != nil || w.Code == http.StatusSeeOther {
			t.Errorf("%v: got %d, %v, want the application's answer", try, w.Code, err)
		}
	}
	unknown, _ := app.before(t, func(c *Config) { c.SignOnForm.Password.Value = func(Session) string { return "" } })
	if w, _ := unknown(http.MethodGet, "/login"); !strings.Contains(w.Body.String(), "<form") {
		t.Errorf("no password: got %d %s, want the application's form", w.Code, w.Body)
	}
}

// TestSignOn_FailuresStopAndSaySo: and for a minute the visitor gets the
// application's own page.
func TestSignOn_FailuresStopAndSaySo(t *testing.T) {
	t.Parallel()
	answer := func(status int, kind, body string, cookies ...string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header()["Set-Cookie"] = cookies
			if status == http.StatusFound {
				w.Header().Set("Location", body)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, app := range map[string]*legacy{
		"a wrong password":    {password: "changed"},
		"an error":            {login: answer(http.StatusInternalServerError, "text/html", "")},
		"refused":             {login: answer(http.StatusUnauthorized, "text/html", "", "sid=1")},
		"back to the page":    {login: answer(http.StatusFound, "text/html", "/login?error=1", "sid=1")},
		"the form again":      {login: answer(http.StatusOK, "text/html", "<form><input type=password name=pass></form>", "sid=1")},
		"too long an answer":  {login: answer(http.StatusOK, "text/html", strings.Repeat("x", 1<<20)+"<form><input type=password name=pass></form>", "sid=1")},
		"another form":        {page: "<form method=post><input name=login><input type=password name=pass></form>"},
		"no form":             {page: "<p>Closed"},
		"two forms":           {page: strings.Repeat("<form method=post><input name=user><input type=password name=pass></form>", 2)},
		"a captcha":           {page: "<form method=post><input name=user><input type=password name=pass><input name=captcha required></form>"},
		"a form for another":  {page: "<form method=post action=//evil.example/login><input name=user><input type=password name=pass></form>"},
		"a form by its base":  {page: "<base href=//evil.example><form method=post action=/login><input name=user><input type=password name=pass></form>"},
		"a form without POST": {page: "<form><input name=user><input type=password name=pass></form>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			send, now := app.before(t, nil)
			w, err := send(http.MethodGet, "/login")
			if err != nil || w.Code != http.StatusBadGateway || !strings.Contains(w.Body.String(), "sign-on-failed") {
				t.Errorf("got %v, %d %.200s, want the page that says so", err, w.Code, w.Body)
			}
			if strings.Contains(fmt.Sprint(w.Header()["Set-Cookie"]), "sid") {
				t.Errorf("got %q in the browser after a sign-in that failed, want none", w.Header()["Set-Cookie"])
			}
			posts := app.posts
			if w, _ := send(http.MethodGet, "/login"); w.Code != http.StatusOK || app.posts != posts {
				t.Errorf("got %d and %d tries within a minute, want the application's page", w.Code, app.posts-posts)
			}
			*now = now.Add(time.Minute)
			if w, _ := send(http.MethodGet, "/login"); w.Code != http.StatusBadGateway {
				t.Errorf("after a minute: got %d, want another try", w.Code)
			}
		})
	}
}

// TestSignOn_TheApplicationMayHaveSetNoCookie: then no browser can be signed in.
func TestSignOn_TheApplicationMayHaveSetNoCookie(t *testing.T) {
	t.Parallel()
	app := &legacy{password: "secret"}
	send, _ := app.before(t, func(c *Config) { c.SignOnForm.Cookies = []string{"session"} })
	if w, _ := send(http.MethodGet, "/login"); w.Code != http.StatusBadGateway {
		t.Errorf("got %d, want the page that says so", w.Code)
	}
}

// TestSignOn_LeadsToThisSiteOnly: the application follows what the address of its
// login page says, which anyone can have written.
func TestSignOn_LeadsToThisSiteOnly(t *testing.T) {
	t.Parallel()
	for location, want := range map[string]string{
		"":                            "/",
		"/deep":                       "/deep",
		"deep":                        "/deep",
		"https://app.example.com/x?y": "/x?y",
		"https://evil.example/":       "/",
		"//evil.example/x":            "/",
		`/\evil.example`:              "/%5Cevil.example",
		"http://app.example.com/x":    "/",
		"javascript:alert(1)":         "/",
		"%zz":                         "/",
	} {
		app := &legacy{login: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Set-Cookie", "sid=1")
			if location != "" {
				w.Header().Set("Location", location)
			}
			w.WriteHeader(http.StatusFound)
		}}
		send, _ := app.before(t, nil)
		if w, err := send(http.MethodGet, "/login"); err != nil || w.Header().Get("Location") != want {
			t.Errorf("%q: got %d to %q, %v, want %q", location, w.Code, w.Header().Get("Location"), err, want)
		}
	}
}

// TestSignOn_AnApplicationThatIsDownFailsAsWithoutTheGate also has one that has
// signed the user in already.
func TestSignOn_AnApplicationThatIsDownFailsAsWithoutTheGate(t *testing.T) {
	t.Parallel()
	down := errors.New("the application is down")
	app := &legacy{fails: down}
	send, _ := app.before(t, nil)
	if _, err := send(http.MethodGet, "/login"); !errors.Is(err, down) {
		t.Errorf("got %v, want the error of the application", err)
	}
	in := &legacy{}
	send, _ = in.before(t, nil)
	in.page = ""
	in.password = "secret"
	if w, _ := send(http.MethodGet, "/login"); w.Code != http.StatusSeeOther {
		t.Errorf("got %d, want the user signed in", w.Code)
	}
}

// TestSignOn_ThePageOfTheApplicationIsPrivate: a cache must not show one visitor's
// login page to another, also if the application says nothing at all.
func TestSignOn_ThePageOfTheApplicationIsPrivate(t *testing.T) {
	t.Parallel()
	for _, app := range []*legacy{{}, {silent: true}} {
		send, _ := app.before(t, func(c *Config) { c.SignOnForm.Password.Value = func(Session) string { return "" } })
		if w, _ := send(http.MethodGet, "/login"); !strings.HasPrefix(w.Header().Get("Cache-Control"), "private") {
			t.Errorf("silent %t: got Cache-Control %q, want it private", app.silent, w.Header().Get("Cache-Control"))
		}
	}
}

func TestSignOut_AtTheApplicationEndsTheGatesSession(t *testing.T) {
	t.Parallel()
	app := &legacy{}
	send, _ := app.before(t, nil)
	w, err := send(http.MethodGet, "/logout")
	if err != nil || !app.ended || w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/.authentik/logout?ended=") {
		t.Errorf("got %v, %d to %q, want the page that says so", err, w.Code, w.Header().Get("Location"))
	}
	set := strings.Join(w.Header()["Set-Cookie"], "\n")
	if !strings.Contains(set, "sid=; Max-Age=0") || strings.Count(set, "__Host-authentik_gate=") != 1 {
		t.Errorf("the browser gets %s, want the application's cookie ended, and the gate's once", set)
	}
	if w, _ := send(http.MethodGet, "/"); w.Code == http.StatusOK {
		t.Error("got a session that goes on, want it ended")
	}
}

// TestSignOut_ScriptsGetTheApplicationsAnswer: a redirect to the gate's page would
// mean nothing to them.
func TestSignOut_ScriptsGetTheApplicationsAnswer(t *testing.T) {
	t.Parallel()
	app := &legacy{}
	send, _ := app.before(t, nil)
	w, err := send(http.MethodPost, "/logout", "Sec-Fetch-Mode", "cors")
	if err != nil || w.Header().Get("Location") != "/bye" {
		t.Errorf("got %v, %d to %q, want the application's answer", err, w.Code, w.Header().Get("Location"))
	}
	if w, _ := send(http.MethodGet, "/"); w.Code == http.StatusOK {
		t.Error("got a session that goes on, want it ended")
	}
}

// TestSignOut_AnApplicationThatFailsKeepsNoSession.
func TestSignOut_AnApplicationThatFailsKeepsNoSession(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"navigate", "cors"} {
		app := &legacy{fails: errors.New("down")}
		send, _ := app.before(t, nil)
		_, _ = send(http.MethodPost, "/logout", "Sec-Fetch-Mode", mode)
		app.fails = nil
		if w, _ := send(http.MethodGet, "/"); w.Code == http.StatusOK {
			t.Errorf("%s: got a session that goes on, want it ended", mode)
		}
	}
}

// TestSignOut_AnotherSiteCannotEndASession: what the application makes of such a request
// is its own affair.
func TestSignOut_AnotherSiteCannotEndASession(t *testing.T) {
	t.Parallel()
	for _, try := range [][]string{
		{http.MethodGet, "Sec-Fetch-Site", "cross-site"},
		{http.MethodGet, "Sec-Fetch-Site", "same-site"},
		{http.MethodGet, "Sec-Fetch-Site", "none"},
		{http.MethodGet, "Sec-Fetch-Site", ""},
		{http.MethodGet, "Sec-Fetch-Mode", "no-cors"},
		{http.MethodHead},
		{http.MethodOptions},
		{http.MethodPost, "Sec-Fetch-Site", "cross-site"},
		{http.MethodPost, "Sec-Fetch-Site", "same-site"},
		{http.MethodPost, "Sec-Fetch-Site", "", "Origin", "https://evil.example"},
		{http.MethodPost, "Sec-Fetch-Site", "", "Origin", "null"},
		{http.MethodPost, "Sec-Fetch-Site", ""},
	} {
		app := &legacy{}
		send, _ := app.before(t, nil)
		_, _ = send(try[0], "/logout", try[1:]...)
		if w, _ := send(http.MethodGet, "/"); w.Code != http.StatusOK {
			t.Errorf("%v: got %d afterwards, want the session to go on", try, w.Code)
		}
	}
	app := &legacy{}
	send, _ := app.before(t, nil)
	_, _ = send(http.MethodPost, "/logout", "Sec-Fetch-Site", "", "Origin", "https://app.example.com")
	if w, _ := send(http.MethodGet, "/"); w.Code == http.StatusOK {
		t.Error("a page of this site, by its Origin: got a session that goes on, want it ended")
	}
}

func TestSignOn_MistakesAreNamed(t *testing.T) {
	t.Parallel()
	value := func(Session) string { return "" }
	for name, form := range map[string]*SignOnForm{
		"nothing":           {},
		"a path with query": {Page: "/login?x", User: FormField{"a", value}, Password: FormField{"b", value}, Cookies: []string{"sid"}},
		"no cookies":        {Page: "/login", User: FormField{"a", value}, Password: FormField{"b", value}},
		"all cookies":       {Page: "/login", User: FormField{"a", value}, Password: FormField{"b", value}, Cookies: []string{"*"}},
		"the gate's cookie": {Page: "/login", User: FormField{"a", value}, Password: FormField{"b", value}, Cookies: []string{"authentik_gate"}},
		"no value":          {Page: "/login", User: FormField{"a", nil}, Password: FormField{"b", value}, Cookies: []string{"sid"}},
	} {
		if err := (Config{SignOnForm: form}).withDefaults().check(); err == nil || !strings.Contains(err.Error(), "sign-on form") {
			t.Errorf("%s: got %v, want a mistake of the form", name, err)
		}
	}
	if err := (Config{SignOutPaths: []string{"logout"}}).withDefaults().check(); err == nil || !strings.Contains(err.Error(), "sign-out paths") {
		t.Errorf("a path without a slash: got %v", err)
	}
}
