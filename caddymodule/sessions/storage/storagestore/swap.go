package storagestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

const (
	// lockTrust is how long after it was given a lock is believed to be ours. The
	// file system's storage takes it from a process that has not been
	// heard of for ten seconds, also from one that was only asleep.
	lockTrust = 8 * time.Second
	// unlockWait is how long giving back a lock may take.
	unlockWait = 5 * time.Second
)

// errSlow is what a writer gets whose lock may be somebody else's by now.
var errSlow = errors.New("the storage took so long that its lock is not to be trusted")

// fetch returns what is kept at a place, whole or not. Only fs.ErrNotExist says
// that nothing is there.
func (s *Store) fetch(ctx context.Context, p place) (entry, error) {
	if err := ctx.Err(); err != nil {
		return entry{}, err
	}
	all, err := s.storage.Load(ctx, p.key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return entry{}, nil
	case err != nil:
		return entry{}, fmt.Errorf("storagestore: reading %s: %w", p.key, err)
	}
	return decode(p.key, all), nil
}

// read fetches, and logs that what is there is not whole: it counts as nothing,
// and must not keep others out.
func (s *Store) read(ctx context.Context, p place) (entry, error) {
	e, err := s.fetch(ctx, p)
	if e.torn {
		s.log.WarnContext(ctx, "what is kept in the storage is not whole; it was cut short, changed or moved",
			"storage_key", p.key, "bytes", len(e.value))
	}
	return e, err
}

// swap puts next in the place of what was read there before, or takes it away
// where next is nothing. Who comes too late changes nothing, and gets what is there
// instead.
func (s *Store) swap(ctx context.Context, p place, before, next entry) (found entry, done bool, err error) {
	lock := p.lockOf(before.version)
	if err := s.storage.Lock(ctx, lock); err != nil {
		return entry{}, false, fmt.Errorf("storagestore: locking %s: %w", p.key, err)
	}
	locked := time.Now()
	defer s.unlock(ctx, lock)
	if found, err = s.read(ctx, p); err != nil || found.version != before.version {
		return found, false, err
	}
	if time.Since(locked) > lockTrust {
		return found, false, fmt.Errorf("storagestore: writing %s: %w", p.key, errSlow)
	}
	return found, true, s.put(ctx, p, next)
}

// put writes an entry, or takes away what is there.
func (s *Store) put(ctx context.Context, p place, e entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if e.version == "" {
		return s.remove(ctx, p.key)
	}
	all, err := e.encode(p.key)
	if err != nil {
		return err
	}
	if err := s.storage.Store(ctx, p.key, all); err != nil {
		return fmt.Errorf("storagestore: writing %s: %w", p.key, err)
	}
	return nil
}

// remove takes away what is kept under a key. Some storages call it an error
// that there is nothing.
func (s *Store) remove(ctx context.Context, key string) error {
	if err := s.storage.Delete(ctx, key); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("storagestore: deleting %s: %w", key, err)
	}
	return nil
}

// unlock gives a lock back, also when the caller has gone. That it fails is
// no failure of the caller's: nobody needs the lock of a version that is past.
func (s *Store) unlock(ctx context.Context, lock string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockWait)
	defer cancel()
	if err := s.storage.Unlock(ctx, lock); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.WarnContext(ctx, "a lock of the storage could not be given back", "lock", lock, "error", err)
	}
}
