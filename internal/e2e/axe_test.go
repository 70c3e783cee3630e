package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// axe-core finds what people with disabilities stumble over. It is fetched from
// its package registry for these tests alone, and held to what was reviewed.
const (
	axeVersion = "4.14.1"
	axeSum     = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
)

// axe returns axe-core's source.
func axe(t testing.TB) string {
	t.Helper()
	source, err := fetchAxe()
	switch {
	case err == nil:
		return source
	case os.Getenv("CI") != "":
		t.Fatalf("axe-core cannot be had, and CI is not to go without it: %v", err)
	default:
		t.Skipf("axe-core cannot be had; it needs npm and its registry: %v", err)
	}
	return ""
}

var fetchAxe = sync.OnceValues(func() (source string, err error) {
	dir, err := os.MkdirTemp("", "axe-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	pack := exec.CommandContext(ctx, "npm", "pack", "--silent", "axe-core@"+axeVersion)
	pack.Dir = dir
	if out, err := pack.CombinedOutput(); err != nil {
		return "", fmt.Errorf("fetching axe-core: %w: %s", err, out)
	}
	packed, err := os.ReadFile(filepath.Join(dir, "axe-core-"+axeVersion+".tgz"))
	if err != nil {
		return "", err
	}
	if sum := sha512.Sum512(packed); base64.StdEncoding.EncodeToString(sum[:]) != axeSum {
		return "", errors.New("axe-core is another than the one that was reviewed")
	}
	return unpack(packed, "package/axe.min.js")
})

// unpack returns one file of a package.
func unpack(packed []byte, name string) (string, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", err
	}
	for files := tar.NewReader(z); ; {
		h, err := files.Next()
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		if h.Name == name {
			source, err := io.ReadAll(files)
			return string(source), err
		}
	}
}

// A violation is a rule that a page breaks, and where.
type violation struct {
	ID, Help string
	Nodes    []struct {
		HTML           string `json:"html"`
		FailureSummary string `json:"failureSummary"`
	}
}

// allRules are WCAG 2.2 at level AA with all that came before, and what axe-core recommends besides; colourRules those of them that
// are about colours.
const (
	allRules    = `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`
	colourRules = `{type: "rule", values: ["color-contrast", "link-in-text-block"]}`
)

// violations has axe-core, which is in the page, find what breaks some of its rules.
func violations(rules string) string {
	return `axe.run(document, {runOnly: ` + rules + `, resultTypes: ["violations"]})
	.then(r => r.violations.map(({id, help, nodes}) => ({id, help, nodes: nodes.map(({html, failureSummary}) => ({html, failureSummary}))})))`
}

// accessible holds the page in the window to rules of axe-core, which is in it.
func (w *window) accessible(t testing.TB, rules string) {
	t.Helper()
	found, err := chromedp.Run(w.ctx, chromedp.Evaluate[[]violation](violations(rules), chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		for _, n := range v.Nodes {
			t.Errorf("%s: %s\n%s\n%s", v.ID, v.Help, n.HTML, n.FailureSummary)
		}
	}
}

// TestAxeFindsWhatIsWrong: what it would not find, the tests of pages would not either.
func TestAxeFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	chromium(t)
	source := axe(t)
	w := newWindow(t, "about:blank")
	w.do(chromedp.Navigate(`data:text/html,<html lang="en"><title>x</title><main><h1>x</h1><input></main>`), chromedp.Evaluate[chromedp.Void](source))
	found, err := chromedp.Run(w.ctx, chromedp.Evaluate[[]violation](violations(allRules), chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].ID != "label" {
		t.Errorf("an input without a label: %+v", found)
	}
}
