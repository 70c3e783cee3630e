package look

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
)

// A view is the screen that a page is looked at on.
type view struct {
	theme         string
	width, height int64
	zoom          float64 // of the text; 0 is as it comes
}

// views are those in which every page must be right.
var views = []view{
	{"light", 1280, 900, 0},
	{"dark", 1280, 900, 0},
	{"light", 360, 800, 0},
	{"dark", 320, 800, 2},
}

func (v view) String() string { return fmt.Sprintf("%s at %d px", v.theme, v.width) }

// show has the window show its page in a view.
func (v view) show(w *chromium.Window) {
	w.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: v.theme},
		{Name: "prefers-reduced-motion", Value: "reduce"}, // a colour in transition belongs to no theme
	}}
	if _, err := chromedp.Call(w.Ctx, emulation.SetEmulatedMedia, media); err != nil {
		w.Fatal(err)
	}
	size := emulation.SetDeviceMetricsOverrideParams{Width: v.width, Height: v.height, DeviceScaleFactor: 1}
	if _, err := chromedp.Call(w.Ctx, emulation.SetDeviceMetricsOverride, size); err != nil {
		w.Fatal(err)
	}
	letters := ""
	if v.zoom > 0 {
		letters = fmt.Sprintf("%v%%", 100*v.zoom)
	}
	w.Do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.documentElement.style.fontSize = %q`, letters)))
}

// groups is in how many windows the pages are opened at a time.
const groups = 4

// sheetFile is where a contact sheet of all pages goes, for a person to look at:
//
//	go test ./internal/e2e/look -run Pages -sheet contact-sheet.png
var sheetFile = flag.String("sheet", "", "write a contact sheet of all pages to this PNG file")

// TestPages_CanBeUsedByEverybody opens pages that together have everything that
// pages are built from: axe-core finds nothing on it, in light and dark; nothing has to be
// scrolled sideways on a telephone, nor on a small screen with letters of twice
// the size; and everything can be reached with the keyboard.
func TestPages_CanBeUsedByEverybody(t *testing.T) {
	t.Parallel()
	pages := startGallery(t)
	source := axe(t)
	names := pages.names("?distinct")
	if len(names) < 20 {
		t.Fatalf("got %d pages, want 20 or more", len(names))
	}
	var shown sheet
	t.Run("all", func(t *testing.T) {
		for group := range slices.Chunk(names, (len(names)+groups-1)/groups) {
			t.Run("group", func(t *testing.T) {
				t.Parallel()
				w := chromium.Open(t, pages.address)
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
	views[0].show(w)
	w.Open(path)
	w.Do(chromedp.Evaluate[chromedp.Void](source))
	for i, v := range views {
		v.show(w)
		switch { // the page has the same elements at any width, and in the dark other colours only
		case i == 0:
			checkAccessible(t, w, allRules)
		case v.width > 1000:
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
func checkWidth(t testing.TB, w *chromium.Window, v view) {
	t.Helper()
	if got := chromium.Value[int64](w, `document.documentElement.scrollWidth`); got > v.width {
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
