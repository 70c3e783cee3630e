package page

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// Failures, as the gate reports them.
var (
	unreachable = Failure{Code: "authentik-unreachable", Status: http.StatusServiceUnavailable}
	notAllowed  = Failure{Code: "not-allowed", Status: http.StatusForbidden}
	tooWeak     = Failure{Code: "step-up-refused", Status: http.StatusForbidden}
	misled      = Failure{Code: "redirect-uri-rejected", Status: http.StatusBadGateway}
)

// pagesOfAllKinds draws one page of each kind there is.
func pagesOfAllKinds(t testing.TB) map[string]*httptest.ResponseRecorder {
	t.Helper()
	p, b, r := testPages(t), testBrand(), httptest.NewRequest(http.MethodGet, "/", nil)
	all := map[string]*httptest.ResponseRecorder{}
	draw := func(name string, f func(http.ResponseWriter)) {
		all[name] = httptest.NewRecorder()
		f(all[name])
	}
	draw("question", func(w http.ResponseWriter) {
		if err := p.Ask(w, r, questionOf(decode(t, []byte(`{"component":"ak-stage-password","pending_user":"jane"}`)))); err != nil {
			t.Fatal(err)
		}
	})
	draw("fail", func(w http.ResponseWriter) {
		p.Fail(w, r, unreachable, "/app", b)
	})
	draw("forbid", func(w http.ResponseWriter) {
		p.Forbid(w, r, notAllowed, "jane <b>", []string{"No <i>guests</i>"}, "/app", b)
	})
	draw("sign out", func(w http.ResponseWriter) { p.SignOut(w, r, "jane <b>", b) })
	draw("misled", func(w http.ResponseWriter) { p.Fail(w, r, misled, "/app", b) })
	draw("step up", func(w http.ResponseWriter) { p.Forbid(w, r, tooWeak, "jane <b>", nil, "/app?a=1&b=2", b) })
	draw("signed out", func(w http.ResponseWriter) { p.SignedOut(w, r, SignOutUnknown, b) })
	draw("signed out everywhere", func(w http.ResponseWriter) { p.SignedOut(w, r, SignOutEverywhere, b) })
	draw("signed out here", func(w http.ResponseWriter) { p.SignedOut(w, r, SignOutHere, b) })
	draw("arrived", func(w http.ResponseWriter) { p.SignedInFromFrame(w, r, "jane <b>", b) })
	hostile := []Field{{Name: `"><script>`, Value: "\"><b>\r\n'"}}
	draw("late form", func(w http.ResponseWriter) {
		p.Late(w, r, LateForm{SignIn: "/.authentik/login", Continue: "/.authentik/late", Fields: hostile, Files: []string{"<i>"}}, b)
	})
	draw("late form, lost", func(w http.ResponseWriter) { p.LateLost(w, r, "/.authentik/login", b) })
	draw("late form, foreign", func(w http.ResponseWriter) { p.LateForeign(w, r, "/.authentik/login", b) })
	draw("late form, signed in", func(w http.ResponseWriter) { p.LateSignedIn(w, r, "jane <b>", b) })
	draw("late form, other", func(w http.ResponseWriter) {
		p.LateOther(w, r, LateForm{Continue: "/.authentik/late", Fields: hostile}, "jane <b>", b)
	})
	draw("no brand", func(w http.ResponseWriter) { p.SignedOut(w, r, SignOutUnknown, flowclient.Brand{}) })
	return all
}

func TestHeaders_ProtectEveryPage(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"Content-Type":               "text/html; charset=utf-8",
		"Cache-Control":              "no-store",
		"Content-Security-Policy":    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		"Cross-Origin-Opener-Policy": "same-origin",
		"Referrer-Policy":            "same-origin",
		"X-Content-Type-Options":     "nosniff",
		"X-Frame-Options":            "DENY",
	}
	for name, w := range pagesOfAllKinds(t) {
		// Result has the header as it was when the first byte was written.
		for header, value := range want {
			if got := w.Result().Header.Get(header); got != value { //nolint:bodyclose // A recorder's body needs no closing.
				t.Errorf("%s: %s is %q, want %q", name, header, got, value)
			}
		}
		checkPage(t, w.Body.String())
	}
}

