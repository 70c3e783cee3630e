package relay

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// A wire looks at everything that comes to a window from the network: headers
// as they were sent, and bodies before the page gets them.
type wire struct {
	*chromium.Window
	inner string // authentik's own address, which nothing may name

	mu     sync.Mutex
	bodies int // how many were looked at
	leaks  []string
}

// tap listens to a window that has not loaded anything yet.
func tap(s *testsite.Site, w *chromium.Window) *wire {
	w.Helper()
	l := &wire{Window: w, inner: strings.TrimPrefix(s.Inner, "http://")}
	if err := chromedp.Listen(w.Ctx, l.event); err != nil {
		w.Fatal(err)
	}
	answers := fetch.EnableParams{Patterns: []*fetch.RequestPattern{{RequestStage: fetch.RequestStageResponse}}}
	if _, err := chromedp.Call(w.Ctx, fetch.Enable, answers); err != nil {
		w.Fatal(err)
	}
	return l
}

func (l *wire) event(event any) {
	switch e := event.(type) {
	case *network.EventResponseReceivedExtraInfo:
		l.headers(e.Headers)
	case *network.EventWebSocketCreated:
		if e.URL != strings.Replace(l.Address, "http", "ws", 1)+"/ws/client/" {
			l.leak("a WebSocket to %s", e.URL)
		}
	case *fetch.EventRequestPaused:
		go l.paused(e) // no call is answered while an event is handled
	}
}

func (l *wire) leak(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leaks = append(l.leaks, fmt.Sprintf(format, args...))
}

// headers looks at the headers of an answer. Caddy names itself, and the gate
// has cookies of its own.
func (l *wire) headers(h network.Headers) {
	for name, value := range h {
		for text := range strings.SplitSeq(fmt.Sprint(value), "\n") {
			switch name = http.CanonicalHeaderKey(name); {
			case name == "X-Powered-By", name == "Server" && text != "Caddy",
				name == "Set-Cookie" && !strings.HasPrefix(text, "__Host-authentik"),
				strings.Contains(text, l.inner):
				l.leak("%s: %s", name, text)
			}
		}
	}
}

// paused looks at a body, and passes it on to the page. Redirects have none.
func (l *wire) paused(e *fetch.EventRequestPaused) {
	if body, err := chromedp.Call(l.Ctx, fetch.GetResponseBody, fetch.GetResponseBodyParams{RequestID: e.RequestID}); err == nil {
		if strings.Contains(string(body.Body), l.inner) {
			l.leak("%s names %s", e.Request.URL, l.inner)
		}
		l.mu.Lock()
		l.bodies++
		l.mu.Unlock()
	}
	_, _ = chromedp.Call(l.Ctx, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: e.RequestID}) // it may have been cancelled
}

// checkClean fails the test if something has come that is not for the browser.
func (l *wire) checkClean() {
	l.Helper()
	if !l.True(`!document.cookie.includes("authentik")`) {
		l.Error("got a cookie of authentik or of the gate that scripts can read")
	}
	for _, name := range l.Cookies() {
		if !strings.HasPrefix(name, "__Host-authentik") {
			l.Errorf("got the cookie %s in the browser", name)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bodies == 0 {
		l.Error("got no body to look at")
	}
	for _, leak := range l.leaks {
		l.Errorf("got in the browser: %s", leak)
	}
}
