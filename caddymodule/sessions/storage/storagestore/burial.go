package storagestore

import (
	"context"
	"errors"
	"time"
)

// Revoke implements store.Store. An error says that the end may not have reached
// everybody; who has it should try again. Should only the notice be missing, it is
// tried again without being asked.
func (s *Store) Revoke(ctx context.Context, name string, until time.Time) error {
	_, err := within(ctx, s.requests, longestWait, func(ctx context.Context) (nothing, error) {
		p, err := at(ended, name)
		if err != nil {
			return nothing{}, err
		}
		if err := s.alone(ctx, p, func() error { return s.entomb(ctx, p, until) }); err != nil {
			return nothing{}, err
		}
		return nothing{}, s.mourn(ctx, name)
	})
	return err
}

// entomb sets the tombstone. One that is there and stands longer stays.
func (s *Store) entomb(ctx context.Context, p place, until time.Time) error {
	stone, err := s.read(ctx, p)
	for done := false; err == nil && !done && !stone.covers(until); {
		stone, done, err = s.swap(ctx, p, stone, fresh(until, nil))
	}
	return err
}

// covers reports whether the tombstone stands until then.
func (e entry) covers(until time.Time) bool { return e.version != "" && !e.until.Before(until) }

// mourn does what follows from a tombstone, also for a caller who has gone:
// the name is told here, the record is taken away, and others get their notice.
func (s *Store) mourn(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longestWait)
	defer cancel()
	s.audience.tell(name)
	p, err := at(records, name)
	if err != nil {
		return err
	}
	seq := s.notice.add(name, time.Now())
	return errors.Join(s.publish(ctx, seq), s.remove(ctx, p.key))
}

// Revoked implements store.Store. It reads one place for each name.
func (s *Store) Revoked(ctx context.Context, names ...string) (bool, error) {
	return within(ctx, s.requests, longestWait, func(ctx context.Context) (bool, error) {
		for _, name := range names {
			if over, err := s.buried(ctx, name); over || err != nil {
				return over, err
			}
		}
		return false, nil
	})
}

// buried looks for one tombstone. One that cannot be read any more says one
// thing still: somebody has set it.
func (s *Store) buried(ctx context.Context, name string) (bool, error) {
	p, err := at(ended, name)
	if err != nil {
		return false, err
	}
	stone, err := s.read(ctx, p)
	return err == nil && (stone.torn || stone.alive(s.now())), err
}
