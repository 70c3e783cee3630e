// Package gallery starts a server of every page that the gate can draw, for
// tests that look at pages in a browser, and says how a page is looked at.
package gallery

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/processtest"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// A Gallery is a running server of every page that the gate can draw. It is a
// program of its own, because the package that draws pages is internal to proxy.
type Gallery struct {
	testing.TB
	Address string
}

// Start starts the gallery, and ends it with the test.
func Start(t testing.TB) *Gallery {
	t.Helper()
	chromium.Find(t)
	testdata, err := filepath.Abs("../../../proxy/internal/page/testdata")
	if err != nil {
		t.Fatal(err)
	}
	listen, log := processtest.Free(t), new(processtest.Log)
	program := testsite.Build(t, "./proxy/internal/gallery")
	cmd := exec.CommandContext(context.Background(), program, "-listen", listen, "-testdata", testdata) //nolint:gosec // the program that has just been built
	cmd.Stderr = log
	process := processtest.Start(t, cmd)
	t.Cleanup(process.Kill)
	g := &Gallery{TB: t, Address: "http://localhost:" + processtest.Port(t, listen)}
	testsite.Eventually(t, "an answer of the gallery", func() bool {
		select {
		case <-process.Ended():
			t.Fatalf("the gallery has ended: %s", log)
		default:
		}
		_, err := g.get("/names")
		return err == nil
	})
	return g
}

// Names returns the names of all pages, or with "?distinct" of those of which no
// two are built alike.
func (g *Gallery) Names(query string) []string {
	g.Helper()
	list, err := g.get("/names" + query)
	if err != nil {
		g.Fatal(err)
	}
	return strings.Split(list, "\n")
}

func (g *Gallery) get(path string) (string, error) {
	req, err := http.NewRequestWithContext(g.Context(), http.MethodGet, g.Address+path, http.NoBody)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close() //nolint:errcheck // it has been read
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", res.StatusCode, body)
	}
	return string(body), err
}

// A View is the screen that a page is looked at on.
type View struct {
	Theme         string
	Width, Height int64
	Zoom          float64 // of the text; 0 is as it comes
}

func (v View) String() string { return fmt.Sprintf("%s at %d px", v.Theme, v.Width) }

// Show has the window show its page in a view.
func (v View) Show(w *chromium.Window) {
	w.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: v.Theme},
		{Name: "prefers-reduced-motion", Value: "reduce"}, // a colour in transition belongs to no theme
	}}
	if _, err := chromedp.Call(w.Ctx, emulation.SetEmulatedMedia, media); err != nil {
		w.Fatal(err)
	}
	size := emulation.SetDeviceMetricsOverrideParams{Width: v.Width, Height: v.Height, DeviceScaleFactor: 1}
	if _, err := chromedp.Call(w.Ctx, emulation.SetDeviceMetricsOverride, size); err != nil {
		w.Fatal(err)
	}
	letters := ""
	if v.Zoom > 0 {
		letters = fmt.Sprintf("%v%%", 100*v.Zoom)
	}
	w.Do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.documentElement.style.fontSize = %q`, letters)))
}
