package chromium

import (
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// Turn goes through the history by so many pages, and waits until the page
// there has been loaded, or has come from the browser's memory.
func (w *Window) Turn(by int64) *Window {
	w.Helper()
	history, err := chromedp.Run(w.Ctx, chromedp.NavigationEntries())
	if err != nil {
		w.Fatal(err)
	}
	before := w.shown()
	to := page.NavigateToHistoryEntryParams{EntryID: history.Entries[history.CurrentIndex+by].ID}
	if _, err := chromedp.Call(w.Ctx, page.NavigateToHistoryEntry, to); err != nil {
		w.Fatal(err)
	}
	testsite.Eventually(w, "another page of the history", func() bool { return w.shown() > before && w.settled() })
	return w
}

// shown is how many pages the window has shown, reloaded ones included.
func (w *Window) shown() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pages
}

// settled reports whether nothing is loading, and will not be because of what
// the page's scripts do when they find that the page is shown again.
func (w *Window) settled() bool {
	w.mu.Lock()
	loading := len(w.loading) > 0
	w.mu.Unlock()
	if loading || w.noScripts {
		return !loading
	}
	const scripts = `new Promise((resolve) => setTimeout(() => resolve(document.readyState === "complete"), 50))`
	complete, err := chromedp.Run(w.Ctx, chromedp.Evaluate[bool](scripts, chromedp.EvalAwaitPromise)) // fails if the page is left
	w.mu.Lock()
	defer w.mu.Unlock()
	return err == nil && complete && len(w.loading) == 0
}
