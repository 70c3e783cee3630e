package streams

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

const (
	// soon is how long a stream may stay open after its session has ended. Two
	// seconds are promised, and a tenth of one is usual; the rest is for busy
	// machines, and still shorter than the gate's own look at ends that it is
	// not told of.
	soon = 10 * time.Second
	// ticks is how many messages a stream brings, about three seconds long,
	// before a test believes that it stays open.
	ticks = 60
)

// ends are the ways in which Jane's sessions end at a Caddy.
var ends = map[string]func(*testsite.Site, *testsite.Caddy){
	"the command": func(_ *testsite.Site, c *testsite.Caddy) {
		c.Run("authentik", "sessions", "end", "--user", testsite.Jane, "--address", c.Admin)
	},
	"the admin API": func(_ *testsite.Site, c *testsite.Caddy) {
		req, err := http.NewRequestWithContext(c.Context(), http.MethodDelete, "http://"+c.Admin+"/authentik/sessions?user="+testsite.Jane, nil)
		if err != nil {
			c.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			c.Fatal(err)
		}
		if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
			c.Fatalf("got status %d from the admin API, %v; want 200", res.StatusCode, err)
		}
	},
	"authentik's notice": func(s *testsite.Site, c *testsite.Caddy) {
		if n := s.StandIn.EndSessions(testsite.Jane); n == 0 {
			c.Fatal("got no session at authentik to end")
		}
	},
}

// protocols are those that browsers speak: HTTP/1.1 in the clear, and HTTP/2,
// where WebSockets come as a request of their own kind.
var protocols = map[string]struct {
	setup  testsite.Setup
	status int64 // of a WebSocket's handshake
	name   string
}{
	"HTTP/1.1": {testsite.Setup{Scheme: "http"}, http.StatusSwitchingProtocols, "http/1.1"},
	"HTTP/2":   {testsite.Setup{Scheme: "https", Env: []string{"GODEBUG=http2xconnect=1"}}, http.StatusOK, "h2"},
}

// TestStreams_EndWithTheirSession opens a WebSocket and an event stream in
// Chromium, again for each way to end a session.
func TestStreams_EndWithTheirSession(t *testing.T) {
	t.Parallel()
	for name, row := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chromium.Find(t)
			s := row.setup.OIDC().Start(t)
			w := chromium.Open(t, s.Address)
			w.Open("/")
			w.SignIn("/")
			openStreams(t, w, s)
			if !w.True(`performance.getEntriesByType("navigation")[0].nextHopProtocol === "` + row.name + `"`) {
				t.Errorf("got the page by another protocol than %s", row.name)
			}
			checkOpen(t, w)
			checkEnd(t, w, s, func() { w.Tab().SignOut() })
			for how, end := range ends {
				w.Open("/")
				w.SignIn("/")
				openStreams(t, w, s)
				t.Logf("ending by %s", how)
				checkEnd(t, w, s, func() { end(s, s.Caddy) })
			}
			if got, want := w.Sockets(), slices.Repeat([]int64{row.status}, 1+len(ends)); !slices.Equal(got, want) {
				t.Errorf("got WebSockets with the statuses %v, want %v", got, want)
			}
		})
	}
}

// openStreams opens the page with one stream of each kind.
func openStreams(t testing.TB, w *chromium.Window, s *testsite.Site) {
	t.Helper()
	w.Open("/streams")
	w.Await("#streams")
	s.App.WaitOpen(t, 1)
	w.AwaitTrue(`got.socket > 2 && got.events > 2`)
}

// checkOpen fails the test unless the streams go on while their session lasts.
func checkOpen(t testing.TB, w *chromium.Window) {
	t.Helper()
	w.AwaitTrue(fmt.Sprintf(`got.socket > %[1]d && got.events > %[1]d`, ticks))
	if !w.True(`Object.keys(broken).length === 0 && socket.readyState === 1 && events.readyState === 1`) {
		t.Error("got a stream that has ended before its session")
	}
}

// checkEnd fails the test unless the streams end with their session, and do not
// come back.
func checkEnd(t testing.TB, w *chromium.Window, s *testsite.Site, end func()) {
	t.Helper()
	end()
	ended := time.Now()
	w.AwaitTrue(`"socket" in broken && "events" in broken`)
	at := time.UnixMilli(int64(chromium.Value[float64](w, `Math.max(broken.socket, broken.events)`)))
	if late := at.Sub(ended); late > soon {
		t.Errorf("got streams open for %v after the end of their session, want at most %v", late, soon)
	}
	s.App.WaitOpen(t, 0)
	w.AwaitTrue(`socket.readyState === 3 && events.readyState === 2`) // the browser asks again, and is refused
}
