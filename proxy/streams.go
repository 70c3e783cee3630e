package proxy

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

// streamsEvery is how often it is looked whether sessions of open streams are over in ways that nobody tells of, such as
// their time.
const streamsEvery = 15 * time.Second

// staysOpen reports whether a request is for something that stays open: a WebSocket or another upgrade (RFC
// 9110, 7.8; RFC 8441), or an event stream as browsers ask for it (HTML, "server-sent events").
func staysOpen(r *http.Request) bool {
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

// streams are the requests that stay open. They are closed when their session ends, whichever process
// ends it.
type streams struct {
	mu   sync.Mutex
	held map[*stream]struct{}
}

// A stream is one of them, and the cookie that opened it.
type stream struct {
	session *Session
	value   string
	at      Resolved
	close   context.CancelFunc
}

func newStreams() *streams { return &streams{held: map[*stream]struct{}{}} }

// open returns the context that a stream lives in, until its session ends or done is called.
func (s *streams) open(ctx context.Context, value string, at Resolved, session *Session) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancel(ctx)
	one := &stream{session, value, at, cancel}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[one] = struct{}{}
	return ctx, func() {
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.held, one)
	}
}

// end closes what rests on a name that has ended: that of a session, or of what it ends with.
func (s *streams) end(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.held {
		if one.session.name == name || slices.Contains(one.session.ends, name) {
			one.close()
		}
	}
}

// all returns the streams that are open.
func (s *streams) all() []*stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.held))
}

// review closes, now and then, the streams of those who would not be let in any more.
func (g *Gate) review(ctx context.Context) {
	for ctx.Err() == nil {
		wait(ctx, streamsEvery)
		var looking errgroup.Group
		looking.SetLimit(recheckAtOnce)
		for _, one := range g.streams.all() {
			looking.Go(func() error {
				if !g.stays(ctx, one) {
					one.close()
				}
				return nil
			})
		}
		_ = looking.Wait() // none of them fails
	}
}

// stays reports whether a stream may stay open.
func (g *Gate) stays(ctx context.Context, one *stream) bool {
	session, err := g.sessions.of(ctx, one.value, one.at)
	if session == nil || err != nil {
		return false
	}
	verdict := g.judge(session)
	if _, undecided := verdict.(weigh); undecided {
		if session, err = g.recheck(ctx, one.value, one.at, session.name); session == nil || err != nil {
			return false
		}
		verdict = g.judge(session)
	}
	_, stays := verdict.(pass)
	if stays {
		g.refresh(ctx, one.value, one.at, session)
	}
	return stays
}
