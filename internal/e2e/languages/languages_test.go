// Package languages tests that every page fits on a telephone in every language.
package languages

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/e2e/gallery"
)

func TestMain(m *testing.M) { chromium.Main(m) }

// setLanguage has the window ask for pages in one language.
func setLanguage(w *chromium.Window, tag string) {
	w.Helper()
	asks := network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": tag}}
	if _, err := chromedp.Call(w.Ctx, network.SetExtraHTTPHeaders, asks); err != nil {
		w.Fatal(err)
	}
}

// overflowing are the elements whose text is wider than their boxes, with the
// text.
const overflowing = `[...document.querySelectorAll("h1, h2, p, li, label, legend, button, a, summary, footer")]
	.filter(e => e.checkVisibility() && e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1)
	.map(e => e.localName + ": " + e.textContent.trim())`

// telephone is a small screen with letters of twice the size.
var telephone = gallery.View{Theme: "light", Width: 320, Height: 800, Zoom: 2}

// TestLanguages_FitOnATelephone looks at the pages with texts of our own, as
// many words are longer than the English ones, and some languages put no spaces
// between theirs.
func TestLanguages_FitOnATelephone(t *testing.T) {
	t.Parallel()
	pages := gallery.Start(t)
	names := pages.Names("")
	for _, tag := range []string{"de", "fr", "es", "it", "nl", "pt", "pl", "ja", "zh-Hans", "zh-Hant"} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			w := chromium.Open(t, pages.Address)
			w.AddAuthenticator() // without one, a dialog of the browser about keys would stay above the pages
			setLanguage(w, tag)
			telephone.Show(w)
			for _, name := range names {
				if strings.HasPrefix(name, "made/") || strings.HasPrefix(name, "own/") {
					w.Open("/" + name)
					checkLanguage(t, w, tag, name)
				}
			}
		})
	}
}

// fit is an expression: the language of the page, its width and what overflows,
// with the letters of a telephone.
const fit = `(document.documentElement.style.fontSize = "200%", {lang: document.documentElement.lang, width: document.documentElement.scrollWidth, wider: ` + overflowing + `})`

// checkLanguage fails the test unless the page is in the language and all its
// texts are in their boxes.
func checkLanguage(t *testing.T, w *chromium.Window, tag, name string) {
	t.Helper()
	type measured struct {
		Lang  string   `json:"lang"`
		Width int64    `json:"width"`
		Wider []string `json:"wider"`
	}
	if got := chromium.Value[measured](w, fit); got.Lang != tag || got.Width > telephone.Width || len(got.Wider) > 0 {
		t.Errorf("%s: got the language %q, a page %d px wide, and texts wider than their boxes: %q; want %q, %d px, and none",
			name, got.Lang, got.Width, got.Wider, tag, telephone.Width)
	}
}
