package browser_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowsidecar/caddy-authentik/internal/browser"
)

// A transport passes requests to a handler, whatever their host: so a test can
// have any number of sites, over HTTPS and HTTP.
type transport struct{ handler http.Handler }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	in := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), r.Body)
	in.Header = r.Header.Clone()
	rec := httptest.NewRecorder()
	t.handler.ServeHTTP(rec, in)
	return rec.Result(), nil
}

// open loads an address from a site.
func open(t testing.TB, b *browser.Browser, address string) *browser.Page {
	t.Helper()
	p, err := b.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func submit(t testing.TB, p *browser.Page, fields browser.Fields, button string) *browser.Page {
	t.Helper()
	next, err := p.Submit(t.Context(), fields, button)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// A site answers by host and path, and records requests.
type site struct {
	*http.ServeMux
	asked []*http.Request
	forms []string
}

func newSite() *site { return &site{ServeMux: http.NewServeMux()} }

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.asked, s.forms = append(s.asked, r), append(s.forms, string(body))
	s.ServeMux.ServeHTTP(w, r)
}

func (s *site) page(pattern, html string, header ...string) {
	s.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Add(header[i], header[i+1])
		}
		_, _ = io.WriteString(w, html)
	})
}

func (s *site) redirect(pattern string, status int, to string) {
	s.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(status)
	})
}

// said are the headers of the last request that say where it comes from.
func (s *site) said() map[string]string {
	said := map[string]string{}
	for _, name := range []string{"Origin", "Referer", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Cookie"} {
		if v := s.asked[len(s.asked)-1].Header.Get(name); v != "" {
			said[name] = v
		}
	}
	return said
}

const form = `<!doctype html><title>A form</title><form method=post action="%s"><button>Go</button></form>`

