package storagestore

import (
	"context"
	"sync"
	"time"
)

// releaseTimeout is the timeout for releasing a lease. After that the lease
// ends by itself.
const releaseTimeout = 5 * time.Second

// Lease implements store.Store. A lease is an entry whose version only its
// holder knows. It expires by the clock of the process that asks for the next.
func (s *Store) Lease(ctx context.Context, name string, d time.Duration) (release func(), held bool, err error) {
	mine, err := call(ctx, s, func(ctx context.Context) (entry, error) {
		p, err := placeOf(leases, name)
		if err != nil {
			return entry{}, err
		}
		var mine entry
		err = s.exclusive(ctx, p, func() (err error) { mine, err = s.acquire(ctx, p, d); return err })
		return mine, err
	})
	if err != nil || mine.version == "" {
		return func() {}, false, err
	}
	return sync.OnceFunc(func() { s.release(ctx, name, mine) }), true, nil
}

// acquire returns the lease, or the zero entry if another caller has it.
func (s *Store) acquire(ctx context.Context, p place, d time.Duration) (entry, error) {
	before, err := s.read(ctx, p)
	if err != nil || before.alive(s.now()) {
		return entry{}, err
	}
	mine := newEntry(s.now().Add(d), nil)
	if _, replaced, err := s.swap(ctx, p, before, mine); err != nil || !replaced {
		return entry{}, err
	}
	return mine, nil
}

// release ends a lease, unless it has expired and another caller has it now.
func (s *Store) release(ctx context.Context, name string, mine entry) {
	_, err := bounded(context.WithoutCancel(ctx), s.requests, releaseTimeout, func(ctx context.Context) (nothing, error) {
		p, err := placeOf(leases, name)
		if err != nil {
			return nothing{}, err
		}
		return nothing{}, s.exclusive(ctx, p, func() error { return s.removeLease(ctx, p, mine) })
	})
	if err != nil {
		s.log.WarnContext(ctx, "session store: lease was not released and stays until it expires", "until", mine.until, "error", err)
	}
}

func (s *Store) removeLease(ctx context.Context, p place, mine entry) error {
	found, err := s.read(ctx, p)
	if err != nil || found.version != mine.version {
		return err
	}
	_, _, err = s.swap(ctx, p, mine, entry{})
	return err
}
