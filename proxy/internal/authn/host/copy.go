package host

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// A Copy is a copy of authentik's cookies in one browser. Rechecks of the
// sessions that rest on these cookies send it to authentik.
//
// It is sealed with a random secret. Only the records of these sessions, and a
// cookie of that browser at the login host, contain the secret: the store and
// the gate's key together cannot open the copy.
type Copy struct {
	UID     string             `json:"uid"` // the user
	Cookies flowclient.Cookies `json:"cookies"`
	Until   time.Time          `json:"until"` // the end of the last session that may rest on it
}

func (r Records) copyBox(s seal.Secret) seal.Box { return r.Key.Box(seal.KindCopy, r.place(), s) }

// Tombstone returns the name that ends all sessions that rest on a copy.
func (r Records) Tombstone(s seal.Secret) string {
	return r.Key.Tombstone("copy", r.place()+"\x00"+r.copyBox(s).Name())
}

const (
	// copyTries is how often saving a copy is retried after a conflict.
	copyTries = 5
	// copyAhead is how much longer than its sessions a copy is kept. So a
	// browser that signs in at several sites in other tabs seldom has to save
	// it again.
	copyAhead = 10 * time.Minute
)

// A Held is a copy as it was read, or a place for a new one. Until is zero if
// there is no copy.
type Held struct {
	Copy
	Secret  seal.Secret
	found   bool
	version store.Version
}

// Hold reads the copy of a secret. It is called before authentik is asked about
// the cookies that replace the copy. If the secret is not known, the result is
// a place for a new copy.
func (r Records) Hold(ctx context.Context, s seal.Secret, known bool) (h Held, err error) {
	if !known {
		return Held{Secret: seal.NewSecret()}, nil
	}
	h.Secret = s
	h.version, h.found, err = r.load(ctx, r.copyBox(s), &h.Copy)
	return h, err
}

// Keep saves a copy in place of the one that was read when authentik was asked.
// Sessions that rest on the copy of an older session of the same user at
// authentik then rest on this one.
//
// If the copy that was read is of another user, or has ended, the new copy gets
// its own secret. If another request has replaced the cookies meanwhile, its
// cookies are newer and stay.
func (r Records) Keep(ctx context.Context, held Held, c Copy) (seal.Secret, error) {
	return r.change(ctx, held, func(at Held) (Held, bool) {
		if !at.found || at.UID != c.UID {
			return Held{Secret: seal.NewSecret(), Copy: ahead(c)}, true
		}
		next := at
		if maps.Equal(at.Cookies, held.Cookies) {
			next.Cookies = c.Cookies
		}
		if maps.Equal(next.Cookies, at.Cookies) && !at.Until.Before(c.Until) {
			return at, false
		}
		if more := ahead(c).Until; more.After(next.Until) {
			next.Until = more
		}
		return next, true
	})
}

// ahead returns a copy that is kept longer than its sessions need.
func ahead(c Copy) Copy {
	c.Until = c.Until.Add(copyAhead)
	return c
}

// Move replaces a copy with the copy of a newer authentik session of the same
// user. All gate sessions that rest on it then rest on the newer one. Move does
// nothing if the copy has ended, or belongs to another user meanwhile.
func (r Records) Move(ctx context.Context, s seal.Secret, c Copy) error {
	held, err := r.Hold(ctx, s, true)
	if err != nil {
		return err
	}
	_, err = r.change(ctx, held, func(at Held) (Held, bool) {
		next := at
		next.Cookies = c.Cookies
		return next, at.found && at.UID == c.UID && !maps.Equal(at.Cookies, c.Cookies)
	})
	return err
}

// change saves what next makes of a copy and returns the secret of the result.
// After a conflict it starts again with the copy as it is then.
func (r Records) change(ctx context.Context, at Held, next func(Held) (to Held, changed bool)) (seal.Secret, error) {
	for range copyTries {
		to, changed := next(at)
		if !changed {
			return at.Secret, nil
		}
		err := r.save(ctx, r.copyBox(to.Secret), to.Copy, to.Until, to.version)
		if !errors.Is(err, store.ErrConflict) {
			return to.Secret, err
		}
		if at, err = r.Hold(ctx, to.Secret, true); err != nil {
			return seal.Secret{}, err
		}
	}
	return seal.Secret{}, fault.New(fault.SessionsUnavailable, store.ErrConflict)
}

// Copy returns the copy of a secret.
func (r Records) Copy(ctx context.Context, s seal.Secret) (c Copy, found bool, err error) {
	held, err := r.Hold(ctx, s, true)
	return held.Copy, held.found, err
}

// End ends all sessions that rest on a copy, in every process, and deletes the
// copy. No session can rest on its secret afterwards.
func (r Records) End(ctx context.Context, s seal.Secret, until time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	for _, name := range []string{r.Tombstone(s), r.copyBox(s).Name()} {
		if err := r.Store.Revoke(ctx, name, until); err != nil {
			return fault.New(fault.SessionsUnavailable, err)
		}
	}
	return nil
}
