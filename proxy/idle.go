package proxy

import (
	"context"
	"net/http"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// stampEvery is how often it is written down that a session is used. So much longer than
// Idle, at most, a session may be unused before it ends.
const stampEvery = time.Minute

// unused is how long ago a session was used, as far as this process knows.
func (s *Session) unused(now time.Time) time.Duration {
	return now.Sub(time.Unix(s.used.Load(), 0))
}

// idle reports whether a session has been unused for too long. Its stamp may be a minute old.
func (s *sessions) idle(rec record) bool {
	return s.cfg.Idle > 0 && s.cfg.Now().Sub(rec.used()) > s.cfg.Idle
}

// used is when the session was used last, as far as it was noted.
func (rec record) used() time.Time { return later(rec.Begun, rec.Used) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// retire ends a session that was found to be over. A store that fails here is no worse than one where
// nobody looked: whoever reads the record finds the same.
func (s *sessions) retire(ctx context.Context, rec record, b seal.Box, reason string) {
	if err := s.bury(ctx, b.Name(), rec.Until); err != nil {
		s.cfg.Logger.WarnContext(ctx, "the record of a session that is over stays in the store", "error", err)
		return
	}
	s.strike(ctx, rec.User.UID, line{Name: b.Name()})
	s.tell(ctx, line{Name: b.Name()}, rec.User.Username, reason)
}

// stamp notes, once a minute at most, that a session is used. The request does not wait for it, and a
// session that has ended meanwhile stays ended: the store refuses what is late.
func (g *Gate) stamp(ctx context.Context, value string, at Resolved, s *Session) {
	now := g.cfg.Now()
	last := s.used.Load()
	if g.cfg.Idle == 0 || s.unused(now) < stampEvery || !s.used.CompareAndSwap(last, now.Unix()) {
		return
	}
	ctx = context.WithoutCancel(ctx)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, keepWait)
		defer cancel()
		_, err := g.sessions.amend(ctx, value, at, func(rec *record) {
			if now.After(rec.Used) {
				rec.Used = now
			}
		})
		if err != nil {
			g.cfg.Logger.WarnContext(ctx, "the use of a session cannot be noted", "error", err, "session", s.id)
		}
	}()
}

// tend sees to what a session needs now and then, beside the request that it lets in.
func (g *Gate) tend(r *http.Request, at Resolved, s *Session) {
	now := g.cfg.Now()
	if !s.isDue(now) && (g.cfg.Idle == 0 || s.unused(now) < stampEvery) {
		return
	}
	if value, ok := g.cookieOf(r, at, s); ok {
		g.stamp(r.Context(), value, at, s)
		g.refresh(r.Context(), value, at, s)
	}
}

// cookieOf finds the cookie of a request that opened a session.
func (g *Gate) cookieOf(r *http.Request, at Resolved, s *Session) (string, bool) {
	for value := range cookieValues(r.Header["Cookie"], g.jar.session.in(at.Scheme)) {
		if found, err := g.sessions.of(r.Context(), value, at); err == nil && found != nil && found.name == s.name {
			return value, true
		}
	}
	return "", false
}
