package storagestore

import (
	"context"
	"sync"
	"time"
)

// releaseWait is how long giving back a lease may take. After that it ends by itself.
const releaseWait = 5 * time.Second

// Lease implements store.Store. A lease is an entry whose version only its
// holder knows. Its end is by the clock of whoever asks for the next.
func (s *Store) Lease(ctx context.Context, name string, d time.Duration) (release func(), held bool, err error) {
	mine, err := within(ctx, s.requests, longestWait, func(ctx context.Context) (entry, error) {
		p, err := at(leases, name)
		if err != nil {
			return entry{}, err
		}
		var mine entry
		err = s.alone(ctx, p, func() (err error) { mine, err = s.take(ctx, p, d); return err })
		return mine, err
	})
	if err != nil || mine.version == "" {
		return func() {}, false, err
	}
	return sync.OnceFunc(func() { s.release(ctx, name, mine) }), true, nil
}

// take returns the lease, or nothing while another has it. Who loses a race has lost the lease.
func (s *Store) take(ctx context.Context, p place, d time.Duration) (entry, error) {
	before, err := s.read(ctx, p)
	if err != nil || before.alive(s.now()) {
		return entry{}, err
	}
	mine := fresh(s.now().Add(d), nil)
	if _, done, err := s.swap(ctx, p, before, mine); err != nil || !done {
		return entry{}, err
	}
	return mine, nil
}

// release ends a lease, unless it has run out and is somebody else's by now.
func (s *Store) release(ctx context.Context, name string, mine entry) {
	_, err := within(context.WithoutCancel(ctx), s.requests, releaseWait, func(ctx context.Context) (nothing, error) {
		p, err := at(leases, name)
		if err != nil {
			return nothing{}, err
		}
		return nothing{}, s.alone(ctx, p, func() error { return s.giveBack(ctx, p, mine) })
	})
	if err != nil {
		s.log.WarnContext(ctx, "a lease could not be given back, and ends by itself", "until", mine.until, "error", err)
	}
}

func (s *Store) giveBack(ctx context.Context, p place, mine entry) error {
	now, err := s.read(ctx, p)
	if err != nil || now.version != mine.version {
		return err
	}
	_, _, err = s.swap(ctx, p, mine, entry{})
	return err
}
