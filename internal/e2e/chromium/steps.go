package chromium

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// often is how often a step looks for its element: more often would keep a busy
// machine from loading the page.
var often = chromedp.RetryInterval(20 * time.Millisecond)

// Open loads an address of the site.
func (w *Window) Open(path string) {
	w.Helper()
	w.Do(chromedp.Navigate(w.Address + path))
}

// Reload loads the page again.
func (w *Window) Reload() {
	w.Helper()
	w.Do(chromedp.Reload())
}

// Await waits until an element can be seen on the page.
func (w *Window) Await(selector string) {
	w.Helper()
	w.Do(chromedp.WaitVisible(chromedp.CSS(selector), often))
}

// AwaitText waits until an element says something.
func (w *Window) AwaitText(selector, want string) {
	w.Helper()
	var got string
	testsite.EventuallyOr(w, func() bool {
		got = w.Text(selector)
		return strings.Contains(got, want)
	}, func() string { return "got " + selector + " that says " + got + ", want " + want })
}

// AwaitTrue waits until an expression is true of the page.
func (w *Window) AwaitTrue(expression string) {
	w.Helper()
	testsite.Eventually(w, expression, func() bool { return w.True(expression) })
}

// AwaitURL waits until the window has reached an address, whatever addresses it
// passes through.
func (w *Window) AwaitURL(address string) {
	w.Helper()
	got := ""
	testsite.EventuallyOr(w, func() bool {
		at, err := chromedp.Run(w.Ctx, chromedp.Location()) // fails while one page gives way to another
		got = at
		return err == nil && at == address
	}, func() string { return "got the browser at " + got + ", want it at " + address })
}

// Click clicks on an element.
func (w *Window) Click(selector string) {
	w.Helper()
	w.Do(chromedp.Click(chromedp.CSS(selector), often))
}

// ClickAndLoad clicks on an element, and waits until the page that this leads
// to has loaded.
func (w *Window) ClickAndLoad(selector string) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Ctx, testsite.Timeout)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector), often)); err != nil {
		w.Fatalf("clicking on %s: %v", selector, err)
	}
}

// Type types into a field.
func (w *Window) Type(field, text string) {
	w.Helper()
	w.Do(chromedp.WaitVisible(chromedp.CSS(field), often), chromedp.SendKeys(chromedp.CSS(field), text, often))
}

// Enter types into a field and sends the form.
func (w *Window) Enter(field, text string) {
	w.Helper()
	w.Type(field, text+kb.Enter)
}

// AddScript has a script run in every page before the page's own.
func (w *Window) AddScript(source string) {
	w.Helper()
	params := page.AddScriptToEvaluateOnNewDocumentParams{Source: source}
	if _, err := chromedp.Call(w.Ctx, page.AddScriptToEvaluateOnNewDocument, params); err != nil {
		w.Fatal(err)
	}
}

// Hasten has the timers of every page run so many times as fast.
func (w *Window) Hasten(times int) {
	w.Helper()
	w.AddScript(fmt.Sprintf(`{ const wait = setTimeout; window.setTimeout = (what, time, ...rest) => wait(what, time / %d, ...rest); }`, times))
}
