package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// A wire is all that comes to a window, as it comes: headers from the network, and bodies before a page can have them.
type wire struct {
	*window
	inner string // the address behind the gate that none of it may name

	mu     sync.Mutex
	bodies int // that were looked at
	finds  []string
}

// taps listens to a window that has not been anywhere yet.
func (s *site) taps(w *window) *wire {
	w.Helper()
	l := &wire{window: w, inner: strings.TrimPrefix(s.inner, "http://")}
	if err := chromedp.Listen(w.ctx, l.came); err != nil {
		w.Fatal(err)
	}
	answers := fetch.EnableParams{Patterns: []*fetch.RequestPattern{{RequestStage: fetch.RequestStageResponse}}}
	if _, err := chromedp.Call(w.ctx, fetch.Enable, answers); err != nil {
		w.Fatal(err)
	}
	return l
}

func (l *wire) came(event any) {
	switch e := event.(type) {
	case *network.EventResponseReceivedExtraInfo:
		l.headers(e.Headers)
	case *network.EventWebSocketCreated:
		if e.URL != strings.Replace(l.address, "http", "ws", 1)+"/ws/client/" {
			l.found("a WebSocket to %s", e.URL)
		}
	case *fetch.EventRequestPaused:
		go l.paused(e) // calls are not answered while an event is heard
	}
}

func (l *wire) found(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finds = append(l.finds, fmt.Sprintf(format, args...))
}

// headers looks at what came with an answer. Caddy names itself, and the gate has cookies of its own.
func (l *wire) headers(h network.Headers) {
	for name, value := range h {
		for text := range strings.SplitSeq(fmt.Sprint(value), "\n") {
			switch name = http.CanonicalHeaderKey(name); {
			case name == "X-Powered-By", name == "Server" && text != "Caddy",
				name == "Set-Cookie" && !strings.HasPrefix(text, "__Host-authentik"),
				strings.Contains(text, l.inner):
				l.found("%s: %s", name, text)
			}
		}
	}
}

// paused looks at a body, and lets it go on to the page. Redirects have none.
func (l *wire) paused(e *fetch.EventRequestPaused) {
	if body, err := chromedp.Call(l.ctx, fetch.GetResponseBody, fetch.GetResponseBodyParams{RequestID: e.RequestID}); err == nil {
		if strings.Contains(string(body.Body), l.inner) {
			l.found("%s names %s", e.Request.URL, l.inner)
		}
		l.mu.Lock()
		l.bodies++
		l.mu.Unlock()
	}
	_, _ = chromedp.Call(l.ctx, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: e.RequestID}) // it may have been given up
}

// clean holds nothing to have come that is not for the browser.
func (l *wire) clean() {
	l.Helper()
	if !l.true(`!document.cookie.includes("authentik")`) {
		l.Error("scripts see a cookie of authentik's or the gate's")
	}
	for _, name := range l.jar() {
		if !strings.HasPrefix(name, "__Host-authentik") {
			l.Errorf("the browser keeps %s", name)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bodies == 0 {
		l.Error("not one body was looked at")
	}
	for _, f := range l.finds {
		l.Errorf("to the browser came %s", f)
	}
}

// jar are the names of all cookies that the browser has for the page it is at.
func (w *window) jar() (names []string) {
	w.Helper()
	res, err := chromedp.Call(w.ctx, network.GetCookies, network.GetCookiesParams{})
	if err != nil {
		w.Fatal(err)
	}
	for _, c := range res.Cookies {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return names
}
