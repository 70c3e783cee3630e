package session

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/audit"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session/index"
)

// End ends a session in every process.
func (r *Registry) End(ctx context.Context, s *Session) error {
	if err := r.Revoke(ctx, s.name, index.Later(s.Until, s.Stay)); err != nil {
		return err
	}
	r.remove(ctx, s.User.UID, index.Entry{Name: s.name})
	return nil
}

// Revoke replaces a name with a tombstone. The name is that of a session's
// record, or one that sessions share.
func (r *Registry) Revoke(ctx context.Context, name string, until time.Time) error {
	r.cache.drop(name)
	if err := r.Store.Revoke(ctx, name, until); err != nil {
		return fault.New(fault.SessionsUnavailable, err)
	}
	r.cache.drop(name) // once more, since a concurrent request may have cached it meanwhile
	r.forget(name)
	r.Streams.End(name)
	return nil
}

// remove removes ended sessions from their user's index, and returns those that
// were in it. If the store fails, they stay listed until they expire.
func (r *Registry) remove(ctx context.Context, uid string, ended ...index.Entry) (removed []index.Entry) {
	names := make(map[string]bool, len(ended))
	for _, entry := range ended {
		names[entry.Name] = true
	}
	return r.removeIf(ctx, uid, func(entry index.Entry) bool { return names[entry.Name] })
}

// removeIf is remove for those sessions of a user that have ended.
func (r *Registry) removeIf(ctx context.Context, uid string, ended func(index.Entry) bool) (removed []index.Entry) {
	return r.removeFrom(ctx, r.Index, uid, ended)
}

func (r *Registry) removeFrom(ctx context.Context, at *index.Index, uid string, ended func(index.Entry) bool) (removed []index.Entry) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupWait)
	defer cancel()
	err := at.Change(ctx, uid, func(list *index.List) bool {
		removed = list.Remove(ended)
		return len(removed) > 0
	})
	if err != nil {
		r.Logger.WarnContext(ctx, "session index: ended sessions stay listed until they expire", "error", errors.Unwrap(err))
		return nil
	}
	return removed
}

// prune removes expired sessions from the lists of users, in the background, and
// deletes the records on which no other session rests.
func (r *Registry) prune(uids []string) {
	slices.Sort(uids)
	if uids = slices.Compact(uids); len(uids) == 0 {
		return
	}
	r.Background.Go(func(backgroundCtx context.Context) {
		for _, uid := range uids {
			ctx, cancel := context.WithTimeout(backgroundCtx, cleanupWait)
			if err := r.Index.Prune(ctx, uid); err != nil {
				r.Logger.WarnContext(ctx, "session index: expired sessions stay listed", "error", errors.Unwrap(err))
			}
			cancel()
		}
	})
}

// EndUser ends all sessions of a user that have begun before, in every realm
// and process, and returns them. It first begins another epoch, so that later
// sessions are not ended. Then the tombstone of the old epoch ends the
// sessions, and last they are removed from the index.
func (r *Registry) EndUser(ctx context.Context, uid string) (ended []index.Entry, err error) {
	return r.endUser(ctx, uid, func(list *index.List) bool {
		list.CloseEpoch()
		return len(list.Ending) > 0
	})
}

// EndedUser is EndUser for authentik's notice that all sessions of a user have
// ended. It also stops a sign-in that authentik confirmed before the notice and
// whose session has not begun yet.
func (r *Registry) EndedUser(ctx context.Context, uid string) (ended []index.Entry, err error) {
	now := r.Now()
	return r.endUser(ctx, uid, func(list *index.List) bool {
		list.CloseEpoch()
		list.Ended = index.Later(list.Ended, now)
		return true
	})
}

// endUser ends the sessions in a user's list and those of the user's programs.
// end changes the list.
func (r *Registry) endUser(ctx context.Context, uid string, end func(*index.List) bool) (ended []index.Entry, err error) {
	ended, err = r.endListed(ctx, uid, end)
	return ended, cmp.Or(err, r.announce(ctx, r.Index.ProgramsOf("user", uid)))
}

func (r *Registry) endListed(ctx context.Context, uid string, end func(*index.List) bool) (ended []index.Entry, err error) {
	leave, err := r.Index.Turn(ctx, uid)
	if err != nil {
		return nil, err
	}
	defer leave()
	var ending []string
	var until time.Time
	err = r.Index.Change(ctx, uid, func(list *index.List) bool {
		changed := end(list)
		ending, until = slices.Clone(list.Ending), list.Latest(r.Now().Add(r.Longest(r.Lifetime)))
		return changed
	})
	if err != nil {
		return r.endEach(ctx, uid, err)
	}
	if len(ending) == 0 {
		return nil, nil
	}
	for _, epoch := range ending {
		if err := r.Revoke(ctx, r.Index.UserTombstone(uid, epoch), until); err != nil {
			return nil, err
		}
	}
	over := func(epoch string) bool { return slices.Contains(ending, epoch) }
	err = r.Index.Change(ctx, uid, func(list *index.List) bool {
		ended = list.Remove(func(entry index.Entry) bool { return over(entry.Epoch) })
		list.Ending = slices.DeleteFunc(list.Ending, over)
		return true
	})
	r.clear(ctx, ended)
	return ended, err
}

