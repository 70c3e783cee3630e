package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/processtest"
)

// A pageGallery is a running server of every page that the gate can draw. It is a
// program of its own, because the package that draws pages is internal to proxy.
type pageGallery struct {
	testing.TB
	address string
}

// newGallery builds and starts the gallery, and ends it with the test.
func newGallery(t testing.TB) *pageGallery {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "gallery")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../proxy/internal/gallery").CombinedOutput(); err != nil {
		t.Fatalf("building the gallery: %v\n%s", err, out)
	}
	listen, log := processtest.Free(t), new(processtest.Log)
	cmd := exec.CommandContext(context.Background(), binary, "-listen", listen, "-testdata", "../../proxy/internal/page/testdata") //nolint:gosec // the program that has just been built
	cmd.Stderr = log
	process := processtest.Start(t, cmd)
	t.Cleanup(process.Kill)
	g := &pageGallery{TB: t, address: "http://localhost:" + processtest.Port(t, listen)}
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		_, err := g.get("/names")
		if err == nil {
			return g
		}
		select {
		case <-process.Ended():
			t.Fatalf("the gallery has ended: %s", log)
		default:
		}
		if time.Since(begun) > patience {
			t.Fatalf("the gallery does not answer: %v", err)
		}
	}
}

// names returns the names of all pages, or with "?distinct" of those of which no
// two are built alike.
func (g *pageGallery) names(query string) []string {
	g.Helper()
	list, err := g.get("/names" + query)
	if err != nil {
		g.Fatal(err)
	}
	return strings.Split(list, "\n")
}

func (g *pageGallery) get(path string) (string, error) {
	req, err := http.NewRequestWithContext(g.Context(), http.MethodGet, g.address+path, http.NoBody)
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
