//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package directory

import (
	"context"
	"os"
	"path/filepath"
	"time"
)

// sweepEvery is how often expired entries are removed.
const sweepEvery = time.Minute

// startSweeper starts the sweeper with the first write: a Caddy that only
// validates its configuration starts nothing.
func (s *Store) startSweeper() {
	s.sweeping.Do(func() { s.background.Go(s.sweep) })
}

// sweep removes expired entries until the store is closed.
func (s *Store) sweep() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.untilClose.Done():
			return
		case <-tick.C:
			for _, kind := range []string{records, tombstones, leases} {
				s.sweepKind(s.untilClose, kind)
			}
		}
	}
}

// sweepKind removes the expired entries of a kind. What fails is tried again
// the next time.
func (s *Store) sweepKind(ctx context.Context, kind string) {
	files, _ := os.ReadDir(filepath.Join(s.dir, kind))
	for _, file := range files {
		unlock, err := s.lock(ctx, file.Name())
		if err != nil {
			continue // closing, or not a name
		}
		// Read under the lock: the entry may have been replaced meanwhile.
		if _, found, err := s.read(ctx, kind, file.Name()); !found && err == nil {
			_ = s.remove(kind, file.Name())
		}
		unlock()
	}
}