// endEach ends the sessions of a user one by one, if the list cannot be saved:
// a full store can still replace records with tombstones.
func (r *Registry) endEach(ctx context.Context, uid string, cause error) ([]index.Entry, error) {
	list, _, err := r.Index.Read(ctx, uid)
	if err != nil || len(list.Lines) == 0 {
		return nil, cause
	}
	for _, entry := range list.Lines {
		if err := r.Revoke(ctx, entry.Name, entry.Until); err != nil {
			return nil, err
		}
	}
	r.remove(ctx, uid, list.Lines...)
	return list.Lines, nil
}

// clear deletes the records of ended sessions. If it fails to delete a record,
// the record still cannot be opened, and it expires.
func (r *Registry) clear(ctx context.Context, ended []index.Entry) {
	for _, entry := range ended {
		if err := r.Store.Delete(ctx, entry.Name); err != nil {
			r.Logger.WarnContext(ctx, "session store: records of ended sessions stay until they expire", "error", err)
			return
		}
	}
}

// Report logs and counts that the session of a record has ended.
func (r *Registry) Report(ctx context.Context, name, username, reason string) {
	r.Metrics.Ended(reason)
	r.Logger.InfoContext(ctx, "session ended", "reason", reason, "user", username, "session", PublicID(name))
	r.Audit.Write(ctx, audit.Line{Event: audit.Ended(reason), Reason: reason, User: username, Session: PublicID(name)})
}

// Ended reports whether a cached session has been revoked, according to the
// store.
func (r *Registry) Ended(ctx context.Context, s *Session) (bool, error) {
	revoked, err := r.Store.Revoked(ctx, append([]string{s.name}, s.ends...)...)
	if err != nil {
		return false, fault.New(fault.SessionsUnavailable, err)
	}
	return revoked, nil
}

// Cached yields the sessions in the cache of this process. There may be others in
// the store.
func (r *Registry) Cached() func(yield func(*Session) bool) { return r.cache.all() }

// Scope returns where a session's cookie is valid: a host, or a domain with a
// dot before it.
func (r *Registry) Scope(s *Session) string {
	if s.host == "" {
		return "." + r.Domain
	}
	return s.host
}

// Unlist removes sessions from a user's list without ending them.
func (r *Registry) Unlist(ctx context.Context, uid string, entries ...index.Entry) {
	r.remove(ctx, uid, entries...)
}

// EndListed ends one session of a user's list.
func (r *Registry) EndListed(ctx context.Context, uid string, entry index.Entry) error {
	if err := r.Revoke(ctx, entry.Name, entry.Until); err != nil {
		return err
	}
	r.remove(ctx, uid, entry)
	return nil
}

// NoteUnsigned handles an unsigned notice that an authentik session has ended
// on which no known session rests. It remembers the notice, and forgets
// programs whose tokens rest on that session.
func (r *Registry) NoteUnsigned(sid string) {
	r.Index.NoteUnsigned(sid)
	r.forget(r.Index.ProgramsOf("sid", sid))
}

// EndAuthentik ends all sessions that rest on one authentik session, in every
// process. Sessions that begin on it afterwards are not ended. If there are no
// such sessions, the error is nil.
func (r *Registry) EndAuthentik(ctx context.Context, sid string) error {
	return r.endAuthentik(ctx, r.Index, sid)
}

// EndAuthentikAt is EndAuthentik for the sessions of gates that know authentik
// by one of its public addresses. A login host can have several of them.
func (r *Registry) EndAuthentikAt(ctx context.Context, address, sid string) error {
	return r.endAuthentik(ctx, r.Index.Of(address), sid)
}

func (r *Registry) endAuthentik(ctx context.Context, at *index.Index, sid string) error {
	tombstone, uid, until, err := at.RestingOn(ctx, sid)
	if err != nil {
		return err
	}
	err = r.Revoke(ctx, tombstone, index.Later(until, r.Now().Add(r.Longest(r.Lifetime))))
	if err == nil && uid != "" {
		r.removeFrom(ctx, at, uid, func(entry index.Entry) bool { return entry.SID == tombstone })
	}
	return cmp.Or(err, r.announce(ctx, at.ProgramsOf("sid", sid)))
}

// EndedAtAuthentik is EndAuthentik for authentik's notice that its session has
// ended. It also stops a sign-in that authentik confirmed before the notice and
// whose session has not begun yet.
func (r *Registry) EndedAtAuthentik(ctx context.Context, sid string) error {
	err := r.Index.NoteEnd(ctx, sid, r.Now())
	if ended := r.EndAuthentik(ctx, sid); ended != nil {
		return ended
	}
	if err != nil { // the store may be full: end the sessions that have begun nevertheless
		r.Logger.WarnContext(ctx, "session index: the end of a session at authentik cannot be saved; a running sign-in may still succeed", "error", errors.Unwrap(err))
	}
	return nil
}
