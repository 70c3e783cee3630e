package signin

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/internal/testsite/inprocess"
)

// tabs opens a first step in each of n tabs, each on the way to another address
// of the application.
func tabs(w *chromium.Window, n int) []*chromium.Window {
	w.Helper()
	all := []*chromium.Window{w}
	for len(all) < n {
		all = append(all, w.Tab())
	}
	for i, tab := range all {
		tab.Hasten(5) // a page asks after five seconds whether it can go on
		tab.Open(fmt.Sprintf("/%d", i))
		tab.Await("#uid")
	}
	return all
}

func TestTabs_GoOnWhenAnotherHasSignedIn(t *testing.T) {
	t.Parallel()
	all := tabs(chromium.Open(t, inprocess.Start(t).Address), 10)
	all[1].Enter("#uid", testsite.Jane)
	all[0].SignIn("/0")
	all[1].Landed("/1") // in the middle of its own sign-in
	for i, tab := range all[2:] {
		tab.Landed(fmt.Sprintf("/%d", i+2))
	}
	for _, tab := range all {
		tab.CheckQuiet()
	}
}

func TestTabs_AnswerAfterAnotherHasSignedInGoesOn(t *testing.T) {
	t.Parallel()
	w := chromium.Open(t, inprocess.Start(t).Address)
	w.DisableScripts()
	all := tabs(w, 3)
	for _, tab := range all {
		tab.DisableScripts()
	}
	all[1].Open("/1")
	all[1].Enter("#uid", testsite.Jane)
	all[1].Await("#password")
	all[0].SignIn("/0")
	all[1].Enter("#password", "anything")
	all[1].Landed("/1")
	all[2].Enter("#uid", "another-user")
	all[2].Landed("/2")
}

func TestVisit_ExpiredBeginsAfresh(t *testing.T) {
	t.Parallel()
	for name, scripts := range map[string]bool{"with scripts": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := inprocess.Start(t)
			w := chromium.Open(t, s.Address)
			if !scripts {
				w.DisableScripts()
			}
			toPassword(w)
			s.Clock.Advance(31 * time.Minute)
			w.Enter("#password", testsite.Password)
			w.Await("[role=status]")
			w.SignIn(deep)
			w.CheckQuiet()
		})
	}
}

// hold keeps authentik's executor from answering until it is released.
func hold(s *inprocess.Site) (release func()) {
	held := make(chan struct{})
	s.Before(func(r *http.Request) {
		if strings.Contains(r.URL.Path, "/flows/executor/") {
			<-held
		}
	})
	return sync.OnceFunc(func() { close(held) })
}

func TestForm_PressedTwiceIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	button := func(w *chromium.Window) { w.Do(chromedp.DoubleClick(chromedp.CSS("form button:not([type])"))) }
	key := func(w *chromium.Window) { w.Do(chromedp.KeyEvent(kb.Enter), chromedp.KeyEvent(kb.Enter)) }
	for name, c := range map[string]struct {
		scripts bool
		press   func(*chromium.Window)
	}{
		"the button": {true, button}, "the button, no scripts": {false, button},
		"the key": {true, key}, "the key, no scripts": {false, key},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := inprocess.Start(t)
			w := chromium.Open(t, s.Address)
			if !c.scripts {
				w.DisableScripts()
			}
			w.Open(deep)
			for _, field := range []struct{ selector, text string }{{"#uid", testsite.Jane}, {"#password", testsite.Password}} {
				w.Type(field.selector, field.text)
				release := hold(s) // so that the second press meets the same page
				defer release()
				c.press(w)
				release()
			}
			w.Landed(deep)
			if got := s.Posts.Load(); c.scripts && got != 2 {
				t.Errorf("got %d forms at the gate, want 2", got)
			}
			if got := s.Answers.Load(); got != 2 {
				t.Errorf("got %d answers at authentik, want 2", got)
			}
			w.CheckQuiet()
		})
	}
}

// TestForm_CanBeSentAgainAfterAWhile: the first request may have been lost.
func TestForm_CanBeSentAgainAfterAWhile(t *testing.T) {
	t.Parallel()
	s := inprocess.Start(t)
	w := chromium.Open(t, s.Address)
	w.Hasten(10) // it takes five seconds
	w.Open(deep)
	w.Type("#uid", testsite.Jane)
	release := hold(s)
	defer release()
	once := w.True(`new Promise((resolve) => {
		const { dataset } = document.forms[0];
		document.forms[0].requestSubmit();
		const once = "sent" in dataset;
		setInterval(() => "sent" in dataset || resolve(once), 20);
	})`)
	if !once {
		t.Error("got a form that can be sent twice at once")
	}
	release()
	w.Enter("#password", testsite.Password)
	w.Landed(deep)
}
