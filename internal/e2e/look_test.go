package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// brake makes the browser's processor slower than it is, so many times.
func (w *window) brake(times float64) {
	w.Helper()
	rate := emulation.SetCPUThrottlingRateParams{Rate: times}
	if _, err := chromedp.Call(w.ctx, emulation.SetCPUThrottlingRate, rate); err != nil {
		w.Fatal(err)
	}
}

// shift is how far what is on the page has moved by itself (Layout Instability,
// cumulative).
func (w *window) shift() float64 {
	w.Helper()
	sum, err := chromedp.Run(w.ctx, chromedp.Evaluate[float64](`new Promise((resolve) => {
		let sum = 0;
		new PerformanceObserver((list) => {
			for (const entry of list.getEntries()) sum += entry.value;
		}).observe({ type: "layout-shift", buffered: true });
		setTimeout(() => resolve(sum), 200);
	})`, chromedp.EvalAwaitPromise))
	if err != nil {
		w.Fatal(err)
	}
	return sum
}

// still holds the page to have stayed where it was, all pictures being there.
func (w *window) still(name string) {
	w.Helper()
	w.true(`Promise.all([...document.images].map((i) => i.complete || new Promise((done) => i.onload = done))).then(() => true)`)
	const least = 0.0005 // less is a letter or two, which nobody sees; good is what stays below 0.1
	if moved := w.shift(); moved > least {
		w.Errorf("%s moves by %v while it loads", name, moved)
	}
}

// slowPictures lets authentik answer for pictures later than for all else.
func slowPictures(r *http.Request) {
	if strings.Contains(r.URL.Path, "/static/") {
		time.Sleep(700 * time.Millisecond)
	}
}

func TestNothingMovesWhilePagesLoad(t *testing.T) {
	t.Parallel()
	h := newHouse(t, &authentiktest.IdentificationStage{UserFields: []string{"username"}, RememberMe: true},
		&authentiktest.PasswordStage{AllowShow: true}, &authentiktest.AuthenticatorTOTPStage{}, &authentiktest.UserLoginStage{})
	h.slow(slowPictures)
	w := newWindow(t, h.address)
	w.brake(10) // so that pages are drawn before they have been read
	w.open(deep)
	w.shows("#uid")
	w.still("identification")
	w.enter("#uid", jane)
	w.shows("#password")
	w.still("the password")
	w.enter("#password", password)
	w.shows("#code")
	w.still("the set-up of an authenticator")
	w.quiet()
}

// TestThePageIsUsableWhileNoPictureComes signs in while all of them hang.
func TestThePageIsUsableWhileNoPictureComes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	stuck := make(chan struct{})
	t.Cleanup(func() { close(stuck) })
	h.slow(func(r *http.Request) {
		if strings.Contains(r.URL.Path, "/static/") {
			<-stuck
		}
	})
	w := newWindow(t, h.address)
	if _, err := chromedp.Call(w.ctx, page.Navigate, page.NavigateParams{URL: h.address + deep}); err != nil {
		t.Fatal(err)
	}
	w.shows("#uid")
	if w.true(`document.readyState === "complete"`) {
		t.Error("no picture is missing")
	}
	w.do(chromedp.KeyEvent(jane + kb.Enter)) // the focus is there already
	w.shows("#password")
	w.do(chromedp.KeyEvent(password + kb.Enter))
	w.landed(deep)
	if shift := w.shift(); shift != 0 {
		t.Errorf("the page moves by %v", shift)
	}
}

