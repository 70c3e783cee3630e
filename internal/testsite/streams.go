package testsite

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

// tick is how often the application sends something on an open stream.
const tick = 50 * time.Millisecond

// Streams count the WebSockets and event streams that an application has open.
type Streams struct{ sockets, events atomic.Int32 }

// serve answers the addresses of streams, and of a page that opens one of each
// kind.
func (s *Streams) serve(w http.ResponseWriter, r *http.Request) bool {
	switch r.URL.Path {
	case "/socket":
		websocket.Server{Handler: s.socket}.ServeHTTP(w, r)
	case "/events":
		s.event(w, r)
	case "/streams":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, streamsPage)
	default:
		return false
	}
	return true
}

// socket sends until the client is gone.
func (s *Streams) socket(c *websocket.Conn) {
	s.sockets.Add(1)
	defer s.sockets.Add(-1)
	for {
		if _, err := io.WriteString(c, "tick"); err != nil {
			return
		}
		time.Sleep(tick)
	}
}

func (s *Streams) event(w http.ResponseWriter, r *http.Request) {
	s.events.Add(1)
	defer s.events.Add(-1)
	w.Header().Set("Content-Type", "text/event-stream")
	for message := "retry: 100\ndata: tick\n\n"; ; message = "data: tick\n\n" {
		if _, err := io.WriteString(w, message); err != nil {
			return
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(tick):
		}
	}
}

// String says how many streams of each kind are open.
func (s *Streams) String() string {
	return fmt.Sprintf("%d WebSockets, %d event streams", s.sockets.Load(), s.events.Load())
}

// WaitOpen waits until n streams of each kind are open.
func (s *Streams) WaitOpen(t testing.TB, n int32) {
	t.Helper()
	EventuallyOr(t, func() bool { return s.sockets.Load() == n && s.events.Load() == n }, func() string {
		return fmt.Sprintf("got %v open, want %d of each", s, n)
	})
}

// streamsPage counts the messages that it gets, and notes when a stream breaks
// off.
const streamsPage = `<!doctype html><html lang="en"><title>Streams</title><link rel="icon" href="data:,"><h1 id="streams">Streams</h1>
<script>
const got = { socket: 0, events: 0 }, broken = {};
const socket = new WebSocket("/socket".replace(/^/, location.origin.replace(/^http/, "ws")));
socket.onmessage = () => got.socket++;
socket.onclose = () => broken.socket ??= Date.now();
const events = new EventSource("/events");
events.onmessage = () => got.events++;
events.onerror = () => broken.events ??= Date.now();
</script>
`
