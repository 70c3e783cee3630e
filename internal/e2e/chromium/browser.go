package chromium

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// Main runs the tests of a package, and ends the Chromiums that they share.
func Main(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("skipped with -short: all tests here start Chromium or a built Caddy")
		os.Exit(0)
	}
	code := m.Run()
	shell.end()
	full.end()
	os.Exit(code)
}

// The Chromiums of this test program. A headless shell is Chromium without the
// browser around its pages, and takes a fifth of the time.
var (
	shell = browser{find: Find}
	full  = browser{find: findFull}
)

// A browser is one process of Chromium, started when the first window opens.
type browser struct {
	find func(testing.TB) string
	once sync.Once
	ctx  context.Context // of its first, empty tab
	stop func()
	err  error
}

// Names of the two kinds of Chromium.
var (
	shellNames = []string{"chromium-headless-shell", "chrome-headless-shell"}
	fullNames  = []string{"chromium", "chromium-browser", "google-chrome"}
)

// Find finds Chromium, or skips the test.
func Find(t testing.TB) string {
	t.Helper()
	return find(t, slices.Concat(shellNames, fullNames))
}

// findFull finds a Chromium that is no headless shell, or skips the test.
func findFull(t testing.TB) string {
	t.Helper()
	return find(t, fullNames)
}

func find(t testing.TB, names []string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts Chromium")
	}
	if name := os.Getenv("CHROMIUM"); name != "" {
		names = []string{name}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing := fmt.Sprintf("there is no Chromium on this machine: install the package chromium, or name the program in CHROMIUM (looked for %q)", names)
	if os.Getenv("CI") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// options are those of every Chromium here.
func options(path string) []chromedp.ExecAllocatorOption {
	return append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.IgnoreCertErrors,
		chromedp.Flag("site-per-process", true), // as every full Chromium has it
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.WindowSize(1280, 900))
}

// of returns the context of the browser, which is started for the first caller.
func (b *browser) of(t testing.TB) context.Context {
	t.Helper()
	path := b.find(t)
	b.once.Do(func() {
		// It outlives the test that asks for it first.
		b.ctx, b.stop, b.err = start(options(path))
	})
	if b.err != nil {
		t.Fatalf("starting Chromium: %v", b.err)
	}
	return b.ctx
}

// start starts a Chromium, and returns the context of its first tab.
func start(options []chromedp.ExecAllocatorOption, tab ...chromedp.ContextOption) (context.Context, func(), error) {
	allocator, endAll := chromedp.NewExecAllocator(context.Background(), append(options, chromedp.WSURLReadTimeout(startTimeout))...)
	tab = append(tab, chromedp.WithErrorf(func(string, ...any) {})) // of events that a newer Chromium sends
	ctx, end := chromedp.NewContext(allocator, tab...)
	stop := func() { // Chromium is gone before its profile is removed
		end()
		endAll()
	}
	if err := chromedp.Do(ctx, chromedp.Steps()); err != nil { // starts it
		stop()
		return nil, nil, err
	}
	return ctx, stop, nil
}

func (b *browser) end() {
	if b.stop != nil {
		b.stop()
	}
}
