package signin

import (
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite/inprocess"
)

// TestCache_BackAfterASignOutShowsNoPrivatePage has an application that says
// nothing about caches: Chromium keeps its page in memory, as it was.
func TestCache_BackAfterASignOutShowsNoPrivatePage(t *testing.T) {
	t.Parallel()
	s := inprocess.Start(t)
	w := chromium.OpenFull(t, s.Address)
	w.Open("/silent")
	w.SignIn("/silent")
	w.Open("/.authentik/logout")
	w.Await("form button")
	began := time.Now()
	w.ClickAndLoad("form button")
	t.Logf("the sign-out took %v", time.Since(began))
	for range 2 { // the question, and the application
		w = w.Turn(-1)
		if text := w.Text("body"); strings.Contains(text, "Remote-User") {
			t.Fatalf("got the page of the signed-in visitor at %s:\n%s", w.URL(), text)
		}
	}
	w.Await("#uid")
}
