package proxy

import (
	"bytes"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/intake"
)

// A posting application keeps the forms that it gets.
type posting struct {
	*site
	forms []string // path, type and body
}

func newPosting(t testing.TB, change func(*Config)) *posting {
	t.Helper()
	p := &posting{site: newSite(t, change)}
	gate := p.gate
	p.Config.Handler = gate.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body)
			p.mu.Lock()
			p.forms = append(p.forms, r.Header.Get("Remote-User")+" "+r.RequestURI+" "+string(body))
			p.mu.Unlock()
		}
		p.application(w, r)
	}))
	return p
}

var (
	anyForm   = regexp.MustCompile(`(?s)<form method="post" action="([^"]*)"([^>]*)>(.*?)</form>`)
	anyHidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	newTab    = regexp.MustCompile(`href="([^"]*)" target="_blank" rel="noopener"`)
)

// formOf returns the form on a screen: where it goes, and its body in its order.
func (s screen) formOf(t testing.TB) (action, body string) {
	t.Helper()
	m := anyForm.FindStringSubmatch(s.body)
	if m == nil {
		t.Fatalf("got no form at status %d:\n%s", s.status, s.body)
	}
	var pairs []string
	for _, f := range anyHidden.FindAllStringSubmatch(m[3], -1) {
		pairs = append(pairs, url.QueryEscape(html.UnescapeString(f[1]))+"="+url.QueryEscape(html.UnescapeString(f[2])))
	}
	return html.UnescapeString(m[1]), strings.Join(pairs, "&")
}

// submits sends a form as a browser does, from a page of a site.
func (p *person) submits(path, kind, body, from string) screen {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.site.URL+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for name, value := range map[string]string{"Content-Type": kind, "Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": from} {
		r.Header.Set(name, value)
	}
	r.Header.Set("Origin", p.site.URL)
	if from != "same-origin" {
		r.Header.Set("Origin", "https://other.example.com")
	}
	return p.do(r)
}

const urlencoded = "application/x-www-form-urlencoded"

// lateBody has what pages get wrong easily, in an order that is not the alphabet's.
const lateBody = "title=A+%22b%22+%3Cc%3E&body=one%0D%0Atwo&tag=z&tag=a&empty=&late=mine&f.x=%26amp%3B&%C3%BC=%C3%9F"

// goesOn signs in by the link of the page with a form, and presses its buttons.
func (p *person) goesOn(late screen, name, password string) screen {
	p.t.Helper()
	m := newTab.FindStringSubmatch(late.body)
	if m == nil {
		p.t.Fatalf("got no link that opens a tab:\n%s", late.body)
	}
	end := p.signIn(name, password, html.UnescapeString(m[1]))
	end.says(p.t, "go back to the one with your form")
	action, body := late.formOf(p.t)
	return p.submits(action, urlencoded, body, "same-origin")
}

func TestLateForm_IsSentOnceAfterTheSignIn(t *testing.T) {
	t.Parallel()
	s := newPosting(t, nil)
	p := s.person(t)
	late := p.submits("/page?id=1&x=%2F", urlencoded, lateBody, "same-origin")
	if late.status != http.StatusUnauthorized || late.header.Get("WWW-Authenticate") == "" {
		t.Errorf("got status %d, want 401 with WWW-Authenticate", late.status)
	}
	late.says(t, "it has not been sent on")
	before, beforeBody := late.formOf(t)
	if again := p.submits(before, urlencoded, beforeBody, "same-origin"); again.status != http.StatusUnauthorized {
		t.Errorf("before the sign-in: got status %d, want the page again", again.status)
	}
	ask := p.goesOn(late, "jane", "open sesame")
	ask.says(t, "You are signed in as jane.")
	if len(s.forms) > 0 {
		t.Fatalf("got %q at the application before the visitor has said yes", s.forms)
	}
	action, body := ask.formOf(t)
	if action != "/page?id=1&x=%2F" || body != lateBody {
		t.Errorf("got %s %s, want what was sent", action, body)
	}
	p.submits(action, urlencoded, body, "same-origin")
	if want := "jane /page?id=1&x=%2F " + lateBody; len(s.forms) != 1 || s.forms[0] != want {
		t.Errorf("got %q, want %q", s.forms, want)
	}
}

