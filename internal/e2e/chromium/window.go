package chromium

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// startTimeout is how long Chromium may take to start.
const startTimeout = testsite.Timeout

// A Window is a window of Chromium, and a record of what happens in it.
type Window struct {
	testing.TB
	// Ctx is what actions of package chromedp run in.
	Ctx context.Context
	// Address is that of the site under test: requests to others count as
	// third-party.
	Address string

	mu         sync.Mutex
	complaints []string
	requests   map[network.RequestID]*request
	sockets    []int64
	pages      int                  // how many the window has shown
	loading    map[cdp.FrameID]bool // frames that are loading
	noScripts  bool
}

// Open opens a window of the Chromium that the tests share, with a browser
// context of its own.
func Open(t testing.TB, address string) *Window {
	t.Helper()
	return open(t, address, &shell)
}

// OpenFull is Open in a Chromium that is no headless shell: for tests that go
// through the history, as a shell keeps no pages in memory.
func OpenFull(t testing.TB, address string) *Window {
	t.Helper()
	return open(t, address, &full)
}

func open(t testing.TB, address string, of *browser) *Window {
	t.Helper()
	browser := of.of(t)
	w := newWindow(t, address)
	ctx, end := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(w.record))
	w.ready(ctx, end)
	return w
}

// OpenAlone starts a Chromium for one window, with a profile of which there may
// be one already, and with further options of the process.
func OpenAlone(t testing.TB, address, profile string, more ...chromedp.ExecAllocatorOption) *Window {
	t.Helper()
	all := append(options(findFull(t)), chromedp.UserDataDir(profile))
	w := newWindow(t, address)
	ctx, end, err := start(append(all, more...), chromedp.WithListener(w.record))
	if err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	w.ready(ctx, end)
	return w
}

// Tab opens another tab in the window's browser context.
func (w *Window) Tab() *Window {
	w.Helper()
	tab := newWindow(w.TB, w.Address)
	ctx, end := chromedp.NewContext(w.Ctx, chromedp.WithListener(tab.record))
	tab.ready(ctx, end)
	return tab
}

// Attach is a window that there is already, or a frame of another site.
func (w *Window) Attach(id target.ID) *Window {
	w.Helper()
	other := newWindow(w.TB, w.Address)
	ctx, end := chromedp.NewContext(w.Ctx, chromedp.WithTargetID(id), chromedp.WithListener(other.record))
	other.Ctx = ctx
	w.Cleanup(end)
	other.Do(chromedp.Steps())
	return other
}

func newWindow(t testing.TB, address string) *Window {
	return &Window{TB: t, Address: address, requests: map[network.RequestID]*request{}, loading: map[cdp.FrameID]bool{}}
}

// ready prepares a new tab. Every page believes that it has the focus: there is
// one focus in a Chromium, and keys and scripts of other tests must not take it
// away.
func (w *Window) ready(ctx context.Context, end func()) {
	w.Helper()
	w.Ctx = ctx
	w.Cleanup(end)
	w.Do(chromedp.Steps())
	if _, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		w.Fatal(err)
	}
}

// DisableScripts switches JavaScript off.
func (w *Window) DisableScripts() {
	w.Helper()
	w.noScripts = true
	off := emulation.SetScriptExecutionDisabledParams{Value: true}
	if _, err := chromedp.Call(w.Ctx, emulation.SetScriptExecutionDisabled, off); err != nil {
		w.Fatal(err)
	}
}

// Do takes steps, and fails the test if they take longer than anything may.
func (w *Window) Do(steps ...chromedp.Action[chromedp.Void]) {
	w.Helper()
	if chromedp.FromContext(w.Ctx).Target == nil { // the first call makes the tab, which ends with this call's context
		if err := chromedp.Do(w.Ctx, steps...); err != nil {
			w.Fatal(err)
		}
		return
	}
	ctx, cancel := context.WithTimeout(w.Ctx, testsite.Timeout)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		w.Fatalf("%v; the browser is at %s, which says:\n%s", err, w.URL(), w.Text("body"))
	}
}

// Text is what can be read of the first element that a selector finds.
func (w *Window) Text(selector string) string {
	w.Helper()
	return look(w, selector, chromedp.Text(chromedp.CSS(selector), often))
}

// look reads something of the page, and reads it again if one page gives way to
// another meanwhile. what is what it reads.
func look[T any](w *Window, what string, step chromedp.Action[T]) T {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Ctx, testsite.Timeout)
	defer cancel()
	for {
		value, err := chromedp.Run(ctx, step)
		var gone *cdproto.Error // a node, a frame or a context that is no more
		if err == nil {
			return value
		}
		if !errors.As(err, &gone) || ctx.Err() != nil {
			w.Fatalf("reading %s: %v", what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Value evaluates an expression, and waits for a promise.
func Value[T any](w *Window, expression string) T {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Ctx, testsite.Timeout)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		w.Fatalf("%s: %v", expression, err)
	}
	return value
}

// True reports whether an expression is true of the page, or comes to be.
func (w *Window) True(expression string) bool {
	w.Helper()
	return look(w, expression, chromedp.Evaluate[bool](expression, chromedp.EvalAwaitPromise))
}

// URL is the address of the page.
func (w *Window) URL() string {
	w.Helper()
	return look(w, "the address", chromedp.Location())
}

// Cookies are the names of all cookies that the browser has for the page.
func (w *Window) Cookies() (names []string) {
	w.Helper()
	res, err := chromedp.Call(w.Ctx, network.GetCookies, network.GetCookiesParams{})
	if err != nil {
		w.Fatal(err)
	}
	for _, c := range res.Cookies {
		names = append(names, c.Name)
	}
	return names
}
