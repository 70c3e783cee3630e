package index

import (
	"context"
	"crypto/rand"
	"errors"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/background"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

const (
	// turnStripes is how many records can be changed at the same time in one
	// process.
	turnStripes = 64
	// conflictTries is how often a change is retried after a conflict. Changes
	// of one process wait for their turn, so conflicts come from other
	// processes.
	conflictTries = 50
	// conflictPause is the longest pause after the first conflict. Each later
	// pause is longer by the same amount, up to sixteen times.
	conflictPause = 2 * time.Millisecond
)

// turns serializes the sign-ins of a user in this process. Otherwise a thousand
// concurrent ones would conflict in the store, and each would end the sessions
// beyond the limit. Processes do not share turns; between them the store's
// versions detect conflicts.
type turns struct {
	seed    maphash.Seed
	stripes [turnStripes]atomic.Pointer[chan struct{}] // made when they are used
}

func newTurns() *turns { return &turns{seed: maphash.MakeSeed()} }

// wait waits for a turn and returns a function that ends it.
func (t *turns) wait(ctx context.Context, of string) (leave func(), err error) {
	stripe := t.stripe(maphash.String(t.seed, of) % turnStripes)
	select {
	case stripe <- struct{}{}:
		return func() { <-stripe }, nil
	case <-ctx.Done():
		return nil, fault.New(fault.SessionsUnavailable, ctx.Err())
	}
}

func (t *turns) stripe(i uint64) chan struct{} {
	if t.stripes[i].Load() == nil {
		t.stripes[i].CompareAndSwap(nil, new(make(chan struct{}, 1)))
	}
	return *t.stripes[i].Load()
}

// persist repeats a change until it has no conflict. It pauses for a random
// time between tries, so that the same writers do not conflict again.
func persist(ctx context.Context, change func() error) error {
	var err error
	for try := range conflictTries {
		if err = change(); err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrConflict) || ctx.Err() != nil {
			break
		}
		var dice [1]byte
		_, _ = rand.Read(dice[:]) // never fails, see its documentation
		background.Sleep(ctx, conflictPause*time.Duration(min(try+1, 16))*time.Duration(dice[0])/256)
	}
	if errors.Is(err, ErrEndedEarly) {
		return err
	}
	return fault.New(fault.SessionsUnavailable, err)
}
