package session

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/caching"
)

// breakAfter is how long a handler has to end a response by itself after its
// session has ended. Then its connection fails: a handler that waits for a slow
// client does not check its context.
const breakAfter = 250 * time.Millisecond

// ErrEnded is the cause of a request's context that was canceled because its
// session has ended.
var ErrEnded = errors.New("the session has ended")

// A ContextKey is the key of the *Session in the context of a request that has
// passed.
type ContextKey struct{}

// A Stream is a running request of a session, and the context of that request.
// Most requests are short, so apart from the Stream nothing is allocated unless
// the handler waits for the end of the context.
type Stream struct {
	context.Context // that of the original request

	Session *Session
	Cookie  string // the value of the session cookie
	Host    string
	Needs   uint64 // the gate's demands on the request, as the gate encodes them
	Again   Again  // instead of the three fields above, if a program has shown a credential

	// Response is part of the Stream so that it needs no allocation of its own.
	Response caching.Response

	owner *Registry
	w     http.ResponseWriter

	// In the list of young streams. Guarded by the shard.
	shard      *youngStreams
	prev, next *Stream
	seen       bool // whether a tick has seen it
	indexed    bool

	// Guarded by the index.
	review   time.Time // when the next review is due, by the owner's clock
	reviewed bool      // whether a review is running
	changed  bool      // whether the session has changed since that review began

	mu       sync.Mutex
	finished bool // whether the handler has returned
	ended    bool // whether the session has ended
	live     atomic.Pointer[liveContext]
}

// A liveContext is a request's context that can be canceled earlier.
type liveContext struct {
	context.Context //nolint:containedctx // it is a context itself
	cancel          context.CancelCauseFunc
}

// Follow returns the context of a session's request. It ends with the session,
// or with the request. The caller must call Finish once the handler has
// returned. needs is passed to MayStay.
func (r *Registry) Follow(ctx context.Context, w http.ResponseWriter, cookie, host string, s *Session, needs uint64) *Stream {
	one := &Stream{Context: ctx, Session: s, Cookie: cookie, Host: host, Needs: needs, owner: r, w: w}
	r.Streams.begin(one)
	return one
}

// Finish must be called when the handler has returned. It may be called more than
// once, and does nothing if s is nil.
func (s *Stream) Finish() {
	if s == nil {
		return
	}
	s.mu.Lock()
	again := s.finished
	s.finished = true
	live := s.live.Load()
	s.mu.Unlock()
	if again {
		return
	}
	s.owner.Streams.finish(s)
	if live != nil {
		live.cancel(nil)
	}
}

// Done returns a channel that is closed when the request or the session ends.
func (s *Stream) Done() <-chan struct{} { return s.waited().Done() }

// Err returns why the context has ended.
func (s *Stream) Err() error {
	if live := s.live.Load(); live != nil {
		return live.Err()
	}
	return s.Context.Err()
}

// Value returns the value for a key. The context package uses it to find its
// own contexts, and contexts that are derived from s then need no goroutine.
func (s *Stream) Value(key any) any {
	if key == (ContextKey{}) {
		return s.Session
	}
	if live := s.live.Load(); live != nil {
		return live.Value(key)
	}
	return s.Context.Value(key)
}

// waited returns the context that can be canceled, and creates it at the first
// call.
func (s *Stream) waited() *liveContext {
	if live := s.live.Load(); live != nil {
		return live
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waitedLocked()
}

func (s *Stream) waitedLocked() *liveContext {
	if live := s.live.Load(); live != nil {
		return live
	}
	ctx, cancel := context.WithCancelCause(s.Context)
	live := &liveContext{ctx, cancel}
	s.live.Store(live)
	if s.finished {
		cancel(nil)
	}
	return live
}

// end cancels the request, since its session has ended.
func (s *Stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.finished || s.ended {
		return
	}
	s.ended = true
	s.waitedLocked().cancel(ErrEnded)
	time.AfterFunc(breakAfter, s.cut)
}

// cut makes all further reads and writes of the connection fail: those of slow
// downloads and uploads, and those of connections that their handler has
// hijacked.
func (s *Stream) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.finished { // the connection may serve another request already
		return
	}
	past, c := time.Unix(1, 0), http.NewResponseController(s.w)
	_ = c.SetWriteDeadline(past) // a writer without deadlines can only end with its context
	_ = c.SetReadDeadline(past)
}
