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

// A Copy is a copy of authentik's cookies in one browser, by which rechecks ask
// authentik about the sessions that rest on them. It is sealed under a random
// secret, which only these sessions' records and a cookie of that browser at the
// login host have: the store and the gate's key together do not open it.
type Copy struct {
	UID     string             `json:"uid"` // the user
	Cookies flowclient.Cookies `json:"cookies"`
	Until   time.Time          `json:"until"` // when the last session ends that may rest on it
}

func (r Records) copyBox(s seal.Secret) seal.Box { return r.Key.Box(seal.KindCopy, r.Origin, s) }

// Tombstone returns the name that ends all sessions that rest on a copy.
func (r Records) Tombstone(s seal.Secret) string {
	return r.Key.Tombstone("copy", r.Origin+"\x00"+r.copyBox(s).Name())
}

const (
	// copyTries is how often a copy is saved that others save as well.
	copyTries = 5
	// copyAhead is how much longer a copy is kept than its sessions need. The other
	// tabs of a browser that signs in at several sites then have nothing to save.
	copyAhead = 10 * time.Minute
)

// Keep keeps a copy under the secret of a browser. If the secret's copy is that of
// another user, or has ended, it draws another secret. Sessions that rest on the
// copy of an older session of the same user at authentik rest on this one from
// then on.
func (r Records) Keep(ctx context.Context, s seal.Secret, known bool, c Copy) (seal.Secret, error) {
	if !known {
		s = seal.NewSecret()
	}
	for range copyTries {
		var before Copy
		version, found, err := r.load(ctx, r.copyBox(s), &before)
		switch {
		case err != nil:
			return seal.Secret{}, err
		case found && before.UID != c.UID:
			s, version = seal.NewSecret(), ""
		case found && maps.Equal(before.Cookies, c.Cookies) && !before.Until.Before(c.Until):
			return s, nil
		}
		kept := c
		if kept.Until = c.Until.Add(copyAhead); found && before.UID == c.UID && before.Until.After(kept.Until) {
			kept.Until = before.Until
		}
		err = r.save(ctx, r.copyBox(s), kept, kept.Until, version)
		if !errors.Is(err, store.ErrConflict) {
			return s, err
		}
		if !found { // it has ended, and no copy is kept there any more
			s = seal.NewSecret()
		}
	}
	return seal.Secret{}, fault.New(fault.SessionsUnavailable, store.ErrConflict)
}

// Move replaces a copy by that of a newer session of the same user at authentik, on
// which everything rests from then on. It does nothing if the copy has ended, or is
// that of another user by now.
func (r Records) Move(ctx context.Context, s seal.Secret, c Copy) error {
	for range copyTries {
		var before Copy
		version, found, err := r.load(ctx, r.copyBox(s), &before)
		if err != nil || !found || before.UID != c.UID || maps.Equal(before.Cookies, c.Cookies) {
			return err
		}
		c.Until = before.Until
		if err = r.save(ctx, r.copyBox(s), c, c.Until, version); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return fault.New(fault.SessionsUnavailable, store.ErrConflict)
}

// Copy returns the copy of a secret.
func (r Records) Copy(ctx context.Context, s seal.Secret) (c Copy, found bool, err error) {
	_, found, err = r.load(ctx, r.copyBox(s), &c)
	return c, found, err
}

// End ends all sessions that rest on a copy, in every process, and deletes the
// copy. Nothing rests on its secret from then on.
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
