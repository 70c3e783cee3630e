package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// A look is how somebody looks at a page.
type look struct {
	theme         string
	width, height int64
	zoom          float64 // of the text; 0 is as it comes
}

// looks are those at which every page must be right.
var looks = []look{
	{"light", 1280, 900, 0},
	{"dark", 1280, 900, 0},
	{"light", 360, 800, 0},
	{"dark", 320, 800, 2},
}

func (l look) String() string { return fmt.Sprintf("%s at %d px", l.theme, l.width) }

// from looks at the page in the window that way.
func (w *window) from(l look) {
	w.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: l.theme},
		{Name: "prefers-reduced-motion", Value: "reduce"}, // colours that are on their way are those of no theme
	}}
	if _, err := chromedp.Call(w.ctx, emulation.SetEmulatedMedia, media); err != nil {
		w.Fatal(err)
	}
	size := emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: l.height, DeviceScaleFactor: 1}
	if _, err := chromedp.Call(w.ctx, emulation.SetDeviceMetricsOverride, size); err != nil {
		w.Fatal(err)
	}
	letters := ""
	if l.zoom > 0 {
		letters = fmt.Sprintf("%v%%", 100*l.zoom)
	}
	w.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.documentElement.style.fontSize = %q`, letters)))
}

// TestEveryPageIsForEverybody opens each page that is built differently from the
// others: axe-core finds nothing on it, in light and dark; nothing has to be
// scrolled sideways on a telephone, nor on a small screen with letters of twice the
// size; and everything can be reached with the keyboard. What it sees goes into a
// contact sheet.
func TestEveryPageIsForEverybody(t *testing.T) {
	t.Parallel()
	chromium(t)
	source := axe(t)
	pages := newGallery(t)
	address, names := pages.address, pages.names("?distinct")
	if len(names) < 20 {
		t.Fatalf("got %d pages, want 20 or more", len(names))
	}
	w, sheet := newWindow(t, address), newSheet()
	w.plugIn() // a dialog of the browser's own about keys would take the keyboard
	for _, name := range names {
		t.Run(name, func(t *testing.T) { sheet.add(name, w.examine(t, address+"/"+name, source)) })
	}
	if err := sheet.save("contact-sheet.png"); err != nil {
		t.Error(err)
	}
}

// examine looks at a page in every way, and returns what was seen.
func (w *window) examine(t *testing.T, address, source string) (shots [][]byte) {
	t.Helper()
	w.from(looks[0])
	w.do(chromedp.Navigate(address), chromedp.Evaluate[chromedp.Void](source))
	for i, l := range looks {
		w.from(l)
		switch { // what is there is the same at any width, and in the dark but for its colours
		case i == 0:
			w.accessible(t, allRules)
		case l.width > 1000:
			w.accessible(t, colourRules)
		}
		w.fits(t, l)
		shot, err := chromedp.Run(w.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		shots = append(shots, shot)
	}
	w.reachable(t)
	return shots
}

// fits holds the page to need no scrolling sideways (WCAG 2.2, 1.4.10).
func (w *window) fits(t testing.TB, l look) {
	t.Helper()
	wide, err := chromedp.Run(w.ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`))
	if err != nil {
		t.Fatal(err)
	}
	if wide > l.width {
		t.Errorf("%s: the page is %d px wide", l, wide)
	}
}

// controls are what a visitor can act on, each with a name for a message.
const controls = `[...document.querySelectorAll("a[href], button, input, select, textarea, summary, iframe")]
	.filter(e => e.type !== "hidden" && e.tabIndex >= 0 && !e.disabled && e.checkVisibility())
	.filter(e => e.type !== "radio" || e.checked || !document.querySelector('[name="' + CSS.escape(e.name) + '"]:checked'))
	.map(e => e.outerHTML.slice(0, 120))`

// reachable holds everything on the page to be reached with the Tab key
// (WCAG 2.2, 2.1.1). Of a group of radio buttons the arrow keys reach the rest.
func (w *window) reachable(t testing.TB) {
	t.Helper()
	want, err := chromedp.Run(w.ctx, chromedp.Evaluate[[]string](controls))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for range 2*len(want) + 3 {
		at, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](`document.activeElement.outerHTML.slice(0, 120)`))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, at)
		w.do(chromedp.KeyEvent("\t"), chromedp.Sleep(5*time.Millisecond))
	}
	for _, one := range want {
		radio := strings.Contains(one, `type="radio"`)
		if !slices.Contains(got, one) && !radio {
			t.Errorf("the keyboard does not reach %s", one)
		}
	}
}