func TestOpen_SendsNoReferrer(t *testing.T) {
	t.Parallel()
	s := newSite()
	s.page("/", "hello")
	open(t, browser.New(transport{s}), "https://app.example.com#part")
	want := map[string]string{"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
	if diff := cmp.Diff(want, s.said()); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

func TestForm_SendsWhereItComesFrom(t *testing.T) {
	t.Parallel()
	fetch := func(site string, more ...string) map[string]string {
		said := map[string]string{"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
		for i := 0; i+1 < len(more); i += 2 {
			said[more[i]] = more[i+1]
		}
		return said
	}
	for name, c := range map[string]struct {
		policy, from, to string
		want             map[string]string
	}{
		"same origin": {"", "https://a.example.com/f", "/t", fetch("same-origin", "Origin", "https://a.example.com", "Referer", "https://a.example.com/f")},
		"same site":   {"", "https://a.example.com/f", "https://b.example.com/t", fetch("same-site", "Origin", "https://a.example.com", "Referer", "https://a.example.com/")},
		"cross site":  {"", "https://a.example.com/f", "https://a.example.org/t", fetch("cross-site", "Origin", "https://a.example.com", "Referer", "https://a.example.com/")},
		"a page that hides its address hides its origin": {"no-referrer", "https://a.example.com/f", "/t", fetch("same-origin", "Origin", "null")},
		"a page that hides it from others, asked itself": {"same-origin", "https://a.example.com/f", "/t", fetch("same-origin", "Origin", "https://a.example.com", "Referer", "https://a.example.com/f")},
		"a page that hides it from others":               {"same-origin", "https://a.example.com/f", "https://a.example.org/t", fetch("cross-site", "Origin", "null")},
		"an unknown policy counts for nothing":           {"same-origin, made-up", "https://a.example.com/f", "https://a.example.org/t", fetch("cross-site", "Origin", "null")},
		"from HTTPS to HTTP":                             {"", "https://a.example.com/f", "http://a.example.com/t", map[string]string{"Origin": "null"}},
		"plain HTTP says no Sec-Fetch":                   {"", "http://a.example.com/f", "/t", map[string]string{"Origin": "http://a.example.com", "Referer": "http://a.example.com/f"}},
		"plain HTTP to this machine does":                {"", "http://127.0.0.1:99/f", "/t", fetch("same-origin", "Origin", "http://127.0.0.1:99", "Referer", "http://127.0.0.1:99/f")},
		"another port is another origin":                 {"", "http://127.0.0.1:99/f", "http://127.0.0.1:98/t", fetch("same-site", "Origin", "http://127.0.0.1:99", "Referer", "http://127.0.0.1:99/")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite()
			s.page("/f", fmt.Sprintf(form, c.to), "Referrer-Policy", c.policy)
			s.page("POST /t", "done")
			submit(t, open(t, browser.New(transport{s}), c.from), nil, "Go")
			if diff := cmp.Diff(c.want, s.said()); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRedirect_KeepsOrLosesTheForm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status         int
		method, origin string
	}{
		"303 loses the form": {http.StatusSeeOther, http.MethodGet, ""},
		"302 loses the form": {http.StatusFound, http.MethodGet, ""},
		"307 keeps the form": {http.StatusTemporaryRedirect, http.MethodPost, "https://a.example.com"},
		"308 keeps the form": {http.StatusPermanentRedirect, http.MethodPost, "https://a.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite()
			s.page("/f", fmt.Sprintf(form, "/t"))
			s.redirect("/t", c.status, "there?x=1")
			s.page("/there", "done")
			p := submit(t, open(t, browser.New(transport{s}), "https://a.example.com/f"), nil, "")
			last := s.asked[len(s.asked)-1]
			if last.Method != c.method || last.Header.Get("Origin") != c.origin || p.URL.String() != "https://a.example.com/there?x=1" {
				t.Errorf("got %s %s with Origin %q, want %s, %q", last.Method, p.URL, last.Header.Get("Origin"), c.method, c.origin)
			}
		})
	}
}

func TestRedirect_ByAnotherSiteIsCrossSite(t *testing.T) {
	t.Parallel()
	s := newSite()
	s.page("/f", fmt.Sprintf(form, "https://evil.example.net/t"))
	s.redirect("evil.example.net/t", http.StatusTemporaryRedirect, "https://a.example.com/t")
	s.page("/t", "done", "Set-Cookie", "unused=1")
	b := browser.New(transport{s})
	s.page("/set", "", "Set-Cookie", "lax=1; Path=/; SameSite=Lax", "Set-Cookie", "none=1; Path=/; SameSite=None; Secure")
	open(t, b, "https://a.example.com/set")
	submit(t, open(t, b, "https://a.example.com/f"), nil, "")
	want := map[string]string{
		"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document",
		"Origin": "null", "Referer": "https://a.example.com/f", "Cookie": "none=1",
	}
	if diff := cmp.Diff(want, s.said()); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

func TestRedirect_LoopEnds(t *testing.T) {
	t.Parallel()
	s := newSite()
	s.redirect("/", http.StatusFound, "/")
	if p, err := browser.New(transport{s}).Open(t.Context(), "https://a.example.com/"); err == nil {
		t.Errorf("got a page at %v, want an error", p.URL)
	}
	if len(s.asked) != 20 {
		t.Errorf("got %d requests, want 20", len(s.asked))
	}
}

func TestOpen_RefusesOtherSchemes(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "//nowhere", "%"} {
		if p, err := browser.New(transport{newSite()}).Open(t.Context(), address); err == nil {
			t.Errorf("%s: got status %d, want an error", address, p.Status)
		}
	}
}

func TestPage_HasItsTexts(t *testing.T) {
	t.Parallel()
	s := newSite()
	s.page("/", `<!doctype html><title> Sign in
		— here</title><style>b{}</style><h1>Sign <b>in</b></h1><div role=alert><p>Wrong.</p><p>Try again.</p></div>
		<p role=status>Welcome</p><ul><li class="a code">one</li><li class=code>two</li></ul><script>x</script><p>the   end`)
	p := open(t, browser.New(transport{s}), "https://a.example.com/")
	got := []any{p.Status, p.Title(), p.Heading(), p.Errors(), p.Notices(), p.Texts("code"), p.Text()}
	want := []any{
		200, "Sign in — here", "Sign in",
		[]string{"Wrong.\nTry again."},
		[]string{"Welcome"},
		[]string{"one", "two"},
		"Sign in\nWrong.\nTry again.\nWelcome\none\ntwo\nthe end",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

func TestFollow_LoadsTheLink(t *testing.T) {
	t.Parallel()
	s := newSite()
	s.page("/a/b", `<a name=x>Not me</a><a href="c?d=1">Go <b>there</b></a>`)
	s.page("/a/c", "there")
	p := open(t, browser.New(transport{s}), "https://a.example.com/a/b")
	there, err := p.Follow(t.Context(), "Go there")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.said()["Sec-Fetch-Site"]; there.URL.RequestURI() != "/a/c?d=1" || got != "same-origin" {
		t.Errorf("got %s, %s, want /a/c?d=1, same-origin", there.URL, got)
	}
	if _, err := p.Follow(t.Context(), "Not me"); err == nil || !strings.Contains(err.Error(), "Go there") {
		t.Errorf("got error %v for an invalid link", err)
	}
}

func query(t testing.TB, s *site) url.Values {
	t.Helper()
	v, err := url.ParseQuery(s.forms[len(s.forms)-1])
	if err != nil {
		t.Fatal(err)
	}
	return v
}
