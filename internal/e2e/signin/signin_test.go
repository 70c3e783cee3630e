package signin

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// deep is an address of the application that sign-ins lead back to.
const deep = "/deep?x=1"

// budget is how many bytes the first load may have over the network, headers
// included and pictures left aside.
const budget = 25_000

func TestSignIn_LeadsToTheApplicationUntilSignOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		setup   testsite.Setup
		scripts bool
	}{
		"over HTTPS":                    {testsite.Setup{Scheme: "https"}, true},
		"over HTTPS without scripts":    {testsite.Setup{Scheme: "https"}, false},
		"over HTTP":                     {testsite.Setup{Scheme: "http"}, true},
		"by OpenID Connect":             {testsite.Setup{Scheme: "https"}.OIDC(), true},
		"by OpenID Connect, no scripts": {testsite.Setup{Scheme: "https"}.OIDC(), false},
		"by OpenID Connect over HTTP":   {testsite.Setup{Scheme: "http"}.OIDC(), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chromium.Find(t)
			s := c.setup.Start(t)
			w := chromium.Open(t, s.Address)
			if !c.scripts {
				w.DisableScripts()
			}
			signIn(t, s, w)
			signOut(t, s, w)
			w.CheckQuiet()
		})
	}
}

func signIn(t *testing.T, s *testsite.Site, w *chromium.Window) {
	t.Helper()
	w.Open("/deep/link?x=1")
	w.Await("#uid")
	if got, want := w.URL(), s.Address+"/.authentik/login?"; !strings.HasPrefix(got, want) {
		t.Fatalf("got the browser at %s, want it at %s…", got, want)
	}
	if bytes, requests := w.Weight(); bytes == 0 || bytes > budget {
		t.Errorf("got %.0f bytes in %d requests for the first load, want at most %d", bytes, requests, budget)
	} else {
		t.Logf("the first load has %.0f bytes in %d requests", bytes, requests)
	}
	if len(s.App.Requests()) > 0 {
		t.Fatal("got a request at the application before the sign-in")
	}

	w.Enter("#uid", testsite.Jane)
	w.Enter("#password", "wrong")
	w.Await("[role=alert]")
	w.Enter("#password", testsite.Password)
	w.Landed("/deep/link?x=1")
	if got, want := w.Text("h1"), "Hello "+testsite.JaneName; got != want {
		t.Errorf("got the heading %q, want %q", got, want)
	}
	headers := w.Text("#headers")
	for _, want := range []string{"Remote-User: jane", "Remote-Name: Jane Doe", "Remote-Email: jane@example.com", "Remote-Groups: staff"} {
		if !strings.Contains(headers, want) {
			t.Errorf("got headers without %q at the application:\n%s", want, headers)
		}
	}
	if got, want := w.Text("#address"), "/deep/link?x=1"; got != want {
		t.Errorf("got a request for %s at the application, want %s", got, want)
	}
}

func signOut(t *testing.T, s *testsite.Site, w *chromium.Window) {
	t.Helper()
	reached := len(s.App.Requests())
	w.SignOut()
	if got := w.Text("main"); strings.Contains(got, testsite.Jane) || !strings.Contains(got, "You are signed out of this site, of authentik,") {
		t.Errorf("got a page that does not say that the session has ended:\n%s", got)
	}
	w.Open("/again")
	w.Await("#uid")
	if len(s.App.Requests()) != reached {
		t.Error("got a request at the application after the sign-out")
	}
}

// TestWindow_ReportsErrorsOfThePage: tests rely on a window to notice it.
func TestWindow_ReportsErrorsOfThePage(t *testing.T) {
	t.Parallel()
	chromium.Find(t)
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	const icon = `<link rel=icon href="data:,">`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		switch r.URL.Path {
		case "/csp":
			w.Header().Set("Content-Security-Policy", "default-src 'none'")
			_, _ = io.WriteString(w, icon+`<p style="color:red">x</p>`)
		case "/console":
			_, _ = io.WriteString(w, icon+`<script>console.log("x")</script>`)
		case "/exception":
			_, _ = io.WriteString(w, icon+`<script>throw new Error("x")</script>`)
		case "/missing":
			_, _ = io.WriteString(w, icon+`<img src="/nothing">`)
		case "/third-party":
			_, _ = io.WriteString(w, icon+`<img src="`+other.URL+`/x.png">`)
		case "/heavy":
			_, _ = io.WriteString(w, icon+strings.Repeat("x", budget))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	for _, path := range []string{"/csp", "/console", "/exception", "/missing"} {
		w := chromium.Open(t, server.URL)
		w.Open(path)
		testsite.Eventually(t, "a complaint about "+path, func() bool { return len(w.Complaints()) > 0 })
	}
	w := chromium.Open(t, server.URL)
	w.Open("/third-party")
	if got := w.ThirdParties(); len(got) != 1 {
		t.Errorf("got third parties %q, want one", got)
	}
	w = chromium.Open(t, server.URL)
	w.Open("/heavy")
	if bytes, requests := w.Weight(); bytes <= budget || requests != 1 {
		t.Errorf("got %.0f bytes in %d requests, want more than %d in one", bytes, requests, budget)
	}
}