// TestLateForm_IsKeptUpToItsBoundsAllTheWay: the page's own form, with longer names
// and what is sealed, must not be too large for the gate.
func TestLateForm_IsKeptUpToItsBoundsAllTheWay(t *testing.T) {
	t.Parallel()
	s := newPosting(t, nil)
	for name, body := range map[string]string{
		"256 KiB":     "a=" + strings.Repeat("x", 256<<10-1),
		"1000 fields": strings.TrimSuffix(strings.Repeat("a=1&", 1000), "&"),
	} {
		p := s.person(t)
		late := p.submits("/page", urlencoded, body, "same-origin")
		if _, got := p.goesOn(late, "jane", "open sesame").formOf(t); got != body {
			t.Errorf("%s: got %d bytes kept, want %d", name, len(got), len(body))
		}
		if over := s.person(t).submits("/page", urlencoded, body+"&b=", "same-origin"); strings.Contains(over.body, "<form") {
			t.Errorf("%s and a little more: got the form kept", name)
		}
	}
}

// What another site has sent is kept only where the operator says so.
func TestLateForm_OfAnotherSiteIsNotKept(t *testing.T) {
	t.Parallel()
	s := newPosting(t, func(c *Config) { c.LateForms = []string{"/saml/acs"} })
	for _, from := range []string{"cross-site", "same-site", "none", "x"} {
		late := s.person(t).submits("/transfer", urlencoded, "secret=1", from)
		late.says(t, "Another site has sent this form")
		if strings.Contains(late.body, "<form") || strings.Contains(late.body, "secret") {
			t.Errorf("%s: got the form kept:\n%s", from, late.body)
		}
		kept := s.person(t).submits("/saml/acs", urlencoded, "SAMLResponse=x", from)
		if action, body := kept.formOf(t); action != "/.authentik/late" || !strings.HasSuffix(body, "&f.SAMLResponse=x") {
			t.Errorf("%s: got %s %s, want the form kept", from, action, body)
		}
	}
	for name, header := range map[string]map[string]string{
		"another origin":              {"Origin": "https://other.example.com", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"},
		"no origin in an old browser": {"Accept": "text/html"},
		"null in an old browser":      {"Accept": "text/html", "Origin": "null"},
	} {
		r := httptest.NewRequest(http.MethodPost, s.URL+"/transfer", strings.NewReader("secret=1"))
		r.Header.Set("Content-Type", urlencoded)
		for key, value := range header {
			r.Header.Set(key, value)
		}
		w := httptest.NewRecorder()
		s.Config.Handler.ServeHTTP(w, r)
		if !strings.Contains(w.Body.String(), "Another site") {
			t.Errorf("%s: got status %d, %s", name, w.Code, w.Body)
		}
	}
}

// The page says nothing of where the form goes that could be changed, and no other
// page can make the button send something.
func TestLateForm_GoesNowhereElse(t *testing.T) {
	t.Parallel()
	s := newPosting(t, nil)
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	for name, tt := range map[string]struct{ body, from string }{
		"forged":       {"late=x&f.a=1", "same-origin"},
		"missing":      {"f.a=1", "same-origin"},
		"another site": {"late=x", "cross-site"},
	} {
		if got := p.submits("/.authentik/late", urlencoded, tt.body, tt.from); got.status < 400 || strings.Contains(got.body, "<form") {
			t.Errorf("%s: got status %d:\n%s", name, got.status, got.body)
		}
	}
	anyone := s.person(t)
	for _, path := range []string{"//evil.example/x", "///evil.example"} {
		r := httptest.NewRequest(http.MethodPost, s.URL+"/", strings.NewReader("a=1"))
		r.URL.Path, r.URL.RawPath, r.RequestURI = path, "", path
		for key, value := range map[string]string{"Content-Type": urlencoded, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin", "Origin": s.URL} {
			r.Header.Set(key, value)
		}
		w := httptest.NewRecorder()
		s.Config.Handler.ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "cannot keep it") {
			t.Errorf("%s: got status %d:\n%s", path, w.Code, w.Body)
		}
	}
	late := anyone.submits("/page", urlencoded, "a=1", "same-origin")
	s.clock.move(25 * 3600e9)
	action, body := late.formOf(t)
	if got := anyone.submits(action, urlencoded, body, "same-origin"); got.status != http.StatusBadRequest {
		t.Errorf("a day later: got status %d, want 400", got.status)
	}
}

