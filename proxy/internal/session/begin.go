package session

import (
	"context"
	"errors"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session/index"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

const (
	// saveWait is the timeout for saving a new session in the store.
	saveWait = 30 * time.Second
	// cleanupWait is the timeout for the store in a cleanup in the background.
	cleanupWait = 5 * time.Second
)

// ErrRevokedEarly means that a session was revoked before it was stored, since one
// user had too many sign-ins at the same moment. The session does not begin.
var ErrRevokedEarly = errors.New("proxy: the session was revoked before it was stored")

// errRestLeft means that authentik's cookies, on which a new session would
// rest, are being deleted: the last session that rested on them has ended
// meanwhile.
var errRestLeft = errors.New("the last session with this copy of authentik's cookies has just ended")

// Begin stores a new session and returns it with the secret for the browser's
// cookie. If there is an error, no session has begun. A session must be in its
// user's index before it begins: otherwise ending all of the user's sessions
// would miss it.
func (r *Registry) Begin(ctx context.Context, rec Record, host string) (seal.Secret, *Session, error) {
	ctx, cancel := context.WithTimeout(ctx, saveWait)
	defer cancel()
	leave, err := r.Index.Turn(ctx, rec.User.UID)
	if err != nil {
		return seal.Secret{}, nil, err
	}
	defer leave()
	since := r.cache.epoch()
	browser := seal.NewSecret()
	held := stored{rec: &rec, box: r.Key.Box(seal.KindSession, r.Realm(host), browser)}
	surplus, err := r.enter(ctx, held, host)
	if err == nil {
		err = r.endSurplus(ctx, rec.User, surplus)
	}
	if err != nil {
		r.undo(ctx, held)
		return seal.Secret{}, nil, err
	}
	return browser, r.hold(browser.Cookie(), held, host, since), nil
}

// endSurplus ends the sessions that exceed a limit because a new one has begun.
func (r *Registry) endSurplus(ctx context.Context, u user.User, surplus []index.Entry) error {
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

// undo removes the records of a session that does not begin. A record that
// cannot be removed is useless, since no browser has its secret.
func (r *Registry) undo(ctx context.Context, held stored) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupWait)
	defer cancel()
	if err := r.Store.Delete(ctx, held.box.Name()); err != nil {
		r.Logger.WarnContext(ctx, "session: record of a failed sign-in stays until it expires", "error", err)
	}
	r.remove(ctx, held.rec.User.UID, index.Entry{Name: held.box.Name()})
}
