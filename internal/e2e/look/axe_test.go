package look

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

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// axe-core finds what keeps people with disabilities from using a page. It is
// fetched from its package registry for these tests only, and compared with the
// version that was reviewed.
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
		t.Fatalf("got no axe-core, and CI does not go without it: %v", err)
	default:
		t.Skipf("there is no axe-core: it needs npm and its registry: %v", err)
	}
	return ""
}

var fetchAxe = sync.OnceValues(func() (source string, err error) {
	dir, err := os.MkdirTemp("", "axe-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, cancel := context.WithTimeout(context.Background(), testsite.Timeout)
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
		return "", errors.New("got an axe-core that is not the one that was reviewed")
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

// allRules are those of WCAG 2.2 at level AA and of all versions before, and
// what axe-core recommends; colourRules are those of them that are about
// colours.
const (
	allRules    = `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`
	colourRules = `{type: "rule", values: ["color-contrast", "link-in-text-block"]}`
)

// violations is an expression: what breaks some rules in a page into which
// axe-core has been loaded.
func violations(rules string) string {
	return `axe.run(document, {runOnly: ` + rules + `, resultTypes: ["violations"]})
	.then(r => r.violations.map(({id, help, nodes}) => ({id, help, nodes: nodes.map(({html, failureSummary}) => ({html, failureSummary}))})))`
}

// checkAccessible fails the test if the page, into which axe-core has been
// loaded, breaks one of some rules.
func checkAccessible(t testing.TB, w *chromium.Window, rules string) {
	t.Helper()
	for _, v := range chromium.Value[[]violation](w, violations(rules)) {
		for _, n := range v.Nodes {
			t.Errorf("%s: %s\n%s\n%s", v.ID, v.Help, n.HTML, n.FailureSummary)
		}
	}
}

// TestAxe_FindsViolations: the tests of pages rely on it.
func TestAxe_FindsViolations(t *testing.T) {
	t.Parallel()
	chromium.Find(t)
	source := axe(t)
	w := chromium.Open(t, "about:blank")
	w.Do(chromedp.Navigate(`data:text/html,<html lang="en"><title>x</title><main><h1>x</h1><input></main>`), chromedp.Evaluate[chromedp.Void](source))
	if got := chromium.Value[[]violation](w, violations(allRules)); len(got) != 1 || got[0].ID != "label" {
		t.Errorf("got %+v, want an input without a label", got)
	}
}
