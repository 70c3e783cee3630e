package storagestore

import (
	"context"
	"crypto/rand"
	"errors"
	"math/big"
	"path"
	"strings"
	"time"
)

const (
	// maxPause is the maximum pause between two keys.
	maxPause = 50 * time.Millisecond
	// maxLeftovers is the maximum number of leftovers in memory.
	maxLeftovers = 1000
)

// leftovers remembers incomplete files: those that a storage was writing when
// it was killed, or that were cut short. A file is removed if it is unchanged
// the next time. So no clocks are compared, and no file is removed while it is
// written.
type leftovers struct{ seen map[string]leftover }

// A leftover is an incomplete file, and when it was first seen in this state.
type leftover struct {
	mark  string
	since time.Time
}

func newLeftovers() *leftovers { return &leftovers{seen: make(map[string]leftover)} }

// stale reports whether a file has been incomplete and unchanged for long
// enough.
func (l *leftovers) stale(key string, content []byte, now time.Time) bool {
	mark := string(checksum(key, content))
	before, known := l.seen[key]
	if known && before.mark == mark {
		return now.Sub(before.since) > sweepPeriod/2
	}
	if len(l.seen) >= maxLeftovers {
		clear(l.seen)
	}
	l.seen[key] = leftover{mark, now}
	return false
}

// sweepDirectory sweeps the keys of a directory within a time, with pauses
// between them. It begins at a random key, so that it is not always the same
// keys that wait if the time is too short.
func (s *Store) sweepDirectory(ctx context.Context, dir string, length time.Duration, sweep func(context.Context, string) error) error {
	keys, err := bounded(ctx, s.housekeeping, maxWait, func(ctx context.Context) ([]string, error) { return s.list(ctx, dir) })
	if err != nil || len(keys) == 0 {
		return err
	}
	end, first := time.Now().Add(length), randomIndex(len(keys))
	for i := range keys {
		if ctx.Err() != nil || time.Now().After(end) {
			break
		}
		key := path.Join(dir, path.Base(keys[(first+i)%len(keys)]))
		_, failed := bounded(ctx, s.housekeeping, maxWait, func(ctx context.Context) (nothing, error) { return nothing{}, sweep(ctx, key) })
		err = errors.Join(err, failed)
		pause(ctx, min(maxPause, length/time.Duration(2*len(keys))))
	}
	return err
}

func randomIndex(n int) int {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		return 0
	}
	return int(i.Int64())
}

// sweepKey removes an expired entry, or a leftover. A torn tombstone stays
// forever: its end is unknown.
func (s *Store) sweepKey(ctx context.Context, a area, key string) error {
	name, ours := nameOf(key)
	p, err := placeOf(a, name)
	if !ours || err != nil || p.key != key {
		return s.removeStale(ctx, place{key: key})
	}
	e, err := s.fetch(ctx, p)
	switch {
	case err != nil:
		return err
	case e.torn && a == ended:
		return nil
	case e.torn:
		return s.removeStale(ctx, p)
	case e.version != "" && s.now().Sub(e.until) > grace:
		return s.exclusive(ctx, p, func() error {
			_, _, err := s.swap(ctx, p, e, entry{})
			return err
		})
	}
	return err
}

// sweepNotice removes a leftover among the notices. Complete notices are
// removed after they were read.
func (s *Store) sweepNotice(ctx context.Context, key string) error {
	return s.removeStale(ctx, place{key: key})
}

// removeStale removes a file that has been incomplete for long enough. A key
// that cannot be read stays: it may be a directory.
func (s *Store) removeStale(ctx context.Context, p place) error {
	e, err := s.fetch(ctx, p)
	if err != nil || !e.torn || !s.leftovers.stale(p.key, e.value, time.Now()) {
		return nil //nolint:nilerr // not a file of this package
	}
	return s.remove(ctx, p.key)
}

// lockDirectory is the directory in which the file system's storage keeps its
// locks, as separate keys. Other storages have no such directory.
const lockDirectory = "locks"

// sweepLocks removes the locks of processes that were killed. The file system's
// storage takes over an old lock only if the lock is wanted again, which never
// happens for a replaced version.
func (s *Store) sweepLocks(ctx context.Context, length time.Duration) error {
	return s.sweepDirectory(ctx, lockDirectory, length, func(ctx context.Context, key string) error {
		if !strings.HasPrefix(path.Base(key), root+"_") {
			return nil // it is a lock for certificates
		}
		content, err := s.storage.Load(ctx, key)
		// A process that is alive writes into its locks every few seconds.
		if err != nil || !s.leftovers.stale(key, content, time.Now()) {
			return nil //nolint:nilerr // it was released meanwhile
		}
		return s.remove(ctx, key)
	})
}
