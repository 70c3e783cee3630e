package session

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// reviewEvery is how often streams are checked for sessions that ended without
// an announcement, such as by expiry.
const reviewEvery = 15 * time.Second

// StaysOpen reports whether a request is for something that stays open: a
// WebSocket or another upgrade (RFC 9110, 7.8; RFC 8441), or an event stream as
// browsers ask for it (HTML, "server-sent events").
func StaysOpen(r *http.Request) bool {
	if r.Header["Upgrade"] != nil || r.Method == http.MethodConnect {
		return true
	}
	for _, accept := range r.Header["Accept"] {
		if strings.Contains(accept, "text/event-stream") {
			return true
		}
	}
	return false
}

// Streams are the responses that stay open. They are closed when their session
// ends, in whichever process that happens.
type Streams struct {
	mu   sync.Mutex
	open map[*Stream]struct{}
}

// A Stream is one response that stays open, and the cookie that opened it.
type Stream struct {
	Session *Session
	Value   string // of the session cookie
	Host    string
	close   context.CancelFunc
}

func newStreams() *Streams { return &Streams{open: map[*Stream]struct{}{}} }

// Open returns the context that a stream lives in until its session ends or
// done is called.
func (s *Streams) Open(ctx context.Context, value, host string, session *Session) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancel(ctx)
	one := &Stream{session, value, host, cancel}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[one] = struct{}{}
	return ctx, func() {
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, one)
	}
}

// End closes the streams of sessions that end with a revoked name.
func (s *Streams) End(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.open {
		if one.Session.EndsWith(name) {
			one.close()
		}
	}
}

func (s *Streams) all() []*Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.open))
}

// Review closes, every few seconds until ctx ends, the streams that may not
// stay open.
func (r *Registry) Review(mayStay func(ctx context.Context, s *Stream) bool) {
	r.Background.Every(reviewEvery, func(backgroundCtx context.Context) {
		var checks errgroup.Group
		checks.SetLimit(MaxRechecks)
		for _, one := range r.Streams.all() {
			checks.Go(func() error {
				if !mayStay(backgroundCtx, one) {
					one.close()
				}
				return nil
			})
		}
		_ = checks.Wait() // no check returns an error
	})
}

// Len returns how many streams are open.
func (s *Streams) Len() int { return len(s.all()) }
