package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tabs opens a first step in each of so many tabs, each with a way back of its own.
func tabs(w *window, n int) []*window {
	w.Helper()
	all := []*window{w}
	for len(all) < n {
		all = append(all, w.tab())
	}
	for i, t := range all {
		t.open(fmt.Sprintf("/%d", i))
		t.shows("#uid")
	}
	return all
}

func TestTabsThatWaitGoOnWhenAnotherHasSignedIn(t *testing.T) {
	t.Parallel()
	all := tabs(newWindow(t, newHouse(t).address), 10)
	all[1].enter("#uid", jane)
	all[0].signsInTo("/0")
	all[1].landed("/1") // in the middle of its own sign-in
	for i, tab := range all[2:] {
		tab.landed(fmt.Sprintf("/%d", i+2))
	}
	for _, tab := range all {
		tab.quiet()
	}
}

func TestATabThatAnswersLateGoesOn(t *testing.T) {
	t.Parallel()
	w := newWindow(t, newHouse(t).address)
	w.withoutScripts()
	all := tabs(w, 3)
	for _, tab := range all {
		tab.withoutScripts()
	}
	all[1].open("/1")
	all[1].enter("#uid", jane)
	all[1].shows("#password")
	all[0].signsInTo("/0")
	all[1].enter("#password", "anything")
	all[1].landed("/1")
	all[2].enter("#uid", "anybody")
	all[2].landed("/2")
}

func TestAVisitThatHasExpiredBeginsAfresh(t *testing.T) {
	t.Parallel()
	for name, scripts := range map[string]bool{"with scripts": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			w := newWindow(t, h.address)
			if !scripts {
				w.withoutScripts()
			}
			toPassword(w)
			h.later(31 * time.Minute)
			w.enter("#password", password)
			w.shows("[role=status]")
			w.signsInTo(deep)
			w.quiet()
		})
	}
}

func TestPressingTwiceSendsOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scripts bool
		press   func(*window)
		posts   int32 // of two forms
	}{
		"the button":             {true, func(w *window) { w.do(chromedp.DoubleClick(chromedp.CSS("form button:not([type])"))) }, 2},
		"the key":                {true, func(w *window) { w.do(chromedp.KeyEvent(kb.Enter), chromedp.KeyEvent(kb.Enter)) }, 2},
		"the key, no scripts":    {false, func(w *window) { w.do(chromedp.KeyEvent(kb.Enter), chromedp.KeyEvent(kb.Enter)) }, 0},
		"the button, no scripts": {false, func(w *window) { w.do(chromedp.DoubleClick(chromedp.CSS("form button:not([type])"))) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.slow(func(r *http.Request) {
				if strings.Contains(r.URL.Path, "/flows/executor/") {
					time.Sleep(300 * time.Millisecond)
				}
			})
			w := newWindow(t, h.address)
			if !c.scripts {
				w.withoutScripts()
			}
			w.open(deep)
			w.shows("#uid")
			w.do(chromedp.SendKeys(chromedp.CSS("#uid"), jane))
			c.press(w)
			w.shows("#password")
			w.do(chromedp.SendKeys(chromedp.CSS("#password"), password))
			c.press(w)
			w.landed(deep)
			if got := h.posts.Load(); c.posts > 0 && got != c.posts {
				t.Errorf("%d forms were sent", got)
			}
			if got := h.answers.Load(); got != 2 {
				t.Errorf("authentik was given %d answers", got)
			}
			w.quiet()
		})
	}
}

// TestAFormCanBeSentAgainAfterAWhile: the first may have come to nothing.
func TestAFormCanBeSentAgainAfterAWhile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w := newWindow(t, h.address)
	w.open(deep)
	w.shows("#uid")
	stuck := make(chan struct{})
	release := sync.OnceFunc(func() { close(stuck) })
	defer release()
	h.slow(func(*http.Request) { <-stuck })
	w.do(chromedp.SendKeys(chromedp.CSS("#uid"), jane))
	sent := w.true(`(async () => {
		const { dataset } = document.forms[0];
		document.forms[0].requestSubmit();
		const before = "sent" in dataset;
		await new Promise((resolve) => setTimeout(resolve, 6000));
		return before && !("sent" in dataset);
	})()`)
	if !sent {
		t.Error("the form can be sent twice at once, or never again")
	}
	release()
	w.shows("#password")
	w.enter("#password", password)
	w.landed(deep)
}
