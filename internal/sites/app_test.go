package sites

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// trace is the header by which the application's requests are known.
const trace = "X-Trace"

// An application writes down the requests that it gets. Addresses that end with
// /stream go on until they are broken off.
type application struct {
	mu    sync.Mutex
	seen  map[string]*http.Request
	over  map[string]chan struct{} // closed when a stream has ended
	ended chan struct{}
}

func newApplication() *application {
	return &application{seen: map[string]*http.Request{}, over: map[string]chan struct{}{}, ended: make(chan struct{})}
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	id, stream := r.Header.Get(trace), strings.HasSuffix(r.URL.Path, "/stream")
	over := make(chan struct{})
	a.mu.Lock()
	a.seen[id] = r
	if stream {
		a.over[id] = over
	}
	a.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, "application\n")
	if stream {
		defer close(over)
		a.stream(w, r)
	}
}

// stream sends until the client is gone.
func (a *application) stream(w http.ResponseWriter, r *http.Request) {
	for {
		if _, err := io.WriteString(w, "tick\n"); err != nil || http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-a.ended:
			return
		case <-r.Context().Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// request returns the request with a trace, or nil.
func (a *application) request(id string) *http.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen[id]
}

// streamOver is closed when the stream with a trace has ended.
func (a *application) streamOver(id string) <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.over[id]
}

func (a *application) close() { close(a.ended) }
