package proxy

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/intent"
)

// inFrame is a page load inside a frame, as a browser makes it.
func (s *site) inFrame(t testing.TB, path, dest, from string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": dest, "Sec-Fetch-Site": from,
	} {
		r.Header.Set(name, value)
	}
	return r
}

const (
	opensTheSignIn = `href="/.authentik/login?to=%2F.authentik%2Fframed"`
	opensItself    = `href="/deep/link?x=1&amp;y=%2F" target="_blank" rel="noopener"`
)

func TestFrame_SignInOpensAWindow(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	for _, tt := range []struct{ dest, from, header, value, want string }{
		{"iframe", "same-origin", "", "", "sign-in"},
		{"iframe", "same-site", "", "", "sign-in"},
		{"iframe", "none", "", "", "sign-in"},
		{"iframe", "cross-site", "", "", "own"},
		{"frame", "same-origin", "", "", "sign-in"},
		{"embed", "same-origin", "", "", "sign-in"},
		{"object", "same-site", "", "", "sign-in"},
		{"object", "cross-site", "", "", "own"},
		{"fencedframe", "same-origin", "", "", "sign-in"},
		{"iframe", "same-origin", "Accept", "application/json", "sign-in"}, // a page load gets a page
		{"iframe", "same-origin", "Sec-Purpose", "prefetch", "problem"},
		{"iframe", "same-origin", "Sec-Fetch-Mode", "cors", "problem"},
		{"iframe", "same-origin", "Sec-Fetch-Mode", "websocket", "problem"},
		{"image", "same-origin", "Sec-Fetch-Mode", "no-cors", "problem"},
		{"worker", "same-origin", "Sec-Fetch-Mode", "same-origin", "problem"},
	} {
		r := s.inFrame(t, "/deep/link?x=1&y=%2F", tt.dest, tt.from)
		if tt.header != "" {
			r.Header.Set(tt.header, tt.value)
		}
		got := p.do(r)
		name := strings.Join([]string{tt.dest, tt.from, tt.header, tt.value}, " ")
		if got.status != http.StatusUnauthorized || got.path != "/deep/link?x=1&y=%2F" || got.header.Get("WWW-Authenticate") != `authentik login_url="/.authentik/login"` {
			t.Errorf("%s: got status %d at %s: %v", name, got.status, got.path, got.header)
		}
		page, signs, itself := !strings.Contains(got.body, `"code":"sign-in-required"`), strings.Contains(got.body, opensTheSignIn), strings.Contains(got.body, opensItself)
		if page != (tt.want != "problem") || signs != (tt.want == "sign-in") || itself != page {
			t.Errorf("%s: want %s, got\n%s", name, tt.want, got.body)
		}
	}
	r := s.inFrame(t, "/", "iframe", "same-origin")
	r.Method = http.MethodPost
	p.do(r).says(t, opensTheSignIn)
	if s.reached() != 0 {
		t.Error("got a request at the application before the sign-in, want none")
	}
}

func TestFrame_LinkIsAPathOfThisSite(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	page := s.person(t).do(s.inFrame(t, "//evil.example/x", "iframe", "cross-site"))
	page.says(t, `href="/" target="_blank"`)
	page.lacks(t, "evil")
}

func TestFrame_ContinuesAfterTheWindowHasSignedIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	if page := p.open("/.authentik/framed"); page.path != "/.authentik/login?to=%2F.authentik%2Fframed" {
		t.Fatalf("without a session: got a redirect to %s", page.path)
	}
	program := s.inFrame(t, "/.authentik/framed", "empty", "same-origin")
	program.Header.Set("Sec-Fetch-Mode", "cors")
	program.Header.Set("Accept", "*/*")
	if page := p.do(program); page.path != "/.authentik/framed" || page.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("program: got a redirect to %s: %s", page.path, page.body)
	}
	page := p.signIn("jane", "open sesame", "/.authentik/login?to=%2F.authentik%2Fframed")
	if page.path != "/.authentik/framed" || page.status != http.StatusOK {
		t.Fatalf("got status %d at %s", page.status, page.path)
	}
	page.says(t, "You are signed in as jane.")
	page.says(t, "/assets/arrived.js")
	for _, from := range []string{"same-origin", "same-site"} {
		if page := p.do(s.inFrame(t, "/", "iframe", from)); page.body != "hello jane" {
			t.Errorf("%s: got status %d in the frame:\n%s", from, page.status, page.body)
		}
	}
	if page := p.open("/.authentik/login?to=%2F.authentik%2Fframed"); page.path != "/.authentik/framed" {
		t.Errorf("with a session: got a redirect to %s", page.path)
	}
}

// TestFrame_WindowExplainsARefusal: the frame itself would only ask again.
func TestFrame_WindowExplainsARefusal(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Application = "wiki" })
	p := s.person(t)
	page := p.signIn("joe", "let me in", "/.authentik/login?to=%2F.authentik%2Fframed")
	for range 2 {
		if page.status != http.StatusForbidden {
			t.Fatalf("got status %d at %s", page.status, page.path)
		}
		page.says(t, `name="to" value="/.authentik/framed"`)
		page = p.open("/.authentik/framed")
	}
}

