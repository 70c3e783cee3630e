package session

import (
	"context"
	"errors"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session/index"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// noteEvery is how often the use of a session is saved. A session may therefore
// be unused for that much longer than Idle before it ends.
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

// Fresh reports that nothing is due for the session: neither a recheck nor a
// note of its use.
func (r *Registry) Fresh(s *Session) bool {
	now := r.Now()
	return !s.Due(now) && (r.Idle == 0 || now.Sub(s.Used()) < noteEvery)
}

// Touch notes the use of a session and rechecks it, both in the background and
// only if due.
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

const (
	// lapseWait is the timeout for the store, for all sessions that end at the
	// same time.
	lapseWait = 30 * time.Second
	// lapseKept is how long the record that a line was written is kept after
	// the last moment at which a process may see the end, which is when a cache
	// is swept.
	lapseKept = time.Hour
)

// A lapse is the end of a session that ended by itself, without a request at
// that time.
type lapse struct {
	name, username string
	reason         string
	last           time.Time // when its record is no longer needed
}

// lapseOf returns the lapse of a session whose last use was at a time. A
// session that was unused for too long ended at that limit.
func (r *Registry) lapseOf(name, username string, used, until, stay time.Time) lapse {
	l := lapse{name, username, "lifetime", index.Later(until, stay)}
	if r.Idle > 0 && until.Sub(used) > r.Idle {
		l.reason = "idle"
	}
	return l
}

// lapsed reports the end of each session, in the background. It does so only
// for an audit log, since it costs a record in the store. Several processes may
// see the same end, and each may see it more than once; the store says which
// one is the first.
func (r *Registry) lapsed(all ...lapse) {
	if !r.Audit.Writes() || len(all) == 0 {
		return
	}
	r.Background.Go(func(backgroundCtx context.Context) {
		ctx, cancel := context.WithTimeout(backgroundCtx, lapseWait)
		defer cancel()
		for _, l := range all {
			if r.first(ctx, l) {
				r.Report(ctx, l.name, l.username, l.reason)
			}
		}
	})
}

// first reports whether no process has written a line about an end yet. If the
// store fails it returns true: two lines are better than none.
func (r *Registry) first(ctx context.Context, l lapse) bool {
	box := r.Key.Own(seal.KindLapse, l.name)
	sealed, err := box.Seal(l.reason)
	if err == nil {
		_, err = r.Store.Save(ctx, box.Name(), store.Record{Value: sealed, Expiry: index.Later(l.last, r.Now()).Add(lapseKept)})
	}
	if err != nil && !errors.Is(err, store.ErrConflict) {
		r.Logger.WarnContext(ctx, "audit: the end of a session may have two lines", "error", err)
		return true
	}
	return err == nil
}