// If it is known who has sent the form, no other user sends it.
func TestLateForm_IsNotSentByAnotherUser(t *testing.T) {
	t.Parallel()
	s := newPosting(t, func(c *Config) { c.AppCookies = []AppCookie{{Name: "sid"}} })
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	s.clock.move(25 * 3600e9)
	late := p.submits("/page", urlencoded, "a=1", "same-origin")
	got := p.goesOn(late, "joe", "let me in")
	got.says(t, "another account")
	if action, _ := got.formOf(t); got.status != http.StatusForbidden || action != "/.authentik/late" {
		t.Errorf("got status %d, a form to %s:\n%s", got.status, action, got.body)
	}
	if len(s.forms) > 0 {
		t.Errorf("got %q sent", s.forms)
	}
}

func multi(t testing.TB, fields, files map[string]string) (kind, body string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, value := range fields {
		_ = w.WriteField(name, value)
	}
	for name, value := range files {
		part, _ := w.CreateFormFile("file", name)
		_, _ = io.WriteString(part, value)
	}
	_ = w.Close()
	return w.FormDataContentType(), b.String()
}

func TestLateForm_FilesAreNamedAsLost(t *testing.T) {
	t.Parallel()
	s := newPosting(t, nil)
	p := s.person(t)
	kind, body := multi(t, map[string]string{"title": "one"}, map[string]string{"report.pdf": strings.Repeat("a", 1<<20), "<b>.txt": "b"})
	late := p.submits("/upload", kind, body, "same-origin")
	late.says(t, "report.pdf")
	late.says(t, "&lt;b&gt;.txt")
	ask := p.goesOn(late, "jane", "open sesame")
	ask.says(t, `action="/upload" enctype="multipart/form-data"`)
	if _, body := ask.formOf(t); body != "title=one" {
		t.Errorf("got %q kept, want only the text", body)
	}
}

func TestLateForm_WhatNoPageCanHoldIsLost(t *testing.T) {
	t.Parallel()
	s := newPosting(t, nil)
	bigKind, big := multi(t, map[string]string{"a": strings.Repeat("x", 300<<10)}, nil)
	hugeKind, huge := multi(t, nil, map[string]string{"f": strings.Repeat("x", 9<<20)})
	for name, tt := range map[string]struct{ kind, body string }{
		"text/plain":       {"text/plain", "a=1"},
		"no type":          {"", "a=1"},
		"JSON":             {"application/json", `{"a":1}`},
		"too large":        {urlencoded, "a=" + strings.Repeat("x", 300<<10)},
		"many fields":      {urlencoded, strings.Repeat("a=1&", 2000)},
		"NUL":              {urlencoded, "a=%00"},
		"not UTF-8":        {urlencoded, "a=%FF"},
		"broken escape":    {urlencoded, "a=%z"},
		"large, multipart": {bigKind, big},
		"huge file":        {hugeKind, huge},
		"cut off":          {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx"},
	} {
		r := httptest.NewRequest(http.MethodPost, s.URL+"/page", strings.NewReader(tt.body))
		for key, value := range map[string]string{"Content-Type": tt.kind, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin", "Origin": s.URL} {
			r.Header.Set(key, value)
		}
		w := httptest.NewRecorder()
		s.Config.Handler.ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "<form") || !strings.Contains(w.Body.String(), "cannot keep it") {
			t.Errorf("%s: got status %d, %.300s", name, w.Code, w.Body)
		}
	}
	if taken, _ := (&s.gate.cfg.Family.room).State(); taken != 0 {
		t.Errorf("got %d bytes held, want none", taken)
	}
}

