package look

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
	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/internal/testsite/inprocess"
)

// deep is an address of the application that sign-ins lead back to.
const deep = "/deep?x=1"

// slowDown makes the browser's processor so many times slower than it is.
func slowDown(w *chromium.Window, times float64) {
	w.Helper()
	rate := emulation.SetCPUThrottlingRateParams{Rate: times}
	if _, err := chromedp.Call(w.Ctx, emulation.SetCPUThrottlingRate, rate); err != nil {
		w.Fatal(err)
	}
}

// shift is how far the page's elements have moved by themselves (Layout
// Instability, cumulative).
func shift(w *chromium.Window) float64 {
	w.Helper()
	return chromium.Value[float64](w, `new Promise((resolve) => {
		let sum = 0;
		new PerformanceObserver((list) => {
			for (const entry of list.getEntries()) sum += entry.value;
		}).observe({ type: "layout-shift", buffered: true });
		setTimeout(() => resolve(sum), 200);
	})`)
}

// checkStill waits for all pictures of the page, and fails the test if
// something has moved.
func checkStill(w *chromium.Window, name string) {
	w.Helper()
	w.True(`Promise.all([...document.images].map((i) => i.complete || new Promise((done) => i.onload = done))).then(() => true)`)
	const least = 0.0005 // less is a letter or two, which no visitor notices; up to 0.1 counts as good
	if got := shift(w); got > least {
		w.Errorf("got %s moving by %v while it loads, want it still", name, got)
	}
}

// isPicture reports whether authentik is asked for a picture.
func isPicture(r *http.Request) bool { return strings.Contains(r.URL.Path, "/static/") }

func TestLayout_NothingMovesWhilePagesLoad(t *testing.T) {
	t.Parallel()
	s := inprocess.Start(t, &authentiktest.IdentificationStage{UserFields: []string{"username"}, RememberMe: true},
		&authentiktest.PasswordStage{AllowShow: true}, &authentiktest.AuthenticatorTOTPStage{}, &authentiktest.UserLoginStage{})
	s.Before(func(r *http.Request) {
		if isPicture(r) {
			time.Sleep(700 * time.Millisecond) // later than everything else
		}
	})
	w := chromium.Open(t, s.Address)
	slowDown(w, 10) // so that a page is drawn before it has been read to its end
	w.Open(deep)
	w.Await("#uid")
	checkStill(w, "the first step")
	w.Enter("#uid", testsite.Jane)
	w.Await("#password")
	checkStill(w, "the password")
	w.Enter("#password", testsite.Password)
	w.Await("#code")
	checkStill(w, "the set-up of an authenticator")
	w.CheckQuiet()
}

// TestPage_CanBeUsedBeforeItsPictures signs in while no picture is answered.
func TestPage_CanBeUsedBeforeItsPictures(t *testing.T) {
	t.Parallel()
	s := inprocess.Start(t)
	held := make(chan struct{})
	t.Cleanup(func() { close(held) })
	s.Before(func(r *http.Request) {
		if isPicture(r) {
			<-held
		}
	})
	w := chromium.Open(t, s.Address)
	if _, err := chromedp.Call(w.Ctx, page.Navigate, page.NavigateParams{URL: s.Address + deep}); err != nil {
		t.Fatal(err)
	}
	w.Await("#uid:focus")
	if w.True(`document.readyState === "complete"`) {
		t.Error("got a page that has loaded, want one that waits for pictures")
	}
	w.Do(chromedp.KeyEvent(testsite.Jane + kb.Enter)) // the focus is there already
	w.Await("#password:focus")
	w.Do(chromedp.KeyEvent(testsite.Password + kb.Enter))
	w.Landed(deep)
	if got := shift(w); got != 0 {
		t.Errorf("got a page moving by %v, want it still", got)
	}
}
