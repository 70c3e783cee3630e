package look

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/processtest"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// A gallery is a running server of every page that the gate can draw. It is a
// program of its own, because the package that draws pages is internal to proxy.
type gallery struct {
	testing.TB
	address string
}

// startGallery starts the gallery, and ends it with the test.
func startGallery(t testing.TB) *gallery {
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
	g := &gallery{TB: t, address: "http://localhost:" + processtest.Port(t, listen)}
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

// names returns the names of all pages, or with "?distinct" of those of which no
// two are built alike.
func (g *gallery) names(query string) []string {
	g.Helper()
	list, err := g.get("/names" + query)
	if err != nil {
		g.Fatal(err)
	}
	return strings.Split(list, "\n")
}

func (g *gallery) get(path string) (string, error) {
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
