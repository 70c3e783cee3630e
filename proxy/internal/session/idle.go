package session

import (
	"context"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/session/index"
)

// noteEvery is how often the use of a session is saved. A session may be unused
// for that much longer than Idle before it ends.
const noteEvery = time.Minute

// idle reports whether a session was unused for too long. Its saved time may be
// a minute old.
func (r *Registry) idle(rec *Record) bool {
	return r.Idle > 0 && r.Now().Sub(rec.used()) > r.Idle
}

// retire ends a session that has expired or was unused for too long. If the store
// fails, the next reader tries again.
func (r *Registry) retire(ctx context.Context, held stored, reason string) {
	if err := r.Revoke(ctx, held.box.Name(), held.rec.kept()); err != nil {
		r.Logger.WarnContext(ctx, "session store: record of an ended session stays until it expires", "error", err)
		return
	}
	r.remove(ctx, held.rec.User.UID, index.Entry{Name: held.box.Name()})
	if r.Now().Before(held.rec.Until) {
		r.Report(ctx, held.box.Name(), held.rec.User.Username, reason)
		return
	}
	r.reportStay(ctx, held, reason)
}

// Fresh reports whether neither a recheck of the session is due nor a note of its
// use.
func (r *Registry) Fresh(s *Session) bool {
	now := r.Now()
	return !s.Due(now) && (r.Idle == 0 || now.Sub(s.Used()) < noteEvery)
}

// Touch notes the use of a session and rechecks it in the background, as far as
// either is due.
func (r *Registry) Touch(value, host string, s *Session) {
	r.note(value, host, s)
	r.refresh(value, host, s)
}

// note saves, at most once a minute, that a session is used. The request does
// not wait for it. A session that has ended meanwhile stays ended: the store
// refuses the late save.
func (r *Registry) note(value, host string, s *Session) {
	now := r.Now()
	last := s.used.Load()
	if r.Idle == 0 || now.Sub(s.Used()) < noteEvery || !s.used.CompareAndSwap(last, now.Unix()) {
		return
	}
	r.Background.Go(func(backgroundCtx context.Context) {
		ctx, cancel := context.WithTimeout(backgroundCtx, saveWait)
		defer cancel()
		_, _, err := r.amend(ctx, value, host, func(rec *Record) {
			if now.After(rec.Used) {
				rec.Used = now
			}
		})
		if err != nil {
			r.Logger.WarnContext(ctx, "session: last use cannot be saved", "error", err, "session", s.id)
		}
	})
}
