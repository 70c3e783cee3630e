package storagestore

import (
	"context"
	"errors"
	"time"
)

// Revoke implements store.Store. After an error, other processes may not know
// the revocation, and the caller should retry. If only the notice for them
// could not be written, the store itself retries.
func (s *Store) Revoke(ctx context.Context, name string, until time.Time) error {
	_, err := call(ctx, s, func(ctx context.Context) (nothing, error) {
		p, err := placeOf(ended, name)
		if err != nil {
			return nothing{}, err
		}
		if err := s.exclusive(ctx, p, func() error { return s.setTombstone(ctx, p, until) }); err != nil {
			return nothing{}, err
		}
		return nothing{}, s.announce(ctx, name)
	})
	return err
}

// setTombstone writes a tombstone, unless there is one that lasts longer.
func (s *Store) setTombstone(ctx context.Context, p place, until time.Time) error {
	tombstone, err := s.read(ctx, p)
	for done := false; err == nil && !done && !tombstone.lastsUntil(until); {
		tombstone, done, err = s.swap(ctx, p, tombstone, newEntry(until, nil))
	}
	return err
}

// lastsUntil reports whether the entry exists and does not expire before t.
func (e entry) lastsUntil(t time.Time) bool { return e.version != "" && !e.until.Before(t) }

// announce does everything that must follow a tombstone, even if the caller's
// context is done: it tells the watchers of this process, removes the record,
// and writes a notice for the other processes.
func (s *Store) announce(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxWait)
	defer cancel()
	s.subscribers.publish(name)
	p, err := placeOf(records, name)
	if err != nil {
		return err
	}
	seq := s.outbox.add(name, time.Now())
	return errors.Join(s.publish(ctx, seq), s.remove(ctx, p.key))
}

// Revoked implements store.Store. It reads one entry for each name.
func (s *Store) Revoked(ctx context.Context, names ...string) (bool, error) {
	return call(ctx, s, func(ctx context.Context) (bool, error) {
		for _, name := range names {
			if revoked, err := s.hasTombstone(ctx, name); revoked || err != nil {
				return revoked, err
			}
		}
		return false, nil
	})
}

// hasTombstone reports whether a name has a tombstone. A torn one counts: it
// was set, although its end is unreadable.
func (s *Store) hasTombstone(ctx context.Context, name string) (bool, error) {
	p, err := placeOf(ended, name)
	if err != nil {
		return false, err
	}
	tombstone, err := s.read(ctx, p)
	return err == nil && (tombstone.torn || tombstone.alive(s.now())), err
}
