package proxy

import (
	"context"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// sidBox is where it is kept that sessions rest on a session of authentik's.
func (r *rolls) sidBox(sid string) seal.Box { return r.keys.Own(seal.KindSID, r.issuer+"\x00"+sid) }

// know keeps, for as long as a new session may last, that it rests on a session of authentik's. Notices of logouts
// act on those alone that are known: anybody can send some, and what is written for them must be bounded by
// what has signed in. Without OpenID Connect there are no notices.
func (r *rolls) know(ctx context.Context, sid string, until time.Time) error {
	if sid == "" || !r.cfg.OIDC.used() {
		return nil
	}
	b := r.sidBox(sid)
	return persist(ctx, func() error {
		stored, found, err := r.cfg.Store.Load(ctx, b.Name())
		if err != nil || found && !stored.Expiry.Before(until) {
			return err
		}
		sealed, err := b.Seal(until)
		if err != nil {
			return err
		}
		_, err = r.cfg.Store.Save(ctx, b.Name(), Record{Value: sealed, Expiry: until, Version: stored.Version})
		return err
	})
}

// knows reports whether a session rests, or has rested, on a session of authentik's.
func (r *rolls) knows(ctx context.Context, sid string) (bool, error) {
	_, found, err := r.cfg.Store.Load(ctx, r.sidBox(sid).Name())
	if err != nil {
		return false, fault.New(fault.SessionsUnavailable, err)
	}
	return found, nil
}
