package signin

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/internal/testsite/inprocess"
)

func TestFragment_SurvivesTheWholeSignIn(t *testing.T) {
	t.Parallel()
	s := inprocess.Start(t, &authentiktest.IdentificationStage{UserFields: []string{"username"}}, &authentiktest.PasswordStage{},
		&authentiktest.AuthenticatorValidateStage{}, &authentiktest.UserLoginStage{})
	testsite.AddCode(s.StandIn)
	w := chromium.Open(t, s.Address)
	w.Open("/#/dash/7")
	w.Enter("#uid", testsite.Jane)
	w.Enter("#password", "wrong")
	w.Await("[role=alert]")
	w.Enter("#password", testsite.Password)
	w.Await("#code")
	w.Click(".who a")
	w.Enter("#uid", testsite.Jane)
	w.Enter("#password", testsite.Password)
	w.Enter("#code", testsite.Code)
	w.Landed("/#/dash/7")
	w.CheckQuiet()
}

// A journey is what a visitor does in the middle of a sign-in.
type journey struct {
	before func(*chromium.Window)
	do     func(*chromium.Window) *chromium.Window
	after  func(*chromium.Window) // how the sign-in goes on
}

func toPassword(w *chromium.Window) {
	w.Open(deep)
	w.Enter("#uid", testsite.Jane)
	w.Await("#password")
}

func toError(w *chromium.Window) {
	toPassword(w)
	w.Enter("#password", "wrong")
	w.Await("[role=alert]")
}

func toApplication(w *chromium.Window) {
	toPassword(w)
	w.Enter("#password", testsite.Password)
	w.Landed(deep)
}

func back(w *chromium.Window) *chromium.Window    { return w.Turn(-1) }
func forward(w *chromium.Window) *chromium.Window { return w.Turn(+1) }
func reload(w *chromium.Window) *chromium.Window  { w.Reload(); return w }

// copyTab opens the page in another tab.
func copyTab(w *chromium.Window) *chromium.Window {
	other := w.Tab()
	other.Do(chromedp.Navigate(w.URL()))
	return other
}

// signsIn goes on from a first step.
func signsIn(w *chromium.Window) { w.SignIn(deep) }

// startsOver goes on from a first step that says why it is one.
func startsOver(w *chromium.Window) {
	w.AwaitText(".note", "so your sign-in has started over.")
	if strings.Contains(w.URL(), "reloaded") {
		w.Errorf("got the address %s, want one that can be reloaded without a notice", w.URL())
	}
	w.SignIn(deep)
}

// isIn finds the application.
func isIn(w *chromium.Window) { w.Landed(deep) }

// passwordByKeys goes on with the password at a page where the focus is on its
// field, as it was.
func passwordByKeys(w *chromium.Window) {
	w.Do(chromedp.KeyEvent(testsite.Password + kb.Enter))
	w.Landed(deep)
}

// eitherWay goes on from a first step or from the password: a page that was not
// answered may still be in the browser's memory.
func eitherWay(w *chromium.Window) {
	if w.True(`document.querySelector("#password") !== null`) {
		passwordByKeys(w)
		return
	}
	signsIn(w)
}

func TestHistory_LeadsOnOrToAFreshFirstStep(t *testing.T) {
	t.Parallel()
	for name, j := range map[string]journey{
		"reload at the password":            {toPassword, reload, startsOver},
		"reload at an error":                {toError, reload, startsOver},
		"back from the password":            {toPassword, back, signsIn},
		"back from an error":                {toError, back, signsIn},
		"back and forward":                  {toPassword, func(w *chromium.Window) *chromium.Window { return forward(back(w)) }, eitherWay},
		"a copy of the tab at the password": {toPassword, copyTab, signsIn},
		"back from the application":         {toApplication, back, isIn},
		"twice back from the application":   {toApplication, func(w *chromium.Window) *chromium.Window { return back(back(w)) }, isIn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := chromium.OpenFull(t, inprocess.Start(t).Address)
			j.before(w)
			w = j.do(w)
			j.after(w)
			w.CheckQuiet()
		})
	}
}

// TestHistory_WithoutScripts: without scripts a browser sends a form again, or
// asks whether it should. The gate gives authentik no answer twice, and leads a
// visitor who has signed in by then on.
func TestHistory_WithoutScripts(t *testing.T) {
	t.Parallel()
	for name, j := range map[string]journey{
		"reload at the password": {toPassword, reload, func(w *chromium.Window) {
			w.Await("#password:focus")
			passwordByKeys(w)
		}},
		"back from the password": {toPassword, back, func(w *chromium.Window) {
			w.Do(chromedp.KeyEvent(kb.Enter))
			w.Enter("#password", testsite.Password)
			w.Landed(deep)
		}},
		"back from the application": {toApplication, func(w *chromium.Window) *chromium.Window { return reload(back(w)) }, isIn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := inprocess.Start(t)
			w := chromium.OpenFull(t, s.Address)
			w.DisableScripts()
			j.before(w)
			j.do(w)
			j.after(w)
			if got := s.Answers.Load(); got != 2 {
				t.Errorf("got %d answers at authentik, want 2", got)
			}
		})
	}
}

// TestHistory_AnotherNameCanBeGivenAfterGoingBack: what the first name has led
// to is given up.
func TestHistory_AnotherNameCanBeGivenAfterGoingBack(t *testing.T) {
	t.Parallel()
	w := chromium.OpenFull(t, inprocess.Start(t).Address)
	w.Open(deep)
	w.Enter("#uid", "another-user")
	w.Await("#password")
	back(w)
	w.SignIn(deep)
	w.CheckQuiet()
}

// TestFailure_CanBeLoadedAgain: once what failed works again, the sign-in goes
// on.
func TestFailure_CanBeLoadedAgain(t *testing.T) {
	t.Parallel()
	s := inprocess.Start(t)
	w := chromium.Open(t, s.Address)
	w.Open("/#/dash/7")
	w.Await("#uid")
	s.Before(func(*http.Request) { panic(http.ErrAbortHandler) })
	w.Enter("#uid", testsite.Jane)
	w.Await("main a.button")
	s.Before(nil)
	w.Reload()
	w.SignIn("/#/dash/7")
}

// TestHistory_RestoredBrowserBeginsAfresh: a browser that is started again opens
// the address that it had.
func TestHistory_RestoredBrowserBeginsAfresh(t *testing.T) {
	t.Parallel()
	s, profile := inprocess.Start(t), t.TempDir()
	var left string
	t.Run("before", func(t *testing.T) {
		w := chromium.OpenAlone(t, s.Address, profile)
		toError(w)
		left = w.URL()
	})
	if !strings.Contains(left, "/.authentik/login?to=") {
		t.Fatalf("got the browser at %s, want it at the sign-in page", left)
	}
	w := chromium.OpenAlone(t, s.Address, profile)
	w.Do(chromedp.Navigate(left))
	w.SignIn(deep)
	w.CheckQuiet()
}
