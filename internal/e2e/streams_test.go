package e2e

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const (
	// soon is how long a stream may stay open after its session has ended. Two seconds are promised; the rest
	// is for slow machines, and still shorter than the gate's own look at what nobody tells of.
	soon = 10 * time.Second
	// while is for how long it is looked whether a stream stays open that nobody ends.
	while = 4 * time.Second
)

// ends are the ways in which Jane's sessions end at a Caddy.
var ends = map[string]func(*site, *caddy){
	"the command": func(_ *site, c *caddy) {
		ctx, cancel := context.WithTimeout(c.Context(), patience)
		defer cancel()
		if err := c.command(ctx, "authentik", "sessions", "end", "--user", jane, "--address", c.admin).Run(); err != nil {
			c.Fatalf("%v\n%s", err, c.said())
		}
	},
	"the admin API": func(_ *site, c *caddy) {
		req, err := http.NewRequestWithContext(c.Context(), http.MethodDelete, "http://"+c.admin+"/authentik/sessions?user="+jane, nil)
		if err != nil {
			c.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			c.Fatal(err)
		}
		if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
			c.Fatalf("the admin API answers with %d, %v", res.StatusCode, err)
		}
	},
	"authentik's notice": func(s *site, c *caddy) {
		if n := s.standIn.EndSessions(jane); n == 0 {
			c.Fatal("authentik knows no session")
		}
	},
}

// opens waits until the application has so many streams open of each kind.
func (s *streams) opens(t testing.TB, n int32) {
	t.Helper()
	for begun := time.Now(); s.sockets.Load() != n || s.events.Load() != n; time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > patience {
			t.Fatalf("%s are open, want %d of each", s.open(), n)
		}
	}
}

// protocols are those that browsers speak: HTTP/1.1 in the clear, and HTTP/2, where WebSockets come as a
// request of their own kind.
var protocols = map[string]struct {
	setup  setup
	status int64
	spoken string
}{
	"HTTP/1.1": {setup{scheme: "http"}, http.StatusSwitchingProtocols, "http/1.1"},
	"HTTP/2":   {setup{scheme: "https", env: []string{"GODEBUG=http2xconnect=1"}}, http.StatusOK, "h2"},
}

// TestWhatStaysOpenEndsWithItsSessionInChromium opens a WebSocket and an event stream, again for each way to end a session.
func TestWhatStaysOpenEndsWithItsSessionInChromium(t *testing.T) {
	t.Parallel()
	for name, row := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chromium(t)
			s := connected(row.setup).site(t)
			w := newWindow(t, s.address)
			w.open("/")
			w.signsInTo("/")
			w.streams(t, s)
			if !w.true(`performance.getEntriesByType("navigation")[0].nextHopProtocol === "` + row.spoken + `"`) {
				t.Error("the page came by another protocol")
			}
			w.staysOpen(t)
			w.breaksOff(t, s, func() { w.tab().signOut() })
			for how, end := range ends {
				w.open("/")
				w.signsInTo("/")
				w.streams(t, s)
				t.Logf("ending by %s", how)
				w.breaksOff(t, s, func() { end(s, s.caddy) })
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if want := slices.Repeat([]int64{row.status}, 1+len(ends)); !slices.Equal(w.sockets, want) {
				t.Errorf("WebSockets have begun with %v, want %v", w.sockets, want)
			}
		})
	}
}

// streams opens the page with one stream of each kind.
func (w *window) streams(t testing.TB, s *site) {
	t.Helper()
	w.open("/streams")
	w.shows("#streams")
	s.app.opens(t, 1)
	for begun := time.Now(); !w.true(`told.socket > 2 && told.events > 2`); time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > patience {
			t.Fatalf("nothing is heard of what is open: %s", s.app.open())
		}
	}
}

// staysOpen holds the streams to go on as long as nobody ends them.
func (w *window) staysOpen(t testing.TB) {
	t.Helper()
	time.Sleep(while)
	if !w.true(`Object.keys(broken).length === 0 && told.socket > 20 && told.events > 20 && socket.readyState === 1 && events.readyState === 1`) {
		t.Error("a stream has ended that nobody ended")
	}
}

// breaksOff holds the streams to end with their session, and not to come back.
func (w *window) breaksOff(t testing.TB, s *site, end func()) {
	t.Helper()
	begun := time.Now()
	end()
	ended := time.Now()
	for !w.true(`"socket" in broken && "events" in broken`) {
		if time.Since(ended) > soon {
			t.Fatalf("streams are open after the end of their session: %s", s.app.open())
		}
		time.Sleep(10 * time.Millisecond)
	}
	took, err := chromedp.Run(w.ctx, chromedp.Evaluate[float64](`Math.max(broken.socket, broken.events)`))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("closed %d ms after the end was asked for, which took %v", int64(took)-begun.UnixMilli(), ended.Sub(begun))
	s.app.opens(t, 0)
	for begun := time.Now(); !w.true(`socket.readyState === 3 && events.readyState === 2`); time.Sleep(50 * time.Millisecond) {
		if time.Since(begun) > patience { // the browser asks again, and is refused
			t.Fatal("an event stream is begun again without a session")
		}
	}
}
