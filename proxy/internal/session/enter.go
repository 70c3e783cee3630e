package session

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/background"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session/index"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// An entrance stores a new session. It writes the record, the user's list and
// the pointer to the user at the same time, since on a disk each write takes as
// long as all of them together. The session begins when all are stored, so
// their order does not matter. If the session does not begin, what was written
// is removed again.
type entrance struct {
	*Registry
	stored
	ends []string // the record's tombstones, without those of the index
	// known waits until the authentik session is stored as known; its epoch is
	// sidEpoch.
	known    func() error
	sidEpoch string
	// saved waits until the record is saved, with the tombstones of an epoch of
	// the user's list.
	saved   func() error
	epoch   string
	version store.Version
}

// enter stores a session: its record, with the names of its tombstones, and its
// entry in its user's index. It returns the sessions that exceed a limit and must
// end.
func (r *Registry) enter(ctx context.Context, held stored, host string) (surplus []index.Entry, err error) {
	rec := held.rec
	entry := index.Entry{
		Name: held.box.Name(), Site: r.scope(host), Flow: r.Flow, Client: r.Client, Begun: rec.Begun, Until: rec.kept(),
		Addr: rec.Addr, Agent: rec.UserAgent, Rest: rec.RestName,
	}
	confirmed := rec.Checked
	if confirmed.IsZero() {
		confirmed = rec.Begun
	}
	resting := ""
	if entry.Rest != "" {
		resting = rec.User.UID
	}
	pointed := background.Beside(func() error { return r.Index.Point(ctx, rec.User.Username, rec.User.UID, rec.kept()) })
	e := &entrance{Registry: r, stored: held, ends: rec.Ends, saved: func() error { return nil }}
	e.known = background.Beside(func() (err error) {
		e.sidEpoch, err = r.Index.Know(ctx, rec.SID, resting, confirmed, rec.kept())
		return err
	})
	var refused error
	err = r.Index.Change(ctx, rec.User.UID, func(list *index.List) bool {
		if refused = e.mayEnter(list, &entry, confirmed); refused != nil {
			return false
		}
		list.Username = rec.User.Username
		surplus = list.Enter(entry, r.MaxPerUser)
		e.save(ctx, list.Epoch)
		return true
	})
	saved, known := e.saved(), e.known()
	if err := pointed(); err != nil {
		return nil, err
	}
	switch refused = cmp.Or(refused, known); {
	case err != nil:
		return nil, err
	case errors.Is(refused, errRestLeft): // once more, since the process that ended the last session may have failed
		r.Index.Drop(ctx, entry.Rest)
		return nil, fault.New(fault.VisitLost, errRestLeft)
	case errors.Is(refused, index.ErrEndedEarly):
		return nil, fault.New(fault.VisitExpired, index.ErrEndedEarly)
	case refused != nil:
		return nil, refused
	}
	return surplus, saved
}

// mayEnter returns an error if a session must not enter its user's list.
// Otherwise it completes the entry of a session that rests on a record.
func (e *entrance) mayEnter(list *index.List, entry *index.Entry, confirmed time.Time) error {
	switch {
	case !list.Ended.IsZero() && !confirmed.After(list.Ended):
		return index.ErrEndedEarly
	case list.HasLeft(entry.Rest):
		return errRestLeft
	case entry.Rest == "":
		return nil
	}
	err := e.known()
	entry.SID = e.Index.SIDTombstone(e.rec.SID, e.sidEpoch)
	return err
}

// save starts to save the record of a session that begins in an epoch of its
// user's list. If another process has changed the list meanwhile, it is called
// again. It then saves the record again if the epoch has changed.
func (e *entrance) save(ctx context.Context, epoch string) {
	if epoch == e.epoch {
		return
	}
	before := e.saved()
	e.epoch = epoch
	e.saved = background.Beside(func() error {
		if before != nil {
			return before
		}
		if err := e.known(); err != nil {
			return err
		}
		e.rec.Ends = append(slices.Clip(e.ends), e.Index.Tombstones(e.rec.User.UID, epoch, e.rec.SID, e.sidEpoch)...)
		sealed, err := e.box.Seal(e.rec)
		if err != nil {
			return fault.New(fault.SessionsUnavailable, err)
		}
		e.version, err = e.Store.Save(ctx, e.box.Name(), store.Record{Value: sealed, Expiry: e.rec.kept(), Version: e.version})
		switch {
		case errors.Is(err, store.ErrConflict): // the name is random, so only a tombstone can be there
			return fault.New(fault.SessionsUnavailable, ErrRevokedEarly)
		case err != nil:
			return fault.New(fault.SessionsUnavailable, err)
		}
		return nil
	})
}
