package look

import (
	"flag"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/e2e/gallery"
)

// views are those in which every page must be right.
var views = []gallery.View{
	{Theme: "light", Width: 1280, Height: 900},
	{Theme: "dark", Width: 1280, Height: 900},
	{Theme: "light", Width: 360, Height: 800},
	{Theme: "dark", Width: 320, Height: 800, Zoom: 2},
}

// groups is in how many windows the pages are opened at a time.
const groups = 4

// sheetFile is where a contact sheet of all pages goes, for a person to look at:
//
//	go test ./internal/e2e/look -run Pages -sheet contact-sheet.png
var sheetFile = flag.String("sheet", "", "write a contact sheet of all pages to this PNG file")

// TestPages_AreAccessible opens pages that together have everything that
// pages are built from: axe-core finds nothing on it, in light and dark; nothing has to be
// scrolled sideways on a telephone, nor on a small screen with letters of twice
// the size; and everything can be reached with the keyboard.
func TestPages_AreAccessible(t *testing.T) {
	t.Parallel()
	pages := gallery.Start(t)
	source := axe(t)
	names := pages.Names("?distinct")
	if len(names) < 20 {
		t.Fatalf("got %d pages, want 20 or more", len(names))
	}
	var shown sheet
	t.Run("all", func(t *testing.T) {
		for group := range slices.Chunk(names, (len(names)+groups-1)/groups) {
			t.Run("group", func(t *testing.T) {
				t.Parallel()
				w := chromium.Open(t, pages.Address)
				w.AddAuthenticator() // without one, a dialog of the browser about keys would take the keyboard
				for _, name := range group {
					t.Run(name, func(t *testing.T) { shown.add(name, examine(t, w, "/"+name, source)) })
				}
			})
		}
	})
	if *sheetFile != "" {
		if err := shown.save(*sheetFile); err != nil {
			t.Error(err)
		}
	}
}

// examine looks at a page in every view, and returns screenshots if there is to
// be a contact sheet.
func examine(t *testing.T, w *chromium.Window, path, source string) (shots [][]byte) {
	t.Helper()
	views[0].Show(w)
	w.Open(path)
	w.Do(chromedp.Evaluate[chromedp.Void](source))
	for i, v := range views {
		v.Show(w)
		switch { // the page has the same elements at any width, and in the dark other colours only
		case i == 0:
			checkAccessible(t, w, allRules)
		case v.Width > 1000:
			checkAccessible(t, w, colourRules)
		}
		checkWidth(t, w, v)
		if *sheetFile == "" {
			continue
		}
		shot, err := chromedp.Run(w.Ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		shots = append(shots, shot)
	}
	checkKeyboard(t, w)
	return shots
}

// checkWidth fails the test if the page has to be scrolled sideways (WCAG 2.2,
// 1.4.10).
func checkWidth(t testing.TB, w *chromium.Window, v gallery.View) {
	t.Helper()
	if got := chromium.Value[int64](w, `document.documentElement.scrollWidth`); got > v.Width {
		t.Errorf("%s: got a page %d px wide, want it no wider than the screen", v, got)
	}
}

// controls are what a visitor can act on, each with a name for a message.
const controls = `[...document.querySelectorAll("a[href], button, input, select, textarea, summary, iframe")]
	.filter(e => e.type !== "hidden" && e.tabIndex >= 0 && !e.disabled && e.checkVisibility())
	.filter(e => e.type !== "radio" || e.checked || !document.querySelector('[name="' + CSS.escape(e.name) + '"]:checked'))
	.map(e => e.outerHTML.slice(0, 120))`

// noteFocus notes every element that gets the focus.
const noteFocus = `{
	const name = (e) => e.outerHTML.slice(0, 120);
	window.focused = [name(document.activeElement)];
	addEventListener("focusin", (event) => focused.push(name(event.target)));
}`

// checkKeyboard fails the test if something on the page cannot be reached with
// the Tab key (WCAG 2.2, 2.1.1). Of a group of radio buttons the arrow keys
// reach the rest.
func checkKeyboard(t testing.TB, w *chromium.Window) {
	t.Helper()
	want := chromium.Value[[]string](w, controls)
	want = slices.DeleteFunc(want, func(one string) bool { return strings.Contains(one, `type="radio"`) })
	w.Do(chromedp.Evaluate[chromedp.Void](noteFocus))
	missing := want
	for presses := 0; len(missing) > 0 && presses < 2*len(want)+10; presses += len(missing) {
		for range missing {
			w.Do(chromedp.KeyEvent("\t"))
		}
		got := chromium.Value[[]string](w, `focused`)
		missing = slices.DeleteFunc(slices.Clone(want), func(one string) bool { return slices.Contains(got, one) })
	}
	for _, one := range missing {
		t.Errorf("got no way to %s with the keyboard", one)
	}
}
