package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// enter types into a field and sends the form.
func (w *window) enter(field, text string) {
	w.Helper()
	w.do(chromedp.WaitVisible(chromedp.CSS(field)), chromedp.SendKeys(chromedp.CSS(field), text+kb.Enter))
}

// shows waits until there is something on the page.
func (w *window) shows(selector string) {
	w.Helper()
	w.do(chromedp.WaitVisible(chromedp.CSS(selector)))
}

// open loads an address of the site.
func (w *window) open(path string) {
	w.Helper()
	w.do(chromedp.Navigate(w.address + path))
}

// landed holds the window to show the application at an address.
func (w *window) landed(path string) {
	w.Helper()
	w.shows("#headers")
	if at := w.at(); at != w.address+path {
		w.Fatalf("landed at %s, want %s", at, path)
	}
}

// signsInTo goes on from a fresh first step, which must lead there.
func (w *window) signsInTo(path string) {
	w.Helper()
	w.shows("#uid")
	w.do(chromedp.Clear(chromedp.CSS("#uid")))
	w.enter("#uid", jane)
	w.enter("#password", password)
	w.landed(path)
}

func TestAFragmentSurvivesTheWholeSignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t, &authentiktest.IdentificationStage{UserFields: []string{"username"}}, &authentiktest.PasswordStage{},
		&authentiktest.AuthenticatorValidateStage{}, &authentiktest.UserLoginStage{})
	w := newWindow(t, h.address)
	w.open("/#/dash/7")
	w.enter("#uid", jane)
	w.enter("#password", "wrong")
	w.shows("[role=alert]")
	w.enter("#password", password)
	w.shows("#code")
	w.do(chromedp.Click(chromedp.CSS(".who a")))
	w.enter("#uid", jane)
	w.enter("#password", password)
	w.enter("#code", code)
	w.landed("/#/dash/7")
	w.quiet()
}

// turn goes through the history without waiting for a page to load: it may come
// from the browser's memory.
func (w *window) turn(by int64) *window {
	w.Helper()
	history, err := chromedp.Run(w.ctx, chromedp.NavigationEntries())
	if err != nil {
		w.Fatal(err)
	}
	to := page.NavigateToHistoryEntryParams{EntryID: history.Entries[history.CurrentIndex+by].ID}
	if _, err := chromedp.Call(w.ctx, page.NavigateToHistoryEntry, to); err != nil {
		w.Fatal(err)
	}
	time.Sleep(time.Second) // there is no event for pages of either kind
	return w
}

// A journey is something that people do to a browser in the middle of a sign-in.
type journey struct {
	before func(*window) // up to where it happens
	do     func(*window) *window
	after  func(*window) // what must be true then
}

const deep = "/deep?x=1"

func toPassword(w *window) {
	w.open(deep)
	w.enter("#uid", jane)
	w.shows("#password")
}

func toError(w *window) {
	toPassword(w)
	w.enter("#password", "wrong")
	w.shows("[role=alert]")
}

func toApplication(w *window) {
	toPassword(w)
	w.enter("#password", password)
	w.landed(deep)
}

func back(w *window) *window    { return w.turn(-1) }
func forward(w *window) *window { return w.turn(+1) }
func reload(w *window) *window  { w.do(chromedp.Reload()); return w }

func twin(w *window) *window {
	other := w.tab()
	other.do(chromedp.Navigate(w.at()))
	return other
}

func afresh(w *window) { w.signsInTo(deep) }
func within(w *window) { w.landed(deep) }

// byKeys goes on with the password at a page that comes from the browser's memory,
// where the focus is as it was.
func byKeys(w *window) {
	w.do(chromedp.KeyEvent(password + kb.Enter))
	w.landed(deep)
}

// anyhow goes on from a first step or from the password: a page that was not
// answered may still be in the browser's memory.
func anyhow(w *window) {
	if w.true(`document.querySelector("#password") !== null`) {
		byKeys(w)
		return
	}
	afresh(w)
}

func TestHistoryLeadsOnOrToAFreshFirstStep(t *testing.T) {
	t.Parallel()
	for name, j := range map[string]journey{
		"reload at the password":            {toPassword, reload, afresh},
		"reload at an error":                {toError, reload, afresh},
		"back from the password":            {toPassword, back, afresh},
		"back from an error":                {toError, back, afresh},
		"back and forward":                  {toPassword, func(w *window) *window { return forward(back(w)) }, anyhow},
		"a copy of the tab at the password": {toPassword, twin, afresh},
		"back from the application":         {toApplication, back, within},
		"twice back from the application":   {toApplication, func(w *window) *window { return back(back(w)) }, within},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWindow(t, newHouse(t).address)
			j.before(w)
			w = j.do(w)
			j.after(w)
			w.quiet()
		})
	}
}

// Without scripts a browser sends a form again, or asks whether it should. The gate
// gives authentik no answer twice, and who is signed in by then goes on.
func TestHistoryWithoutScripts(t *testing.T) {
	t.Parallel()
	for name, j := range map[string]journey{
		"reload at the password": {toPassword, reload, byKeys},
		"back from the password": {toPassword, back, func(w *window) {
			w.do(chromedp.KeyEvent(kb.Enter))
			w.enter("#password", password)
			w.landed(deep)
		}},
		"back from the application": {toApplication, func(w *window) *window { return reload(back(w)) }, within},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			w := newWindow(t, h.address)
			w.withoutScripts()
			j.before(w)
			j.do(w)
			j.after(w)
			if got := h.answers.Load(); got != 2 {
				t.Errorf("authentik was given %d answers", got)
			}
		})
	}
}

// Who goes back to give another name is taken for that one: what the first name
// has led to is over.
func TestAnotherNameCanBeGivenAfterGoingBack(t *testing.T) {
	t.Parallel()
	w := newWindow(t, newHouse(t).address)
	w.open(deep)
	w.enter("#uid", "nobody")
	w.shows("#password")
	back(w)
	w.signsInTo(deep)
	w.quiet()
}

// A page that says what is wrong can be loaded again, when it is mended.
func TestAFailureCanBeLoadedAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w := newWindow(t, h.address)
	w.open("/#/dash/7")
	w.shows("#uid")
	h.slow(func(*http.Request) { panic(http.ErrAbortHandler) })
	w.enter("#uid", jane)
	w.shows("main a.button")
	h.slow(nil)
	reload(w)
	w.signsInTo("/#/dash/7")
}

// A browser that is started again comes back to the address that it had.
func TestARestoredBrowserBeginsAfresh(t *testing.T) {
	t.Parallel()
	h, profile := newHouse(t), t.TempDir()
	var left string
	t.Run("before", func(t *testing.T) {
		w := newWindowOf(t, h.address, profile)
		toError(w)
		left = w.at()
	})
	if !strings.Contains(left, "/.authentik/login?to=") {
		t.Fatalf("the browser was left at %s", left)
	}
	w := newWindowOf(t, h.address, profile)
	w.do(chromedp.Navigate(left))
	w.signsInTo(deep)
	w.quiet()
}
