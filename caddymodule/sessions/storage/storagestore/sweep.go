package storagestore

import (
	"context"
	"errors"
	"path"
	"strconv"
	"time"
)

const (
	// sweepPeriod is the time for sweeping everything once.
	sweepPeriod = time.Hour
	// slotLength is the time for one directory of each area.
	slotLength = sweepPeriod / directories
	// turnLength is how long a process has the turn for its slot. If it is
	// killed meanwhile, another continues there.
	turnLength = 5 * time.Minute
	// grace is how long an entry must have been expired before it is removed.
	// Clocks may differ by an hour and more, and no process may remove an entry
	// that another one considers valid.
	grace = 2 * time.Hour
)

// turnPlace is the place of the turn: the next directory, and until when a
// process has the turn.
var turnPlace = place{key: path.Join(root, "sweep"+suffix), lock: root + "_sweep"}

// sweep removes expired entries, one directory in a slot, until the store is
// closed.
func (s *Store) sweep() {
	cleanup := outage{log: s.log, failed: "session store: cleanup failed", over: "session store: cleanup works again"}
	for {
		pause(s.untilClose, slotLength)
		if s.untilClose.Err() != nil {
			return
		}
		cleanup.report(s.sweepSlot(s.untilClose, slotLength))
	}
}

// sweepSlot sweeps one directory of each area, unless another process does.
// Keys that it does not reach in time wait for the next period.
func (s *Store) sweepSlot(ctx context.Context, length time.Duration) error {
	mine, n, err := s.claimTurn(ctx)
	if err != nil || mine.version == "" {
		return err
	}
	for _, a := range []area{records, ended, leases} {
		err = errors.Join(err, s.sweepDirectory(ctx, directory(a, n), length/4, func(ctx context.Context, key string) error {
			return s.sweepKey(ctx, a, key)
		}))
	}
	if n == 0 {
		err = errors.Join(err, s.sweepDirectory(ctx, path.Join(root, string(notices)), length/4, s.sweepNotice), s.sweepLocks(ctx, length/4))
	}
	return errors.Join(err, s.passTurn(ctx, mine, n, length))
}

// claimTurn takes the turn and returns its directory. It returns the zero entry
// if another process has the turn. If that process's clock is further ahead
// than clocks ever are, its turn is ignored.
func (s *Store) claimTurn(ctx context.Context) (mine entry, n int, err error) {
	mine, err = bounded(ctx, s.housekeeping, maxWait, func(ctx context.Context) (entry, error) {
		before, err := s.read(ctx, turnPlace)
		if left := before.until.Sub(s.now()); err != nil || 0 < left && left < grace {
			return entry{}, err
		}
		next := newEntry(s.now().Add(turnLength), before.value)
		if _, replaced, err := s.swap(ctx, turnPlace, before, next); err != nil || !replaced {
			return entry{}, err
		}
		return next, nil
	})
	n, _ = strconv.Atoi(string(mine.value)) // if it is missing or invalid, sweeping starts again from the first directory
	return mine, ((n % directories) + directories) % directories, err
}

// passTurn passes the turn to the first process that asks after half a slot.
func (s *Store) passTurn(ctx context.Context, mine entry, n int, length time.Duration) error {
	_, err := bounded(ctx, s.housekeeping, maxWait, func(ctx context.Context) (nothing, error) {
		next := newEntry(s.now().Add(length/2), []byte(strconv.Itoa((n+1)%directories)))
		_, _, err := s.swap(ctx, turnPlace, mine, next)
		return nothing{}, err
	})
	return err
}
