package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// speak has the window ask for a language, and nothing else.
func (w *window) speak(tag string) {
	w.Helper()
	asks := network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": tag}}
	if _, err := chromedp.Call(w.ctx, network.SetExtraHTTPHeaders, asks); err != nil {
		w.Fatal(err)
	}
}

// spilling are the elements whose words stand out of their boxes, with what they say.
const spilling = `[...document.querySelectorAll("h1, h2, p, li, label, legend, button, a, summary, footer")]
	.filter(e => e.checkVisibility() && e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1)
	.map(e => e.localName + ": " + e.textContent.trim())`

// TestTheWordsOfEveryLanguageFitOnATelephone looks at our own pages and those of our
// making, as many words are longer than the English ones, and some languages put no
// blanks between theirs: also with letters of twice the size on a small screen.
func TestTheWordsOfEveryLanguageFitOnATelephone(t *testing.T) {
	t.Parallel()
	chromium(t)
	pages := newGallery(t)
	address, names := pages.address, pages.names("")
	w := newWindow(t, address)
	w.plugIn() // a dialog of the browser's own about keys would stay above the pages
	for _, tag := range []string{"de", "fr", "es", "it", "nl", "pt", "pl", "ja", "zh-Hans", "zh-Hant"} {
		t.Run(tag, func(t *testing.T) {
			w.speak(tag)
			for _, name := range names {
				if strings.HasPrefix(name, "made/") || strings.HasPrefix(name, "own/") {
					w.do(chromedp.Navigate(address + "/" + name))
					w.holds(t, tag, name)
				}
			}
		})
	}
}

// holds holds the page to be in the language and all its words to be in their boxes.
func (w *window) holds(t *testing.T, tag, name string) {
	t.Helper()
	for _, l := range []look{{"light", 360, 800, 0}, {"light", 320, 800, 2}} {
		w.from(l)
		spoken, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](`document.documentElement.lang`))
		if err != nil || spoken != tag {
			t.Fatalf("%s speaks %q, %v", name, spoken, err)
		}
		w.fits(t, l)
		spilt, err := chromedp.Run(w.ctx, chromedp.Evaluate[[]string](spilling))
		if err != nil || len(spilt) > 0 {
			t.Errorf("%s, %s: what does not fit is %q, %v", name, l, spilt, err)
		}
	}
}
