package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium finds the browser.
func chromium(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts Chromium")
	}
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("there is no Chromium here, and CI is not to go without these tests")
	}
	t.Skip("there is no Chromium here: install the package chromium, or name the program in CHROMIUM")
	return ""
}

// A window is a window of real Chromium, with a profile of its own, and what
// happens in it.
type window struct {
	testing.TB
	ctx     context.Context
	address string // of the site under test

	mu       sync.Mutex
	alarms   []string
	requests map[network.RequestID]*request
	sockets  []int64 // with which status each WebSocket has begun: 101 over HTTP/1.1, 200 over HTTP/2 (RFC 8441)
}

// A request is one that the window has made, with its redirects.
type request struct {
	kind  network.ResourceType
	urls  []string
	bytes float64 // over the wire, headers included
	done  bool
}

// newWindow opens Chromium. The address is that of the site: whatever is asked
// of others counts as third-party.
func newWindow(t testing.TB, address string) *window {
	t.Helper()
	return newWindowOf(t, address, t.TempDir())
}

// newWindowOf is newWindow with a profile that was there before, and with what else
// Chromium is to be told.
func newWindowOf(t testing.TB, address, profile string, more ...chromedp.ExecAllocatorOption) *window {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.IgnoreCertErrors,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.UserDataDir(profile), chromedp.WindowSize(1280, 900))
	allocator, endAll := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	w := &window{TB: t, address: address, requests: map[network.RequestID]*request{}}
	ctx, end := chromedp.NewContext(allocator, chromedp.WithListener(w.hear), chromedp.WithErrorf(func(string, ...any) {}))
	w.ctx = ctx
	t.Cleanup(func() { // Chromium is gone before its profile is removed
		end()
		endAll()
	})
	w.do(chromedp.Steps())
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	return w
}

// tab opens another tab of the same browser.
func (w *window) tab() *window {
	w.Helper()
	other := &window{TB: w.TB, address: w.address, requests: map[network.RequestID]*request{}}
	ctx, end := chromedp.NewContext(w.ctx, chromedp.WithListener(other.hear))
	other.ctx = ctx
	w.Cleanup(end)
	other.do(chromedp.Steps())
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		w.Fatal(err)
	}
	return other
}

// withoutScripts switches JavaScript off.
func (w *window) withoutScripts() {
	w.Helper()
	off := emulation.SetScriptExecutionDisabledParams{Value: true}
	if _, err := chromedp.Call(w.ctx, emulation.SetScriptExecutionDisabled, off); err != nil {
		w.Fatal(err)
	}
}

// hear takes down what the browser complains of and what it asks for.
func (w *window) hear(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError || e.Entry.Level == cdplog.EntryLevelWarning {
			w.alarms = append(w.alarms, fmt.Sprintf("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventConsoleAPICalled:
		w.alarms = append(w.alarms, "console "+string(e.Type))
	case *runtime.EventExceptionThrown:
		w.alarms = append(w.alarms, "exception: "+e.ExceptionDetails.Text)
	case *network.EventRequestWillBeSent:
		w.sent(e)
	case *network.EventLoadingFinished:
		if r := w.requests[e.RequestID]; r != nil {
			r.bytes, r.done = r.bytes+e.EncodedDataLength, true
		}
	case *network.EventLoadingFailed:
		w.failed(e)
	case *network.EventWebSocketHandshakeResponseReceived:
		w.sockets = append(w.sockets, e.Response.Status)
	}
}

// failed takes down what did not load. What a page asks for when it is left
// breaks off, and nothing is wrong with that.
func (w *window) failed(e *network.EventLoadingFailed) {
	if r := w.requests[e.RequestID]; r != nil && e.Canceled {
		r.done = true
		return
	}
	w.alarms = append(w.alarms, "not loaded: "+e.ErrorText)
}

func (w *window) sent(e *network.EventRequestWillBeSent) {
	r := w.requests[e.RequestID]
	if r == nil {
		r = &request{kind: e.Type}
		w.requests[e.RequestID] = r
	}
	if e.RedirectResponse != nil {
		r.bytes += e.RedirectResponse.EncodedDataLength
	}
	r.urls = append(r.urls, e.Request.URL)
}

// weight is what has come over the wire by now, pictures left aside, and how
// many requests it took.
func (w *window) weight() (bytes float64, requests int) {
	w.Helper()
	for begun := time.Now(); !w.settled(); time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > patience {
			w.Fatal("the page does not finish loading")
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.requests {
		if r.kind != network.ResourceTypeImage {
			bytes, requests = bytes+r.bytes, requests+len(r.urls)
		}
	}
	return bytes, requests
}

func (w *window) settled() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.requests {
		if !r.done && r.kind != network.ResourceTypeImage {
			return false
		}
	}
	return len(w.requests) > 0
}

// strangers are the addresses that were asked for and are not the site's.
func (w *window) strangers() (urls []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.requests {
		for _, u := range r.urls {
			if !strings.HasPrefix(u, w.address+"/") && !strings.HasPrefix(u, "data:") {
				urls = append(urls, u)
			}
		}
	}
	return urls
}

func (w *window) complaints() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.alarms)
}

// quiet holds the window to have complained of nothing and asked no stranger.
func (w *window) quiet() {
	w.Helper()
	for _, a := range w.complaints() {
		w.Errorf("the browser complains: %s", a)
	}
	for _, u := range w.strangers() {
		w.Errorf("the browser asked a third party: %s", u)
	}
}

// do lets a person act, and is patient for so long.
func (w *window) do(steps ...chromedp.Action[chromedp.Void]) {
	w.Helper()
	if chromedp.FromContext(w.ctx).Target == nil { // the first call starts the browser, and its end would be the browser's
		if err := chromedp.Do(w.ctx, steps...); err != nil {
			w.Fatal(err)
		}
		return
	}
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		w.Fatalf("%v; the browser is at %s, which says:\n%s", err, w.at(), w.text("body"))
	}
}

// text is what can be read of the first element that a selector finds.
func (w *window) text(selector string) string {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(selector)))
	if err != nil {
		w.Fatalf("reading %s: %v", selector, err)
	}
	return text
}

// true reports whether an expression is true of the page, or comes to be.
func (w *window) true(expression string) bool {
	w.Helper()
	is, err := chromedp.Run(w.ctx, chromedp.Evaluate[bool](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		w.Fatalf("%s: %v", expression, err)
	}
	return is
}

func (w *window) at() string {
	w.Helper()
	address, err := chromedp.Run(w.ctx, chromedp.Location())
	if err != nil {
		w.Fatal(err)
	}
	return address
}
