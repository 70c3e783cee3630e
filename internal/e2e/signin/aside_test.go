package signin

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// waiting is the button of the page that waits for the link in a mail.
const waiting = "form:has([value=ak-stage-email]) button"

// asides is a site where visitors can do more than sign in, to which the links in
// mails lead.
func asides(t testing.TB) *testsite.Site {
	t.Helper()
	chromium.Find(t)
	s := testsite.Setup{Scheme: "https", Gate: []string{"host page"}, Authentik: testsite.WithAsides()}.Start(t)
	s.Users = append(s.Users, "zoe")
	return s
}

// createAccount fills in the form for an account of Zoe's.
func createAccount(w *chromium.Window) {
	w.Helper()
	w.Type(`[name="field.username"]`, "zoe")
	w.Type(`[name="field.email"]`, "zoe@example.com")
	w.Enter(`[name="field.password"]`, testsite.Password)
}

// TestRecovery_GoesOnWherePagesAreLoadedAgain: a telephone does so when its user
// comes back from the mail, to the page that waits and to the one that the link has
// opened.
func TestRecovery_GoesOnWherePagesAreLoadedAgain(t *testing.T) {
	t.Parallel()
	s := asides(t)
	w := chromium.Open(t, s.Address)
	w.Open(deep)
	w.Click("button[value=recovery]")
	w.Await("main > .links a")
	w.Enter("#uid", testsite.Jane)
	w.Await(waiting)
	w.Reload()
	w.Await(waiting)
	if sent := len(s.StandIn.Mail()); sent != 1 {
		t.Errorf("got %d mails, want one", sent)
	}
	tab := w.Tab()
	tab.Do(chromedp.Navigate(s.LastLink()))
	tab.Click("form button:not([name])")
	tab.Await("input[type=password]")
	tab.Reload()
	tab.Enter("input[type=password]", testsite.Password)
	tab.Landed(deep)
	w.Reload()
	w.Landed(deep)
	w.CheckQuiet()
	tab.CheckQuiet()
}

func TestEnrolment_UsedLinkLeavesAWayToTheSignIn(t *testing.T) {
	t.Parallel()
	s := asides(t)
	w := chromium.Open(t, s.Address)
	w.Open(deep)
	w.Click("button[value=enroll]")
	createAccount(w)
	w.Await(waiting)
	other := chromium.Open(t, s.Address)
	other.Do(chromedp.Navigate(s.LastLink()))
	other.Click("form button:not([name])")
	other.Landed("/")
	w.Do(chromedp.Navigate(s.LastLink()))
	w.AwaitText(".note", "or sign in")
	w.Click("main > .links a")
	w.SignIn(deep)
	w.CheckQuiet()
}

func TestInvitation_ForOneUseGoesOnAfterAReload(t *testing.T) {
	t.Parallel()
	s := asides(t)
	link := "/if/flow/join/?itoken=" + s.StandIn.AddInvitation(authentiktest.Invitation{SingleUse: true}).Token
	w := chromium.Open(t, s.Address)
	w.Open(link)
	w.Await(`[name="field.username"]`)
	if at := w.URL(); strings.Contains(at, "itoken") {
		t.Errorf("got the form at %s, want an address without the token", at)
	}
	w.Reload()
	createAccount(w)
	w.Landed("/")
	used := chromium.Open(t, s.Address)
	used.Open(link)
	used.AwaitText(".note", "Ask for a new one")
	used.Click("main a.button")
	used.SignIn("/")
	used.CheckQuiet("403")
}
