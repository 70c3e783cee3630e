package session

import (
	"context"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// A Missing says why a cookie has no session.
type Missing string

// The reasons why a cookie has no session.
const (
	MissingForm    Missing = "the cookie's value is not one that a gate has made"
	MissingRecord  Missing = "the store has no such session: it has ended, or belongs to another host, flow, client or key"
	MissingExpired Missing = "the session has reached its lifetime"
	MissingRevoked Missing = "the session was ended, with all that rest on the same sign-in or belong to the same user"
	MissingIdle    Missing = "the session was unused for too long"
)

// Peek is Find without effects: nothing is cached, stored or counted, and an
// expired session stays as it is. If no session is found, missing says why.
func (r *Registry) Peek(ctx context.Context, value, host string) (s *Session, missing Missing, err error) {
	if s, found := r.Held(value, host); found {
		return s, "", nil
	}
	browser, ok := seal.ParseSecret(value)
	if !ok {
		return nil, MissingForm, nil
	}
	ctx, cancel := context.WithTimeout(ctx, loadWait)
	defer cancel()
	held, found, err := r.open(ctx, r.Key.Box(seal.KindSession, r.Realm(host), browser))
	switch {
	case err != nil:
		return nil, "", err
	case !found:
		return nil, MissingRecord, nil
	case !r.Now().Before(held.rec.Until):
		return nil, MissingExpired, nil
	}
	if len(held.rec.Ends) > 0 {
		revoked, err := r.Store.Revoked(ctx, held.rec.Ends...)
		switch {
		case err != nil:
			return nil, "", fault.New(fault.SessionsUnavailable, err)
		case revoked:
			return nil, MissingRevoked, nil
		}
	}
	if r.idle(held.rec) {
		return nil, MissingIdle, nil
	}
	s, _ = r.unreported(held.box.Name(), held.rec)
	if r.Domain == "" {
		s.host = Hostname(host)
	}
	return s, "", nil
}
