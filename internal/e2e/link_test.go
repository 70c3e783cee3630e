package e2e

import (
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// webmail shows a mail on a site of its own.
func webmail(t testing.TB, link string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><title>Mail</title><link rel="icon" href="data:,"><a href="` + html.EscapeString(link) + `">Open</a>`))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestAMailedLinkLeavesNoTokenBehindInChromium(t *testing.T) {
	t.Parallel()
	chromium(t)
	s := setup{scheme: "https", gate: []string{"host page"}, authentik: authentiktest.Config{Flows: []authentiktest.Flow{{
		Slug: loginFlow, Title: "Welcome", Bindings: []authentiktest.Binding{
			{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username"}}},
			{Stage: &authentiktest.PasswordStage{}},
			{Stage: &authentiktest.EmailStage{}},
			{Stage: &authentiktest.UserLoginStage{}},
		},
	}}}}.site(t)
	waits := newWindow(t, s.address)
	waits.open("/deep")
	waits.enter("#uid", jane)
	waits.enter("#password", password)
	waits.shows("form button.quiet")
	link := s.standIn.Mail()[0].Link
	if !strings.HasPrefix(link, s.address+"/if/flow/") {
		t.Fatalf("the link leads to %s", link)
	}

	w := newWindow(t, s.address) // another browser
	mails := webmail(t, link)
	w.do(chromedp.Navigate(mails))
	w.press("a")
	for range 2 {
		w.shows("form button[name=again]")
		if at := w.at(); !strings.HasPrefix(at, s.address+"/.authentik/login?link=") || strings.Contains(at, "flow_token") {
			t.Errorf("the link is shown at %s", at)
		}
		w.do(chromedp.Reload())
	}
	w.shows("form button[name=again]")
	w.press("form button:not([name])")
	w.landed("/")
	w.undisturbed(mails)
	for _, r := range s.app.requests() {
		if strings.Contains(r.Header.Get("Referer"), "flow_token") {
			t.Errorf("the application is told the token: %s", r.Header.Get("Referer"))
		}
	}
}
