package chromium

import (
	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// Landed waits for the application, and fails the test unless it is at an
// address.
func (w *Window) Landed(path string) {
	w.Helper()
	w.Await("#headers")
	if got, want := w.URL(), w.Address+path; got != want {
		w.Fatalf("got the application at %s, want it at %s", got, want)
	}
}

// Credentials gives Jane's name and password on the gate's pages, beginning at
// a first step.
func (w *Window) Credentials() {
	w.Helper()
	w.Await("#uid")
	w.Do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#uid").value = ""`)) // the browser may have restored a name
	w.Enter("#uid", testsite.Jane)
	w.Enter("#password", testsite.Password)
}

// SignIn gives them, which must lead to an address of the application.
func (w *Window) SignIn(path string) {
	w.Helper()
	w.Credentials()
	w.Landed(path)
}

// CredentialsAtAuthentik gives them on authentik's own pages.
func (w *Window) CredentialsAtAuthentik() {
	w.Helper()
	w.Enter("#ak-uid_field", testsite.Jane)
	w.Enter("#ak-password", testsite.Password)
}

// SignOut signs out by the gate's page.
func (w *Window) SignOut() {
	w.Helper()
	w.Open("/.authentik/logout")
	w.Await("form button")
	w.ClickAndLoad("form button")
}
