package chromium

import (
	"fmt"
	"slices"
	"strings"

	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// A request is one that the window has made, with its redirects.
type request struct {
	kind  network.ResourceType
	urls  []string
	bytes float64 // over the network, headers included
	done  bool
}

// record notes what the browser complains of and what it asks for.
func (w *Window) record(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError || e.Entry.Level == cdplog.EntryLevelWarning {
			w.complain("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		w.complain("console %s", e.Type)
	case *runtime.EventExceptionThrown:
		w.complain("exception: %s", e.ExceptionDetails.Text)
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
	case *page.EventFrameNavigated:
		if e.Frame.ParentID == "" {
			w.pages++
		}
	case *page.EventFrameStartedLoading:
		w.loading[e.FrameID] = true
	case *page.EventFrameStoppedLoading:
		delete(w.loading, e.FrameID)
	}
}

func (w *Window) complain(format string, args ...any) {
	w.complaints = append(w.complaints, fmt.Sprintf(format, args...))
}

// failed notes what did not load. A request that the browser cancels because
// the page is left is no failure.
func (w *Window) failed(e *network.EventLoadingFailed) {
	if r := w.requests[e.RequestID]; r != nil && e.Canceled {
		r.done = true
		return
	}
	w.complain("not loaded: %s", e.ErrorText)
}

func (w *Window) sent(e *network.EventRequestWillBeSent) {
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

// Weight is how many bytes have been loaded, without pictures, and in how many
// requests. It waits until the page has loaded.
func (w *Window) Weight() (bytes float64, requests int) {
	w.Helper()
	testsite.Eventually(w, "a page that has loaded", w.loaded)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.requests {
		if r.kind != network.ResourceTypeImage {
			bytes, requests = bytes+r.bytes, requests+len(r.urls)
		}
	}
	return bytes, requests
}

func (w *Window) loaded() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.requests {
		if !r.done && r.kind != network.ResourceTypeImage {
			return false
		}
	}
	return len(w.requests) > 0
}

// Requested are the addresses that the window has asked for and that begin with
// a prefix, sorted.
func (w *Window) Requested(prefix string) (urls []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.requests {
		for _, u := range r.urls {
			if strings.HasPrefix(u, prefix) {
				urls = append(urls, u)
			}
		}
	}
	slices.Sort(urls)
	return urls
}

// ThirdParties are the addresses that the window has asked for and that are not
// the site's, sorted.
func (w *Window) ThirdParties() []string {
	return slices.DeleteFunc(w.Requested(""), func(u string) bool {
		return strings.HasPrefix(u, w.Address+"/") || strings.HasPrefix(u, "data:")
	})
}

// Sockets are the statuses with which WebSockets have begun: 101 over HTTP/1.1,
// 200 over HTTP/2 (RFC 8441).
func (w *Window) Sockets() []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sockets)
}

// Complaints are errors and warnings of the browser, whatever scripts have
// printed, and files that did not load.
func (w *Window) Complaints() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.complaints)
}

// CheckQuiet fails the test if the browser has complained of something, or if
// the window has asked a third party. A complaint in which one of the texts
// stands is expected; so are requests to an address that is one of them.
func (w *Window) CheckQuiet(expected ...string) {
	w.Helper()
	known := func(what string) bool {
		return slices.ContainsFunc(expected, func(text string) bool { return strings.Contains(what, text) })
	}
	for _, c := range w.Complaints() {
		if !known(c) {
			w.Errorf("got a complaint of the browser: %s", c)
		}
	}
	for _, u := range w.ThirdParties() {
		if !slices.ContainsFunc(expected, func(address string) bool { return strings.HasPrefix(u, address+"/") }) {
			w.Errorf("got a request to a third party: %s", u)
		}
	}
}
