package session

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session/index"
)

// Stays returns the record of an expired session that another session may
// follow, since its user wanted to stay signed in at authentik. The record
// gives no access by itself.
func (r *Registry) Stays(ctx context.Context, value, host string) (rec *Record, found bool, err error) {
	browser, ok := seal.ParseSecret(value)
	key := keyOf(value)
	if !ok || r.misses.absent(string(key[:])+r.scope(host)) {
		return nil, false, nil
	}
	held, found, err := r.stays(ctx, browser, host)
	return held.rec, found, err
}

func (r *Registry) stays(ctx context.Context, browser seal.Secret, host string) (stored, bool, error) {
	held, found, err := r.open(ctx, r.Key.Box(seal.KindSession, r.Realm(host), browser))
	now := r.Now()
	if err != nil || !found || now.Before(held.rec.Until) || !now.Before(held.rec.Stay) {
		return held, false, err
	}
	revoked, err := r.Store.Revoked(ctx, held.rec.Ends...)
	switch {
	case err != nil:
		return held, false, fault.New(fault.SessionsUnavailable, err)
	case revoked:
		return held, false, nil
	case r.idle(held.rec):
		r.retire(ctx, held, "idle")
		return held, false, nil
	}
	return held, true, nil
}

// EndStay ends the permission that Stays has found.
func (r *Registry) EndStay(ctx context.Context, value, host string) error {
	browser, ok := seal.ParseSecret(value)
	if !ok {
		return nil
	}
	held, found, err := r.stays(ctx, browser, host)
	if err != nil || !found {
		return err
	}
	return r.endStay(ctx, held)
}

func (r *Registry) endStay(ctx context.Context, held stored) error {
	if err := r.Revoke(ctx, held.box.Name(), held.rec.kept()); err != nil {
		return err
	}
	r.remove(ctx, held.rec.User.UID, index.Entry{Name: held.box.Name()})
	return nil
}

// reportStay reports that no session will follow one that has expired. With an
// audit log, the line about its lapse reports that.
func (r *Registry) reportStay(ctx context.Context, held stored, reason string) {
	if !r.Audit.Writes() {
		r.Report(ctx, held.box.Name(), held.rec.User.Username, reason)
	}
}

// A renewal is a session that has followed another, with its secret.
type renewal struct {
	browser seal.Secret
	session *Session
	found   bool
}

// Renew begins another session after an expired one, if authentik says that its
// own session is still valid. The new session lasts no longer than any other,
// and has the sign-in of the first. Concurrent requests, for example of several
// tabs, get the same session. found is false if there is nothing to renew.
func (r *Registry) Renew(ctx context.Context, value, host string, addr netip.Addr) (browser seal.Secret, s *Session, found bool, err error) {
	key := keyOf(value)
	got, err := r.renewals.Do(ctx, string(key[:]), func(backgroundCtx context.Context) (renewal, time.Duration, error) {
		asking, cancel := context.WithTimeout(backgroundCtx, recheckWait)
		defer cancel()
		got, err := r.renew(asking, value, host, addr)
		return got, 0, err
	})
	if err != nil && ctx.Err() != nil {
		err = fault.New(fault.AuthentikUnreachable, ctx.Err())
	}
	return got.browser, got.session, got.found, err
}

func (r *Registry) renew(ctx context.Context, value, host string, addr netip.Addr) (renewal, error) {
	before, ok := seal.ParseSecret(value)
	if !ok {
		return renewal{}, nil
	}
	held, found, err := r.stays(ctx, before, host)
	if err != nil || !found {
		return renewal{}, err
	}
	rec := *held.rec
	rec.Addr = addr
	asked := r.Now()
	apps, err := r.verdicts(ctx, &rec)
	if err != nil {
		return renewal{}, err
	}
	who, err := r.Ask(ctx, &rec)
	if errors.Is(err, flowclient.ErrUnauthenticated) || err == nil && who.User.UID != rec.User.UID {
		if err := r.endStay(ctx, held); err != nil {
			return renewal{}, err
		}
		r.reportStay(ctx, held, "gone")
		return renewal{}, nil
	}
	if err != nil {
		return renewal{}, err
	}
	if !who.Passing {
		apps = with(apps, r.Application, false)
	}
	browser, s, err := r.Begin(ctx, r.following(rec, who, apps, asked), host)
	if err != nil {
		return renewal{}, err
	}
	if ended, err := r.endedMeanwhile(ctx, held); err != nil || ended {
		return renewal{}, cmp.Or(err, r.End(ctx, s))
	}
	if err := r.endStay(ctx, held); err != nil {
		r.Logger.WarnContext(ctx, "session store: record of a renewed session stays until it expires", "error", errors.Unwrap(err))
	}
	return renewal{browser, s, true}, nil
}

// endedMeanwhile reports whether a session was ended while another one began after
// it: the visitor has signed out in another tab, or an operator has ended it. Only an
// end that came before the other one began needs this. All later ends reach both. The
// list is read first: the end of all sessions of a user is in it until the tombstone is
// written.
func (r *Registry) endedMeanwhile(ctx context.Context, held stored) (bool, error) {
	uid := held.rec.User.UID
	list, _, err := r.Index.Read(ctx, uid)
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(list.Ending, func(epoch string) bool {
		return slices.Contains(held.rec.Ends, r.Index.UserTombstone(uid, epoch))
	}) {
		return true, nil
	}
	revoked, err := r.Store.Revoked(ctx, append([]string{held.box.Name()}, held.rec.Ends...)...)
	if err != nil {
		return false, fault.New(fault.SessionsUnavailable, err)
	}
	return revoked, nil
}

// following returns the record of a session that follows another.
func (r *Registry) following(rec Record, who Proof, apps map[string]bool, asked time.Time) Record {
	now := r.Now()
	signIn := rec.SignIn
	rec.Take(who, asked)
	if rec.SignIn.At.IsZero() {
		rec.SignIn = signIn
	}
	rec.Begun, rec.Used, rec.Until = now, now, now.Add(r.Lifetime)
	rec.Apps, rec.Ends = apps, nil
	return rec
}
