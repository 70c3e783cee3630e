// Package readiness says whether a session store can save sessions.
package readiness

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	ttlcache "github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

const (
	// readyFor and unreadyFor are how long the result of a check is valid.
	readyFor, unreadyFor = 5 * time.Second, time.Second
	// readyWait is the timeout for the store.
	readyWait = 3 * time.Second
)

// A Probe checks whether a store can save sessions. It is used before a sign-in
// begins: a visitor should not type a password for a session that cannot be
// saved.
type Probe struct {
	store store.Store
	name  string
	last  *ttlcache.Cache[struct{}, error]
}

// New returns a probe of a store.
func New(s store.Store, now func() time.Time) *Probe {
	return &Probe{
		store: s, name: "probe-" + strings.ToLower(rand.Text()),
		last: ttlcache.New(ttlcache.Options[struct{}, error]{Entries: 1, Now: now}),
	}
}

// Check returns an error if the store fails. It takes a lease, since a full
// store can still be read.
func (r *Probe) Check(ctx context.Context) error {
	failed, err := r.last.Do(ctx, struct{}{}, func(ctx context.Context) (error, time.Duration, error) {
		ctx, cancel := context.WithTimeout(ctx, readyWait)
		defer cancel()
		release, _, err := r.store.Lease(ctx, r.name, readyFor)
		if err != nil {
			return err, unreadyFor, nil
		}
		release()
		return nil, readyFor, nil
	})
	if failed != nil {
		return fault.New(fault.SessionsUnavailable, failed)
	}
	return err
}
