package storagestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

const (
	// maxLockAge is how long after it was acquired a lock is trusted. The file
	// system's storage removes the lock of a process that has not refreshed it
	// for ten seconds, even if the process was only suspended.
	maxLockAge = 8 * time.Second
	// unlockTimeout is how long releasing a lock may take.
	unlockTimeout = 5 * time.Second
)

// errLockExpired is the error of a writer whose lock may belong to another
// process now.
var errLockExpired = errors.New("the storage took so long that the lock may have expired")

// fetch returns the entry at a place, torn or not. Only fs.ErrNotExist means
// that the place is empty.
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

// read is fetch, but logs a torn entry and returns none: it must not keep a
// visitor from signing in.
func (s *Store) read(ctx context.Context, p place) (entry, error) {
	e, err := s.fetch(ctx, p)
	if e.torn {
		s.log.WarnContext(ctx, "session store: entry is damaged: it was cut short, changed or moved",
			"storage_key", p.key, "bytes", len(e.value))
	}
	return e, err
}

// swap replaces the version that was read before by next, or removes it if next
// is the zero entry. If the place has another version meanwhile, swap changes
// nothing: replaced is false, and found is the present entry.
func (s *Store) swap(ctx context.Context, p place, before, next entry) (found entry, replaced bool, err error) {
	if to, can := s.storage.(Creator); can && before.version == "" && next.version != "" {
		if found, replaced, err = s.create(ctx, to, p, next); !errors.Is(err, errors.ErrUnsupported) {
			return found, replaced, err
		}
	}
	err = s.locked(ctx, p, before.version, func() error {
		locked := time.Now()
		if found, err = s.read(ctx, p); err != nil || found.version != before.version {
			return err
		}
		if time.Since(locked) > maxLockAge {
			return fmt.Errorf("storagestore: writing %s: %w", p.key, errLockExpired)
		}
		replaced = true
		return s.put(ctx, p, next)
	})
	return found, replaced, err
}

// locked runs work while no other process replaces a version.
func (s *Store) locked(ctx context.Context, p place, version string, work func() error) error {
	lock := p.lockOf(version)
	if err := s.storage.Lock(ctx, lock); err != nil {
		return fmt.Errorf("storagestore: locking %s: %w", p.key, err)
	}
	defer s.unlock(ctx, lock)
	return work()
}

// put writes an entry, or removes it if it is the zero entry.
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

// remove deletes the value under a key. Some storages return an error if the
// key has no value.
func (s *Store) remove(ctx context.Context, key string) error {
	if err := s.storage.Delete(ctx, key); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("storagestore: deleting %s: %w", key, err)
	}
	return nil
}

// unlock releases a lock, even if the caller's context is done. A failure is
// only logged: once a version has been replaced, its lock is not needed again.
func (s *Store) unlock(ctx context.Context, lock string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
	defer cancel()
	if err := s.storage.Unlock(ctx, lock); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.WarnContext(ctx, "session store: lock was not released", "lock", lock, "error", err)
	}
}
