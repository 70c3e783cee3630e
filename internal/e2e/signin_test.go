package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// budget is what the first load may weigh over the wire, headers included and
// pictures left aside.
const budget = 25_000

func TestAPersonSignsInAndOutInChromium(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		setup   setup
		scripts bool
	}{
		"over HTTPS":                    {setup{scheme: "https"}, true},
		"over HTTPS without scripts":    {setup{scheme: "https"}, false},
		"over HTTP":                     {setup{scheme: "http"}, true},
		"by OpenID Connect":             {connected(setup{scheme: "https"}), true},
		"by OpenID Connect, no scripts": {connected(setup{scheme: "https"}), false},
		"by OpenID Connect over HTTP":   {connected(setup{scheme: "http"}), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chromium(t)
			s := c.setup.site(t)
			w := newWindow(t, s.address)
			if !c.scripts {
				w.withoutScripts()
			}
			signInAndOut(t, s, w)
			w.quiet()
		})
	}
}

func signInAndOut(t *testing.T, s *site, w *window) {
	t.Helper()
	w.do(chromedp.Navigate(s.address+"/deep/link?x=1"), chromedp.WaitVisible(chromedp.CSS("#uid")))
	if !strings.HasPrefix(w.at(), s.address+"/.authentik/login?") {
		t.Fatalf("led to %s", w.at())
	}
	if bytes, requests := w.weight(); bytes == 0 || bytes > budget {
		t.Errorf("the first load weighs %.0f bytes in %d requests", bytes, requests)
	} else {
		t.Logf("the first load weighs %.0f bytes in %d requests", bytes, requests)
	}
	if len(s.app.requests()) > 0 {
		t.Fatal("the application was reached before anybody had signed in")
	}

	w.do(chromedp.SendKeys(chromedp.CSS("#uid"), jane+kb.Enter), chromedp.WaitVisible(chromedp.CSS("#password")))
	w.do(chromedp.SendKeys(chromedp.CSS("#password"), "wrong"+kb.Enter), chromedp.WaitVisible(chromedp.CSS("[role=alert]")))
	w.do(chromedp.SendKeys(chromedp.CSS("#password"), password+kb.Enter), chromedp.WaitVisible(chromedp.CSS("#headers")))
	if got := w.text("h1"); got != "Hello "+janeName {
		t.Errorf("the application greets with %q", got)
	}
	for _, want := range []string{"Remote-User: jane", "Remote-Name: Jane Doe", "Remote-Email: jane@example.com", "Remote-Groups: staff"} {
		if got := w.text("#headers"); !strings.Contains(got, want) {
			t.Errorf("the application was not told %q but\n%s", want, got)
		}
	}
	if w.at() != s.address+"/deep/link?x=1" || w.text("#address") != "/deep/link?x=1" {
		t.Errorf("landed at %s, which the application calls %s", w.at(), w.text("#address"))
	}
	signOut(t, s, w)
}

func signOut(t *testing.T, s *site, w *window) {
	t.Helper()
	reached := len(s.app.requests())
	w.do(chromedp.Navigate(s.address+"/.authentik/logout"), chromedp.WaitVisible(chromedp.CSS("form button")))
	if _, err := chromedp.RunResponse(w.ctx, chromedp.Click(chromedp.CSS("form button"))); err != nil {
		t.Fatal(err)
	}
	if got := w.text("main"); strings.Contains(got, jane) || !strings.Contains(got, "Your session has ended here, at authentik,") {
		t.Errorf("after signing out the page says\n%s", got)
	}
	w.do(chromedp.Navigate(s.address+"/again"), chromedp.WaitVisible(chromedp.CSS("#uid")))
	if len(s.app.requests()) != reached {
		t.Error("the application was reached after signing out")
	}
}

// What the windows of these tests would not notice, the tests would not either.
func TestAWindowNoticesWhatIsWrong(t *testing.T) {
	t.Parallel()
	chromium(t)
	stranger := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(stranger.Close)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		switch r.URL.Path {
		case "/csp":
			w.Header().Set("Content-Security-Policy", "default-src 'none'")
			_, _ = io.WriteString(w, `<link rel=icon href="data:,"><p style="color:red">x</p>`)
		case "/console":
			_, _ = io.WriteString(w, `<link rel=icon href="data:,"><script>console.log("x")</script>`)
		case "/exception":
			_, _ = io.WriteString(w, `<link rel=icon href="data:,"><script>throw new Error("x")</script>`)
		case "/missing":
			_, _ = io.WriteString(w, `<link rel=icon href="data:,"><img src="/nothing">`)
		case "/stranger":
			_, _ = io.WriteString(w, `<link rel=icon href="data:,"><img src="`+stranger.URL+`/x.png">`)
		case "/heavy":
			_, _ = io.WriteString(w, `<link rel=icon href="data:,">`+strings.Repeat("x", budget))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	for _, path := range []string{"/csp", "/console", "/exception", "/missing"} {
		w := newWindow(t, server.URL)
		w.do(chromedp.Navigate(server.URL + path))
		if len(w.complaints()) == 0 {
			t.Errorf("%s is not noticed", path)
		}
	}
	w := newWindow(t, server.URL)
	w.do(chromedp.Navigate(server.URL + "/stranger"))
	if len(w.strangers()) != 1 {
		t.Errorf("strangers: %q", w.strangers())
	}
	w = newWindow(t, server.URL)
	w.do(chromedp.Navigate(server.URL + "/heavy"))
	if bytes, requests := w.weight(); bytes <= budget || requests != 1 {
		t.Errorf("%.0f bytes in %d requests", bytes, requests)
	}
}