// TestFrame_StepUp, in a window as well: the session is good for everything else.
func TestFrame_StepUp(t *testing.T) {
	t.Parallel()
	s := newOIDCSite(t, func(reg *registration) {
		reg.gate = func(cfg *Config) { cfg.MaxAge, cfg.Recheck = 30*time.Minute, 24*time.Hour }
	})
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	s.aged()
	frame := s.inFrame(t, "/", "iframe", "same-origin")
	p.do(frame).says(t, opensTheSignIn)
	if page := p.signIn("jane", "open sesame", "/.authentik/framed"); page.path != "/.authentik/framed" {
		t.Fatalf("got status %d at %s", page.status, page.path)
	}
	if page := p.do(frame); page.body != "hello jane" {
		t.Errorf("got status %d in the frame:\n%s", page.status, page.body)
	}
}

func TestFrame_CountsAsASignIn(t *testing.T) {
	t.Parallel()
	count := &decisions{}
	s := newSite(t, func(c *Config) { c.Metrics = count })
	if lets(s.gate, s.inFrame(t, "/", "iframe", "cross-site")) {
		t.Error("got the frame admitted, want it refused")
	}
	if len(count.made) != 1 || count.made[0] != "sign-in" {
		t.Errorf("got the decisions %q", count.made)
	}
}

// decisions takes down what was decided.
type decisions struct {
	NopMetrics
	made []string
}

func (d *decisions) Decision(kind string) { d.made = append(d.made, kind) }

// TestFrame_OtherPagesMayNotBeFramed walks through all pages there are. What authentik loads in a frame when a user signs out
// (frontchannel-logout) is no page, and has tests of its own.
func TestFrame_OtherPagesMayNotBeFramed(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Application = "wiki" })
	anonymous, jane, joe := s.person(t), s.person(t), s.person(t)
	jane.signIn("jane", "open sesame", "/")
	all := map[string]screen{
		"identification":     anonymous.open("/"),
		"password":           anonymous.send(anonymous.open("/"), "uid_field", "jane"),
		"wrong password":     anonymous.send(anonymous.send(anonymous.open("/"), "uid_field", "jane"), "password", "wrong"),
		"lost visit":         anonymous.post("/.authentik/login", url.Values{"visit": {"forged"}}),
		"no cookies":         anonymous.open("/.authentik/login?signed-in=1"),
		"signed out":         anonymous.open("/.authentik/logout"),
		"out everywhere":     anonymous.open("/.authentik/logout?ended=all"),
		"no such page":       anonymous.open("/.authentik/nothing"),
		"the prefix":         anonymous.open("/.authentik"),
		"forged link":        anonymous.open("/.authentik/login?link=forged"),
		"not allowed":        joe.signIn("joe", "let me in", "/"),
		"sign out":           jane.open("/.authentik/logout"),
		"arrived":            jane.open("/.authentik/framed"),
		"arrived, anonymous": anonymous.open("/.authentik/framed"),
		"below the page":     jane.open("/.authentik/framed/"),
		"signed in already":  joe.open("/.authentik/login"),
	}
	for name, page := range all {
		if !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: got status %d at %s, want a page", name, page.status, page.path)
		}
		unframed(t, name, page.header)
	}
	// Inside a frame they are what they are elsewhere: no frame makes a page of the sign-in one that may be framed.
	for _, path := range []string{"/.authentik/login", "/.authentik/framed", "/.authentik/logout"} {
		unframed(t, path+" in a frame", jane.do(s.inFrame(t, path, "iframe", "same-origin")).header)
		unframed(t, path+" in a frame", joe.do(s.inFrame(t, path, "iframe", "cross-site")).header)
	}
}

// unframed holds an answer to refuse frames, unless it is the application's or only programs read it.
func unframed(t testing.TB, name string, h http.Header) {
	t.Helper()
	if !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
		return
	}
	if h.Get("X-Frame-Options") != "DENY" || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("%s: got headers that allow framing: %v", name, h)
	}
}

func TestFrame_PageIsNotCached(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, from := range []string{"same-origin", "cross-site"} {
		h := s.person(t).do(s.inFrame(t, "/", "iframe", from)).header
		if h.Get("X-Frame-Options") != "" || !strings.Contains(h.Get("Content-Security-Policy"), "; frame-ancestors *;") {
			t.Errorf("%s: got headers that forbid the frame: %v", from, h)
		}
		if h.Get("Cache-Control") != "no-store" || h.Get("Location") != "" || len(h.Values("Set-Cookie")) > 0 {
			t.Errorf("%s: got %v, want a page that is not stored, without redirect and cookies", from, h)
		}
		for _, name := range []string{"Cookie", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Accept-Language"} {
			if !strings.Contains(h.Get("Vary"), name) {
				t.Errorf("%s: got Vary %q, want %s in it", from, h.Get("Vary"), name)
			}
		}
	}
}

func TestFrame_PageLoadsAreRecognized(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		method, mode, dest string
		want               bool
	}{
		"a frame":              {"GET", "navigate", "iframe", true},
		"asked about":          {"HEAD", "navigate", "iframe", true},
		"a form sent in it":    {"POST", "navigate", "iframe", false},
		"a window":             {"GET", "navigate", "document", false},
		"nothing said of mode": {"GET", "", "iframe", false},
		"nothing said of dest": {"GET", "navigate", "", false},
		"in capitals":          {"GET", "navigate", "IFRAME", false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), row.method, "/", nil)
		r.Header.Set("Sec-Fetch-Mode", row.mode)
		r.Header.Set("Sec-Fetch-Dest", row.dest)
		if intent.Framed(r) != row.want || intent.Framed(r) && intent.Navigates(r) {
			t.Errorf("%s: got framed %v, navigation %v", name, intent.Framed(r), intent.Navigates(r))
		}
	}
}