// TestHeaders_SignOutMayLeadToAuthentik, but no other form may: an answer's redirect counts like the form's own address.
func TestHeaders_SignOutMayLeadToAuthentik(t *testing.T) {
	t.Parallel()
	p, err := New(Config{
		Prefix: "/.authentik", SignOutURL: "https://auth.example.com:8443/sub/",
		Seal: func(string) string { return "" },
	})
	if err != nil {
		t.Fatal(err)
	}
	r, b := httptest.NewRequest(http.MethodGet, "/", nil), testBrand()
	for name, row := range map[string]struct {
		draw func(http.ResponseWriter)
		want string
	}{
		"sign out":   {func(w http.ResponseWriter) { p.SignOut(w, r, "jane", b) }, "form-action 'self' https://auth.example.com:8443;"},
		"forbid":     {func(w http.ResponseWriter) { p.Forbid(w, r, notAllowed, "jane", nil, "/", b) }, "form-action 'self' https://auth.example.com:8443;"},
		"signed out": {func(w http.ResponseWriter) { p.SignedOut(w, r, SignOutUnknown, b) }, "form-action 'self';"},
	} {
		w := httptest.NewRecorder()
		row.draw(w)
		if got := w.Header().Get("Content-Security-Policy"); !strings.Contains(got, row.want) {
			t.Errorf("%s: want %q in the policy, got %q", name, row.want, got)
		}
	}
}

func TestPage_HasItsText(t *testing.T) {
	t.Parallel()
	all := pagesOfAllKinds(t)
	for name, row := range map[string]struct {
		status int
		parts  []string
	}{
		"question": {200, []string{`action="/.authentik/login"`, `name="visit" value="sealed-visit"`, `name="to" value="/app?a=1"`, `name="component" value="ak-stage-password"`, `name="username" value="jane"`}},
		"fail":     {503, []string{"authentik-unreachable", "The sign-in service cannot be reached.", `href="/.authentik/login?to=%2Fapp"`}},
		"misled":   {502, []string{"redirect-uri-rejected", "this site&#39;s address followed by /.authentik/callback must be registered", `href="/.authentik/login?to=%2Fapp"`}},
		"forbid":   {403, []string{"You do not have access to this application", "jane &lt;b&gt;", `<button autofocus>Use another account`, "No &lt;i&gt;guests&lt;/i&gt;", `action="/.authentik/logout"`, `name="switch" value="1"`, `name="to" value="/app"`}},
		"sign out": {200, []string{"jane &lt;b&gt;", `<form method="post" action="/.authentik/logout">`}},
		"step up": {403, []string{
			"That did not work", "jane &lt;b&gt;", "asks for a second factor", "Sign in again with a second factor.", "step-up-refused",
			`<a class="button" href="/.authentik/login?to=%2Fapp%3Fa%3D1%26b%3D2" autofocus>Sign in again</a>`,
			`name="to" value="/app?a=1&amp;b=2"`, `<button class="quiet">Use another account</button>`, `<button class="quiet">Sign out</button>`,
		}},
		"signed out":            {200, []string{"You are signed out of this site. On a shared computer", `href="/.authentik/login?to=%2F"`}},
		"signed out everywhere": {200, []string{"You are signed out of this site, of authentik, and", `href="/.authentik/login?to=%2F"`}},
		"signed out here":       {200, []string{"you may still be signed in there", `href="/.authentik/login?to=%2F"`}},
		"arrived":               {200, []string{"You are signed in</h1>", "jane &lt;b&gt;", "This window closes automatically.", `/assets/arrived.js?v=`}},
		"no brand":              {200, []string{"<span>authentik</span>", "icon.svg"}},
	} {
		w := all[name]
		if w.Code != row.status {
			t.Errorf("%s: got status %d, want %d", name, w.Code, row.status)
		}
		for _, part := range row.parts {
			if !strings.Contains(w.Body.String(), part) {
				t.Errorf("%s: got no %q in:\n%s", name, part, w.Body)
			}
		}
	}
}

