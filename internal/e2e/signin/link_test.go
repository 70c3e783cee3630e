package signin

import (
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// webmail shows a mail on a separate site.
func webmail(t testing.TB, link string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><title>Mail</title><link rel="icon" href="data:,"><a href="` + html.EscapeString(link) + `">Open</a>`))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestMailedLink_LeavesNoTokenBehind(t *testing.T) {
	t.Parallel()
	chromium.Find(t)
	s := testsite.Setup{Scheme: "https", Gate: []string{"host page"}, Authentik: testsite.Flow(
		&authentiktest.IdentificationStage{UserFields: []string{"username"}}, &authentiktest.PasswordStage{},
		&authentiktest.EmailStage{}, &authentiktest.UserLoginStage{},
	)}.Start(t)
	waits := chromium.Open(t, s.Address)
	waits.Open("/deep")
	waits.Enter("#uid", testsite.Jane)
	waits.Enter("#password", testsite.Password)
	waits.Await("form button.quiet")
	link := s.StandIn.Mail()[0].Link
	if want := s.Address + "/if/flow/"; !strings.HasPrefix(link, want) {
		t.Fatalf("got a link to %s, want one to %s…", link, want)
	}

	w := chromium.Open(t, s.Address) // another browser
	mails := webmail(t, link)
	w.Do(chromedp.Navigate(mails))
	w.Click("a")
	for range 2 {
		w.Await("form button[name=again]")
		if at := w.URL(); !strings.HasPrefix(at, s.Address+"/.authentik/login?visit=") || strings.Contains(at, "flow_token") {
			t.Errorf("got the link's page at %s, want an address without the token", at)
		}
		w.Reload()
	}
	w.Await("form button[name=again]")
	w.Click("form button:not([name])")
	w.Landed("/")
	w.CheckQuiet(mails)
	for _, r := range s.App.Requests() {
		if strings.Contains(r.Header.Get("Referer"), "flow_token") {
			t.Errorf("got the token at the application: %s", r.Header.Get("Referer"))
		}
	}
}
