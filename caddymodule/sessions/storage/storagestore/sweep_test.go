package storagestore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// later is a store on the same storage in a process whose clock is ahead.
func later(t testing.TB, kept Storage, ahead time.Duration) *Store {
	t.Helper()
	s, _ := still(t, kept)
	s.now = func() time.Time { return time.Now().Add(ahead) }
	return s
}

// sweepAll goes a whole lap.
func sweepAll(t testing.TB, s *Store) {
	t.Helper()
	for range fans {
		if err := s.bite(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
}

// fill keeps a record, a tombstone and a lease, each for an hour.
func fill(t testing.TB, s *Store) {
	t.Helper()
	save(t, s, "session-a", record("one"))
	bury(t, s, "session-b")
	if _, held, err := s.Lease(t.Context(), "work", time.Hour); !held || err != nil {
		t.Fatal(held, err)
	}
}

func things(kept *shelf) []string {
	return slices.Concat(kept.keys("authentik/sessions"), kept.keys("authentik/ended"), kept.keys("authentik/leases"))
}

func TestWhatHasBeenOverForLongIsSweptAway(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		kept := newShelf()
		s, _ := still(t, kept)
		fill(t, s)
		for _, ahead := range []time.Duration{0, time.Hour + time.Minute, time.Hour + grace - time.Minute} {
			sweepAll(t, later(t, kept, ahead))
			if got := things(kept); len(got) != 3 {
				t.Errorf("an hour and %v later there is %q; who has another clock may believe in more", ahead-time.Hour, got)
			}
		}
		sweepAll(t, later(t, kept, time.Hour+grace+2*time.Minute))
		if got := things(kept); len(got) > 0 {
			t.Errorf("there is still %q", got)
		}
	})
}

// A sweeper with a clock an hour ahead sweeps on a storage whose user was
// buried for as long as his oldest session lasts.
func TestASweeperWithAFastClockBringsNobodyBack(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		kept := newShelf()
		s, _ := still(t, kept)
		bury(t, s, "user-x")
		time.Sleep(59 * time.Minute)
		sweepAll(t, later(t, kept, time.Hour))
		isRevoked(t, s, "user-x", true)
	})
}

func TestOneProcessSweepsAtATimeAndTheNextGoesOnThere(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		kept := newShelf()
		here, _ := still(t, kept)
		there, _ := still(t, kept)
		mine, n, err := here.claim(t.Context())
		if err != nil || mine.version == "" || n != 0 {
			t.Fatal(mine, n, err)
		}
		if other, _, err := there.claim(t.Context()); other.version != "" || err != nil {
			t.Errorf("another has the turn as well: %v", err)
		}
		if err := here.pass(t.Context(), mine, n, slot); err != nil {
			t.Fatal(err)
		}
		if other, _, _ := there.claim(t.Context()); other.version != "" {
			t.Error("the slot is not over")
		}
		time.Sleep(slot)
		if mine, n, err = there.claim(t.Context()); mine.version == "" || n != 1 {
			t.Fatalf("goes on at %d: %v", n, err)
		}
		// And is killed.
		time.Sleep(turnFor + time.Second)
		if mine, n, err = here.claim(t.Context()); mine.version == "" || n != 1 {
			t.Errorf("after a loss it goes on at %d: %v", n, err)
		}
		// One whose clock is a year ahead.
		far := later(t, kept, 365*24*time.Hour)
		if mine, _, _ := far.claim(t.Context()); mine.version == "" {
			t.Fatal("the turn is not over in a year")
		}
		if mine, _, _ := here.claim(t.Context()); mine.version == "" {
			t.Error("it is waited for for a year")
		}
	})
}

func TestTheLapEndsWhereItBegan(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		kept := newShelf()
		s, _ := still(t, kept)
		sweepAll(t, s)
		if _, n, err := s.claim(t.Context()); n != 0 || err != nil {
			t.Errorf("at %d, %v", n, err)
		}
		listed := 0
		for _, op := range kept.did() {
			if strings.HasPrefix(op, "list authentik/sessions/") {
				listed++
			}
		}
		if listed != fans {
			t.Errorf("%d directories were listed", listed)
		}
	})
}