// TestPage_CallbackAddressIsShown: an operator would register in vain what is not below the prefix.
func TestPage_CallbackAddressIsShown(t *testing.T) {
	t.Parallel()
	cfg := testPageConfig()
	cfg.Prefix = "/gate"
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	p.Fail(w, httptest.NewRequest(http.MethodGet, "/", nil), misled, "/app", flowclient.Brand{})
	has(t, w.Body.String(), "followed by /gate/callback")
	lacks(t, w.Body.String(), "/.authentik")
}

func TestSignOutScope_OthersAreUnknown(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]SignOutScope{
		"": SignOutUnknown, "all": SignOutEverywhere, "here": SignOutHere,
		"ALL": SignOutUnknown, "all ": SignOutUnknown, "away": SignOutUnknown, "<b>": SignOutUnknown,
	} {
		if got := ParseSignOutScope(said); got != want {
			t.Errorf("ParseSignOutScope(%q): got %q, want %q", said, got, want)
		}
	}
}

func TestPage_FailureWithoutAWayBackLeadsToTheRoot(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	testPages(t).Fail(w, httptest.NewRequest(http.MethodGet, "/", nil), unreachable, "", flowclient.Brand{})
	if !strings.Contains(w.Body.String(), `href="/.authentik/login?to=%2F"`) {
		t.Errorf("got no link to the root in:\n%s", w.Body)
	}
}

// TestTemplate_BrokenOneSendsNoPartialPage breaks one in its middle.
func TestTemplate_BrokenOneSendsNoPartialPage(t *testing.T) {
	t.Parallel()
	p, err := withTemplates(map[string]string{"password.html": `{{define "stage"}}half{{.Stage.Nothing}}{{end}}`})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	err = p.Ask(w, httptest.NewRequest(http.MethodGet, "/", nil), questionOf(decode(t, []byte(`{"component":"ak-stage-password"}`))))
	if err == nil || w.Code != http.StatusInternalServerError {
		t.Errorf("got status %d, error %v", w.Code, err)
	}
	if body := w.Body.String(); strings.Contains(body, "half") || strings.Contains(body, "<html") {
		t.Errorf("got part of a page before the failure:\n%s", body)
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Error("got a failure that may be cached, want no-store")
	}
}

func TestPage_FirstLoadIsSmall(t *testing.T) {
	t.Parallel()
	const budget = 25 << 10
	style := len(gzipped(t, asset(t, "style.css")))
	for _, rec := range recordings(t) {
		page := ask(t, questionOf(rec.challenge), nil).Body.Bytes()
		if weight := style + len(gzipped(t, page)) + len(asset(t, "icon.svg")); weight > budget/2 {
			t.Errorf("%s: got %d bytes with the style, want at most half of %d", rec.name, weight, budget)
		}
	}
}

// asset returns the body of an asset.
func asset(t testing.TB, name string) []byte {
	t.Helper()
	p, w := testPages(t), httptest.NewRecorder()
	p.Assets().ServeHTTP(w, httptest.NewRequest(http.MethodGet, p.Assets().URL(name), nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%s: got status %d", name, w.Code)
	}
	return w.Body.Bytes()
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestHeader_MarksTheSignInPage is for monitors that follow redirects: they see the sign-in page with status 200 also while the
// application is down.
func TestHeader_MarksTheSignInPage(t *testing.T) {
	t.Parallel()
	for name, w := range pagesOfAllKinds(t) {
		want := ""
		if name == "question" {
			want = "sign-in"
		}
		if got := w.Header().Get("X-Authentik-Gate"); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
