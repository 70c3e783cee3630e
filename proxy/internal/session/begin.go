package session

import (
	"context"
	"errors"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

const (
	// saveWait is how long the store may take to save a new session.
	saveWait = 30 * time.Second
	// cleanupWait is how long the store may take for a cleanup that nothing waits for.
	cleanupWait = 5 * time.Second
)

// ErrRevokedEarly means that a session was revoked before it was stored, since one
// user had too many sign-ins at the same moment. The session does not begin.
var ErrRevokedEarly = errors.New("proxy: the session was revoked before it was stored")

// Begin stores a new session and returns it with the secret for the browser's
// cookie. On an error no session has begun. A session must be in its user's index
// to begin: otherwise ending all of the user's sessions would miss it.
func (r *Registry) Begin(ctx context.Context, rec Record, host string) (seal.Secret, *Session, error) {
	ctx, cancel := context.WithTimeout(ctx, saveWait)
	defer cancel()
	leave, err := r.index.turns.wait(ctx, rec.User.UID)
	if err != nil {
		return seal.Secret{}, nil, err
	}
	defer leave()
	browser := seal.NewSecret()
	held := stored{rec: &rec, box: r.Key.Box(seal.KindSession, r.Realm(host), browser)}
	surplus, err := r.enter(ctx, held, host)
	if err == nil {
		err = r.save(ctx, held)
	}
	if err == nil {
		err = r.endSurplus(ctx, rec.User, surplus)
	}
	if err != nil {
		r.undo(ctx, held)
		return seal.Secret{}, nil, err
	}
	return browser, r.prepare(held, host), nil
}

// enter adds a session to its user's index and sets the names of its tombstones.
// It returns the sessions that exceed a limit and must end.
func (r *Registry) enter(ctx context.Context, held stored, host string) (surplus []Entry, err error) {
	rec := held.rec
	if err := r.index.point(ctx, rec.User.Username, rec.User.UID, rec.kept()); err != nil {
		return nil, err
	}
	entry := Entry{
		Name: held.box.Name(), Site: r.scope(host), Flow: r.Flow, Client: r.Client, Begun: rec.Begun, Until: rec.kept(),
		Addr: rec.Addr, Agent: shortened(rec.UserAgent),
	}
	confirmed := rec.Checked
	if confirmed.IsZero() {
		confirmed = rec.Begun
	}
	var epoch string
	early := false
	err = r.index.change(ctx, rec.User.UID, func(list *sessionList) bool {
		if early = !list.Ended.IsZero() && !confirmed.After(list.Ended); early {
			return false
		}
		epoch, list.Username = list.Epoch, rec.User.Username
		surplus = list.enter(entry, r.MaxPerUser)
		return true
	})
	if err != nil {
		return nil, err
	}
	var sidEpoch string
	if !early {
		sidEpoch, err = r.index.know(ctx, rec.SID, confirmed, rec.kept())
	}
	if early || errors.Is(err, ErrEndedEarly) {
		return nil, fault.New(fault.VisitExpired, ErrEndedEarly)
	}
	rec.Ends = append(rec.Ends, r.index.tombstones(rec.User.UID, epoch, rec.SID, sidEpoch)...)
	return surplus, err
}

// save stores the record of a new session.
func (r *Registry) save(ctx context.Context, held stored) error {
	sealed, err := held.box.Seal(held.rec)
	if err != nil {
		return fault.New(fault.SessionsUnavailable, err)
	}
	_, err = r.Store.Save(ctx, held.box.Name(), store.Record{Value: sealed, Expiry: held.rec.kept()})
	switch {
	case errors.Is(err, store.ErrConflict): // the name is random, so it has a tombstone
		return fault.New(fault.SessionsUnavailable, ErrRevokedEarly)
	case err != nil:
		return fault.New(fault.SessionsUnavailable, err)
	}
	return nil
}

// endSurplus ends the sessions that exceed a limit because of a new one.
func (r *Registry) endSurplus(ctx context.Context, u user.User, surplus []Entry) error {
	if len(surplus) == 0 {
		return nil
	}
	for _, old := range surplus {
		if err := r.Revoke(ctx, old.Name, old.Until); err != nil {
			return err
		}
	}
	for _, old := range r.remove(ctx, u.UID, surplus...) {
		r.Report(ctx, old.Name, u.Username, "limit")
	}
	return nil
}

// undo removes what is stored of a session that does not begin. A record that
// cannot be removed is useless: no browser has its secret.
func (r *Registry) undo(ctx context.Context, held stored) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupWait)
	defer cancel()
	if err := r.Store.Delete(ctx, held.box.Name()); err != nil {
		r.Logger.WarnContext(ctx, "session: record of a failed sign-in stays until it expires", "error", err)
	}
	r.remove(ctx, held.rec.User.UID, Entry{Name: held.box.Name()})
}