// A directory with very much in it takes its time and no more, and the pace leaves room for others.
func TestASlotIsBounded(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		kept := newShelf()
		s, _ := still(t, kept)
		dir := fan(records, 0)
		for i := range 20_000 {
			kept.files[fmt.Sprintf("%s/session-%d.kept", dir, i)] = nil
		}
		kept.setHook(func(_ context.Context, op, _ string) error {
			if op == "load" {
				time.Sleep(5 * time.Millisecond)
			}
			return nil
		})
		begun := time.Now()
		if err := s.bite(t.Context(), slot); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took > slot/2 {
			t.Errorf("it took %v of a slot of %v", took, slot)
		}
		if did := len(kept.did()); did > 1000 || did < 100 {
			t.Errorf("it took %d operations", did)
		}
	})
}

// What a storage was writing when it was killed lies around under names of its
// own. It goes when it has lain there for a lap, and what is being written stays.
func TestLitterGoesAndNothingElse(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		kept := newShelf()
		s, _ := still(t, kept)
		fill(t, s)
		dir := fan(records, 7)
		litter := []string{dir + "/1234567", fan(ended, 7) + "/99", "authentik/notices/555"}
		for _, key := range litter {
			kept.files[key] = []byte("half a rec")
		}
		kept.files[dir+"/growing"] = nil
		torn, stone := key(t, records, "session-torn"), key(t, ended, "session-torn")
		kept.files[torn], kept.files[stone] = []byte("half"), []byte("half")
		before := len(kept.keys("authentik"))
		for range 3 {
			sweepAll(t, s)
			if got := kept.keys("authentik"); len(got) != before+1 { // and whose turn it is
				t.Fatalf("something went at once: %q", got)
			}
			kept.files[dir+"/growing"] = append(kept.files[dir+"/growing"], 'x')
			time.Sleep(lap / 8)
		}
		time.Sleep(lap / 2)
		kept.files[dir+"/growing"] = append(kept.files[dir+"/growing"], 'x')
		sweepAll(t, s)
		for _, key := range append(litter, torn) {
			if _, found := kept.files[key]; found {
				t.Errorf("%s lies there still", key)
			}
		}
		if _, found := kept.files[stone]; !found {
			t.Error("a torn tombstone has gone")
		}
		if _, found := kept.files[dir+"/growing"]; !found || len(things(kept)) != 5 {
			t.Errorf("there is %q", things(kept))
		}
	})
}

// A record that is saved anew while it is swept stays.
func TestTheSweeperTakesNothingThatHasChanged(t *testing.T) {
	t.Parallel()
	kept := newShelf()
	s, _ := still(t, kept)
	save(t, s, "session-a", record("one"))
	sweeper := later(t, kept, 24*time.Hour)
	where, first := key(t, records, "session-a"), true
	kept.setHook(func(ctx context.Context, op, _ string) error {
		if op == "lock" && first {
			first = false
			next := fresh(time.Now().Add(time.Hour), []byte("two"))
			all, err := next.encode(where)
			if err != nil {
				return err
			}
			return kept.Store(ctx, where, all)
		}
		return nil
	})
	if err := sweeper.judge(t.Context(), records, where); err != nil {
		t.Fatal(err)
	}
	holds(t, s, "session-a", "two")
}

// It runs by itself, and Close ends it.
func TestAStoreSweepsByItself(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		kept := newShelf()
		s := open(t, kept)
		r := record("one")
		save(t, s, "session-a", r)
		bury(t, s, "session-b")
		time.Sleep(time.Hour + grace + lap + time.Hour)
		if got := things(kept); len(got) > 0 {
			t.Errorf("there is %q", got)
		}
		if got := kept.keys("authentik/notices"); len(got) > 0 {
			t.Errorf("there is %q", got)
		}
		_ = s.Close()
		kept.did()
		time.Sleep(time.Hour)
		if did := kept.did(); len(did) > 0 {
			t.Errorf("a closed store goes on: %q", did)
		}
	})
}

// The clock is moved by an hour both ways while sessions live.
func TestAnHourOfTheClockEndsNothingForGood(t *testing.T) {
	t.Parallel()
	kept := newShelf()
	s, _ := still(t, kept)
	save(t, s, "session-a", store.Record{Value: []byte("one"), Expiry: time.Now().Add(30 * time.Minute)})
	holds(t, later(t, kept, -time.Hour), "session-a", "one")
	holds(t, later(t, kept, time.Hour), "session-a", "")
	ahead := later(t, kept, time.Hour)
	p, err := at(records, "session-a")
	if err != nil {
		t.Fatal(err)
	}
	if err := ahead.judge(t.Context(), records, p.key); err != nil {
		t.Fatal(err)
	}
	holds(t, s, "session-a", "one")
}