func TestAPasswordCanBeLookedAt(t *testing.T) {
	t.Parallel()
	const eye = "button[data-show]"
	h := newHouse(t, &authentiktest.IdentificationStage{UserFields: []string{"username"}, Password: &authentiktest.PasswordStage{AllowShow: true}},
		&authentiktest.UserLoginStage{})
	w := newWindow(t, h.address)
	w.open(deep)
	w.shows(eye)
	w.do(chromedp.SendKeys(chromedp.CSS("#uid"), jane), chromedp.SendKeys(chromedp.CSS("#password"), password))
	for _, shown := range []bool{true, false, true} {
		w.do(chromedp.Click(chromedp.CSS(eye)))
		if w.true(`document.querySelector("#password").type === "text"`) != shown ||
			w.true(`document.querySelector("button[data-show]").ariaPressed === "true"`) != shown {
			t.Errorf("the password is not as the button says: want it shown %v", shown)
		}
	}
	sent := w.true(`new Promise((resolve) => document.addEventListener("submit", (event) => {
		event.preventDefault();
		resolve(document.querySelector("#password").type === "password");
	}) || document.forms[0].requestSubmit())`)
	if !sent {
		t.Error("the password is sent as a word like others")
	}
	w.quiet()

	other := newHouse(t)
	blind := newWindow(t, other.address)
	toPassword(blind)
	if blind.true(`document.querySelector("button[data-show]") !== null`) {
		t.Error("the password can be looked at where authentik does not allow it")
	}
}

func TestTheNameIsRememberedForWhoWantsIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t, &authentiktest.IdentificationStage{UserFields: []string{"username"}, RememberMe: true, Password: &authentiktest.PasswordStage{}},
		&authentiktest.UserLoginStage{})
	w := newWindow(t, h.address)
	signOff := func() {
		w.open("/.authentik/logout")
		w.shows("form button")
		if _, err := chromedp.RunResponse(w.ctx, chromedp.Click(chromedp.CSS("form button"))); err != nil {
			t.Fatal(err)
		}
		w.open(deep)
		w.shows("#uid")
	}
	w.open(deep)
	w.shows("#remember")
	w.do(chromedp.Click(chromedp.CSS("#remember")), chromedp.SendKeys(chromedp.CSS("#uid"), jane))
	w.enter("#password", password)
	w.landed(deep)
	signOff()
	if !w.true(`document.querySelector("#uid").value === "jane" && document.querySelector("#remember").checked && document.activeElement.id === "password"`) {
		t.Error("the name is not there again, or the focus is not on what is left to enter")
	}
	time.Sleep(500 * time.Millisecond)
	if h.posts.Load() != 1 {
		t.Error("the page has sent itself")
	}
	w.do(chromedp.Click(chromedp.CSS("#remember")))
	w.enter("#password", password)
	w.landed(deep)
	signOff()
	if !w.true(`document.querySelector("#uid").value === "" && !document.querySelector("#remember").checked && !localStorage["authentik-gate-name"]`) {
		t.Error("the name is remembered against the visitor's will")
	}
	w.quiet()
}

func TestRecoveryCodesCanBeCopied(t *testing.T) {
	t.Parallel()
	h := newHouse(t, &authentiktest.IdentificationStage{UserFields: []string{"username"}, Password: &authentiktest.PasswordStage{}},
		&authentiktest.AuthenticatorStaticStage{}, &authentiktest.UserLoginStage{})
	w := newWindow(t, h.address)
	w.open(deep)
	w.shows("#uid")
	w.do(chromedp.SendKeys(chromedp.CSS("#uid"), jane))
	w.enter("#password", password)
	w.shows("button[data-do=copy]")
	w.true(`(navigator.clipboard.writeText = async (text) => { window.copied = text; }, window.print = () => { window.printed = true; }, true)`)
	w.do(chromedp.Click(chromedp.CSS("button[data-do=copy]")), chromedp.Click(chromedp.CSS("button[data-do=print]")))
	if !w.true(`printed && copied.split("\n").length === 6 && copied.startsWith(document.querySelector(".codes li").textContent)`) {
		t.Error("what is copied are not the codes, or nothing is printed")
	}
	if got := w.text("button[data-do=copy]"); got != "Copied" {
		t.Errorf("the button says %q", got)
	}
	w.quiet()
}
