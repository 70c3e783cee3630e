package storagestore

import (
	"context"
	"errors"
	"path"
	"strconv"
	"time"
)

const (
	// lap is how long it takes to sweep everything once.
	lap = time.Hour
	// slot is how long one directory of each area may take.
	slot = lap / fans
	// turnFor is how long a process has for its slot. If it is killed meanwhile,
	// another takes over there.
	turnFor = 5 * time.Minute
	// grace is how long something must have been over before it goes. Clocks may
	// differ by an hour and more, and none may take away what another believes in.
	grace = 2 * time.Hour
)

// turnPlace is where all processes read whose turn it is, and where.
var turnPlace = place{key: path.Join(root, "sweep"+suffix), lock: root + "_sweep"}

// sweep takes away what is over, one directory in a slot, until the store is
// closed.
func (s *Store) sweep() {
	failing := outage{log: s.log, what: "what is over cannot be swept from the storage"}
	for {
		rest(s.life, slot)
		if s.life.Err() != nil {
			return
		}
		failing.report(s.bite(s.life, slot))
	}
}

// bite sweeps one directory of each area, if no other process does. What it has
// not reached when the slot is over waits for the next lap.
func (s *Store) bite(ctx context.Context, slot time.Duration) error {
	mine, n, err := s.claim(ctx)
	if err != nil || mine.version == "" {
		return err
	}
	for _, a := range []area{records, ended, leases} {
		err = errors.Join(err, s.clear(ctx, fan(a, n), slot/4, func(ctx context.Context, key string) error { return s.judge(ctx, a, key) }))
	}
	if n == 0 {
		err = errors.Join(err, s.clear(ctx, path.Join(root, string(notices)), slot/4, s.judgeNotice))
	}
	return errors.Join(err, s.pass(ctx, mine, n, slot))
}

// claim takes the turn and says which directory it is for. It comes back with
// nothing while another process has it. One whose clock is further ahead than
// clocks ever are is not waited for.
func (s *Store) claim(ctx context.Context) (mine entry, n int, err error) {
	mine, err = within(ctx, s.housekeeping, longestWait, func(ctx context.Context) (entry, error) {
		before, err := s.read(ctx, turnPlace)
		if left := before.until.Sub(s.now()); err != nil || 0 < left && left < grace {
			return entry{}, err
		}
		next := fresh(s.now().Add(turnFor), before.value)
		if _, done, err := s.swap(ctx, turnPlace, before, next); err != nil || !done {
			return entry{}, err
		}
		return next, nil
	})
	n, _ = strconv.Atoi(string(mine.value)) // nothing, or nonsense, begins anew
	return mine, ((n % fans) + fans) % fans, err
}

// pass hands the turn on to whoever comes first after half a slot.
func (s *Store) pass(ctx context.Context, mine entry, n int, slot time.Duration) error {
	_, err := within(ctx, s.housekeeping, longestWait, func(ctx context.Context) (nothing, error) {
		next := fresh(s.now().Add(slot/2), []byte(strconv.Itoa((n+1)%fans)))
		_, _, err := s.swap(ctx, turnPlace, mine, next)
		return nothing{}, err
	})
	return err
}
