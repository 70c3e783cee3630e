package index

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// A userPointer leads from a username to the user. A user can be renamed, and
// another user can get the name: the newest sign-in wins.
//
// With OpenID Connect, each provider has a subject mode that determines a
// user's identifier. So one user can have several: one for each client, and one
// of authentik's own session.
type userPointer struct {
	UID string `json:"uid"` // the identifier of the newest sign-in
	// ByClient are the identifiers by client. The empty client is authentik's
	// own session. Pointers of older versions have none.
	ByClient map[string]string `json:"by_client,omitempty"`
}

// olderClient is the key of an identifier whose client is not known. No client
// has this name: client IDs cannot contain it (RFC 6749, appendix A).
const olderClient = "\x00"

// with returns the pointer after a sign-in.
func (p userPointer) with(client, uid string) userPointer {
	all := maps.Clone(p.ByClient)
	if all == nil {
		all = map[string]string{}
	}
	if p.UID != "" && p.UID != uid && len(p.ByClient) == 0 {
		all[olderClient] = p.UID
	}
	all[client] = uid
	return userPointer{uid, all}
}

// uids returns the user's identifiers. That of the newest sign-in is first.
func (p userPointer) uids() []string {
	all := []string{p.UID}
	for _, client := range slices.Sorted(maps.Keys(p.ByClient)) {
		if uid := p.ByClient[client]; !slices.Contains(all, uid) {
			all = append(all, uid)
		}
	}
	return all
}

func (x *Index) pointerBox(username string) seal.Box {
	return x.key.Own(seal.KindUser, x.issuer+"\x00"+username)
}

// Point stores the pointer from a username to a user, for as long as a session
// of the user may last. It is saved for twice as long, so that most later
// sign-ins need not save it again.
func (x *Index) Point(ctx context.Context, username, uid string, until time.Time) error {
	b := x.pointerBox(username)
	return persist(ctx, func() error {
		kept, found, err := x.store.Load(ctx, b.Name())
		if err != nil {
			return err
		}
		var to userPointer
		opened := found && b.Open(kept.Value, &to) == nil
		if opened && to.UID == uid && to.ByClient[x.client] == uid && !kept.Expiry.Before(until) {
			return nil
		}
		sealed, err := b.Seal(to.with(x.client, uid))
		if err != nil {
			return err
		}
		expiry := until.Add(until.Sub(x.now()))
		if expiry.Before(kept.Expiry) { // sessions of other clients may need it for longer
			expiry = kept.Expiry
		}
		_, err = x.store.Save(ctx, b.Name(), store.Record{Value: sealed, Expiry: expiry, Version: kept.Version})
		return err
	})
}

// UIDs returns the identifiers of the user with a username. It is empty for a
// username without recent sign-ins.
func (x *Index) UIDs(ctx context.Context, username string) ([]string, error) {
	b := x.pointerBox(username)
	kept, found, err := x.store.Load(ctx, b.Name())
	if err != nil {
		return nil, fault.New(fault.SessionsUnavailable, err)
	}
	var to userPointer
	if !found || b.Open(kept.Value, &to) != nil || to.UID == "" {
		return nil, nil
	}
	return to.uids(), nil
}
