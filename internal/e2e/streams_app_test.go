package e2e

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/net/websocket"
)

// tick is how often the application says something on what stays open.
const tick = 50 * time.Millisecond

// streams are what an application has open.
type streams struct{ sockets, events atomic.Int32 }

// serve answers the addresses of streams, and of a page that opens one of each kind.
func (s *streams) serve(w http.ResponseWriter, r *http.Request) bool {
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

// socket talks until the other side is gone.
func (s *streams) socket(c *websocket.Conn) {
	s.sockets.Add(1)
	defer s.sockets.Add(-1)
	for {
		if _, err := io.WriteString(c, "tick"); err != nil {
			return
		}
		time.Sleep(tick)
	}
}

func (s *streams) event(w http.ResponseWriter, r *http.Request) {
	s.events.Add(1)
	defer s.events.Add(-1)
	w.Header().Set("Content-Type", "text/event-stream")
	for says := "retry: 100\ndata: tick\n\n"; ; says = "data: tick\n\n" {
		if _, err := io.WriteString(w, says); err != nil {
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

// open is how many of each kind are open.
func (s *streams) open() string {
	return fmt.Sprintf("%d sockets, %d event streams", s.sockets.Load(), s.events.Load())
}

// streamsPage counts what it is told, and notes when a stream breaks off.
const streamsPage = `<!doctype html><html lang="en"><title>Streams</title><link rel="icon" href="data:,"><h1 id="streams">Streams</h1>
<script>
const told = { socket: 0, events: 0 }, broken = {};
const socket = new WebSocket("/socket".replace(/^/, location.origin.replace(/^http/, "ws")));
socket.onmessage = () => told.socket++;
socket.onclose = () => broken.socket ??= Date.now();
const events = new EventSource("/events");
events.onmessage = () => told.events++;
events.onerror = () => broken.events ??= Date.now();
</script>
`