// Forms without a session are read within the bounds of all bodies.
func TestLateForm_LittleIsRead(t *testing.T) {
	t.Parallel()
	s := newPosting(t, nil)
	for _, tt := range []struct {
		kind, from string
		most       int64
	}{
		{urlencoded, "cross-site", 0},
		{"text/plain", "same-origin", 0},
		{urlencoded, "same-origin", 3*(256<<10) + 2*intake.Small},
	} {
		body := large("a=")
		r := httptest.NewRequest(http.MethodPost, s.URL+"/page", body)
		r.ContentLength, r.ProtoMajor = -1, 2 // with HTTP/1 the rest is read, and not kept, after the response
		for key, value := range map[string]string{"Content-Type": tt.kind, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": tt.from, "Origin": s.URL} {
			r.Header.Set(key, value)
		}
		s.Config.Handler.ServeHTTP(httptest.NewRecorder(), r)
		if read := body.read.Load(); read > tt.most {
			t.Errorf("%s, %s: got %d bytes read, want at most %d", tt.kind, tt.from, read, tt.most)
		}
	}
}

// Programs get a problem document, and frames a page that keeps nothing.
func TestLateForm_IsOnlyForWindows(t *testing.T) {
	t.Parallel()
	s := newPosting(t, nil)
	for name, header := range map[string]map[string]string{
		"fetch":          {"Sec-Fetch-Mode": "cors", "Accept": "text/html"},
		"program":        {"Accept": "*/*"},
		"JSON":           {"Accept": "application/json"},
		"htmx":           {"Accept": "text/html", "HX-Request": "true"},
		"XMLHttpRequest": {"Accept": "text/html", "X-Requested-With": "XMLHttpRequest"},
		"frame":          {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe", "Accept": "text/html"},
		"htmx in frame":  {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe", "Accept": "text/html", "HX-Request": "true"},
	} {
		r := httptest.NewRequest(http.MethodPost, s.URL+"/page", strings.NewReader("a=1"))
		r.Header.Set("Content-Type", urlencoded)
		for key, value := range header {
			r.Header.Set(key, value)
		}
		w := httptest.NewRecorder()
		s.Config.Handler.ServeHTTP(w, r)
		want := "application/problem+json"
		if name == "frame" {
			want = "text/html; charset=utf-8"
		}
		if got := w.Header().Get("Content-Type"); w.Code != http.StatusUnauthorized || got != want || strings.Contains(w.Body.String(), `name="late"`) {
			t.Errorf("%s: got status %d, %s:\n%s\nwant 401, %s, and no kept form", name, w.Code, got, w.Body, want)
		}
	}
}

// However the login is shown, the page keeps the form and leads to the sign-in.
func TestLateForm_IsKeptHoweverTheLoginIsShown(t *testing.T) {
	t.Parallel()
	for _, login := range []Login{LoginRelay, LoginRedirect} {
		s := newOIDCSite(t, func(reg *registration) { reg.gate = func(c *Config) { c.Login = login } })
		p := s.person(t)
		late := p.submits("/page", urlencoded, "a=1", "same-origin")
		if _, body := late.formOf(t); !strings.HasSuffix(body, "&f.a=1") {
			t.Errorf("%s: got %q kept", login, body)
		}
		if m := newTab.FindStringSubmatch(late.body); m == nil || html.UnescapeString(m[1]) != "/.authentik/login?to=%2F.authentik%2Flate" {
			t.Errorf("%s: got link %q", login, m)
		}
	}
}
