package storagestore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// newAhead makes a store on the same storage whose clock is ahead.
func newAhead(t testing.TB, kept Storage, ahead time.Duration) *Store {
	t.Helper()
	s, _ := newIdle(t, kept)
	s.now = func() time.Time { return time.Now().Add(ahead) }
	return s
}

// sweepAll sweeps everything once.
func sweepAll(t testing.TB, s *Store) {
	t.Helper()
	for range directories {
		if err := s.sweepSlot(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
}

// fill writes a record, a tombstone and a lease, each for an hour.
func fill(t testing.TB, s *Store) {
	t.Helper()
	save(t, s, "session-a", record("one"))
	revoke(t, s, "session-b")
	if _, held, err := s.Lease(t.Context(), "work", time.Hour); !held || err != nil {
		t.Fatal(held, err)
	}
}

// entries returns all keys of records, tombstones and leases.
func entries(kept *memoryStorage) []string {
	return slices.Concat(kept.keys("authentik/sessions"), kept.keys("authentik/ended"), kept.keys("authentik/leases"))
}

func TestSweep_RemovesWhatExpiredLongAgo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := newMemoryStorage()
		s, _ := newIdle(t, kept)
		fill(t, s)
		for _, ahead := range []time.Duration{0, time.Hour + time.Minute, time.Hour + grace - time.Minute} {
			sweepAll(t, newAhead(t, kept, ahead))
			if got := entries(kept); len(got) != 3 {
				t.Errorf("%v after the end: got %q, want all of it, since clocks may differ", ahead-time.Hour, got)
			}
		}
		sweepAll(t, newAhead(t, kept, time.Hour+grace+2*time.Minute))
		if got := entries(kept); len(got) > 0 {
			t.Errorf("got %q, want nothing", got)
		}
	})
}

// A tombstone must last as long as the oldest session of its user.
func TestSweep_FastClockRemovesNoTombstoneThatCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := newMemoryStorage()
		s, _ := newIdle(t, kept)
		revoke(t, s, "user-x")
		time.Sleep(59 * time.Minute)
		sweepAll(t, newAhead(t, kept, time.Hour))
		expectRevoked(t, s, "user-x", true)
	})
}

func TestSweep_OneProcessAtATimeAndTheNextContinues(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := newMemoryStorage()
		here, _ := newIdle(t, kept)
		there, _ := newIdle(t, kept)
		mine, n, err := here.claimTurn(t.Context())
		if err != nil || mine.version == "" || n != 0 {
			t.Fatal(mine, n, err)
		}
		if other, _, err := there.claimTurn(t.Context()); other.version != "" || err != nil {
			t.Errorf("got the turn for two processes, %v, want it for one", err)
		}
		if err := here.passTurn(t.Context(), mine, n, slotLength); err != nil {
			t.Fatal(err)
		}
		if other, _, _ := there.claimTurn(t.Context()); other.version != "" {
			t.Error("got the turn before the slot was over, want none")
		}
		time.Sleep(slotLength)
		if mine, n, err = there.claimTurn(t.Context()); mine.version == "" || n != 1 {
			t.Fatalf("got directory %d, %v, want 1", n, err)
		}
		// The process with the turn is killed.
		time.Sleep(turnLength + time.Second)
		if mine, n, err = here.claimTurn(t.Context()); mine.version == "" || n != 1 {
			t.Errorf("got directory %d after a loss, %v, want 1", n, err)
		}
		// The clock of the process with the turn is a year ahead.
		far := newAhead(t, kept, 365*24*time.Hour)
		if mine, _, _ := far.claimTurn(t.Context()); mine.version == "" {
			t.Fatal("got no turn after a year, want it")
		}
		if mine, _, _ := here.claimTurn(t.Context()); mine.version == "" {
			t.Error("got no turn, want it without waiting for a year")
		}
	})
}

func TestSweep_ReachesEveryDirectoryOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := newMemoryStorage()
		s, _ := newIdle(t, kept)
		sweepAll(t, s)
		if _, n, err := s.claimTurn(t.Context()); n != 0 || err != nil {
			t.Errorf("got directory %d, %v, want 0", n, err)
		}
		listed := 0
		for _, op := range kept.did() {
			if strings.HasPrefix(op, "list authentik/sessions/") {
				listed++
			}
		}
		if listed != directories {
			t.Errorf("got %d directories listed, want %d", listed, directories)
		}
	})
}

func TestSweep_LargeDirectoryTakesNoLongerThanItsSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := newMemoryStorage()
		s, _ := newIdle(t, kept)
		dir := directory(records, 0)
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
		if err := s.sweepSlot(t.Context(), slotLength); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took > slotLength/2 {
			t.Errorf("got %v of a slot of %v, want half at most", took, slotLength)
		}
		if did := len(kept.did()); did > 1000 || did < 100 {
			t.Errorf("got %d operations, want 100 to 1000", did)
		}
	})
}

// A storage that is killed while it writes leaves files under names of its own.
// They are removed when they have not changed for a while; what is being
// written stays.
func TestSweep_RemovesLeftoversAndNothingElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := newMemoryStorage()
		s, _ := newIdle(t, kept)
		fill(t, s)
		dir := directory(records, 7)
		stale := []string{dir + "/1234567", directory(ended, 7) + "/99", "authentik/notices/555"}
		for _, key := range stale {
			kept.files[key] = []byte("half a rec")
		}
		kept.files[dir+"/growing"] = nil
		torn, tombstone := keyOf(t, records, "session-torn"), keyOf(t, ended, "session-torn")
		kept.files[torn], kept.files[tombstone] = []byte("half"), []byte("half")
		before := len(kept.keys("authentik"))
		for range 3 {
			sweepAll(t, s)
			if got := kept.keys("authentik"); len(got) != before+1 { // with the turn
				t.Fatalf("got %q, want nothing removed yet", got)
			}
			kept.files[dir+"/growing"] = append(kept.files[dir+"/growing"], 'x')
			time.Sleep(sweepPeriod / 8)
		}
		time.Sleep(sweepPeriod / 2)
		kept.files[dir+"/growing"] = append(kept.files[dir+"/growing"], 'x')
		sweepAll(t, s)
		for _, key := range append(stale, torn) {
			if _, found := kept.files[key]; found {
				t.Errorf("got %s, want it removed", key)
			}
		}
		if _, found := kept.files[tombstone]; !found {
			t.Error("got no torn tombstone, want it to stay")
		}
		if _, found := kept.files[dir+"/growing"]; !found || len(entries(kept)) != 5 {
			t.Errorf("got %q, want the growing file and four others", entries(kept))
		}
	})
}

// A process was killed while it held a lock. Its file is never looked at again.
func TestSweep_RemovesLocksOfKilledProcesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := newMemoryStorage()
		s, _ := newIdle(t, kept)
		const killed, alive, other = "locks/authentik_sessions_session-a_00.lock", "locks/authentik_key.lock", "locks/issue_cert_example.com.lock"
		for _, key := range []string{killed, alive, other} {
			kept.files[key] = []byte(`{"created":"2026-01-01T00:00:00Z"}`)
		}
		for range 3 {
			sweepAll(t, s)
			time.Sleep(sweepPeriod)
			kept.files[alive] = append(kept.files[alive], ' ') // it is refreshed
		}
		for key, want := range map[string]bool{killed: false, alive: true, other: true} {
			if _, found := kept.files[key]; found != want {
				t.Errorf("got %s: %v, want %v", key, found, want)
			}
		}
	})
}

// A record is saved again while it is swept.
func TestSweep_ChangedRecordStays(t *testing.T) {
	t.Parallel()
	kept := newMemoryStorage()
	s, _ := newIdle(t, kept)
	save(t, s, "session-a", record("one"))
	sweeper := newAhead(t, kept, 24*time.Hour)
	where, first := keyOf(t, records, "session-a"), true
	kept.setHook(func(ctx context.Context, op, _ string) error {
		if op == "lock" && first {
			first = false
			next := newEntry(time.Now().Add(time.Hour), []byte("two"))
			all, err := next.encode(where)
			if err != nil {
				return err
			}
			return kept.Store(ctx, where, all)
		}
		return nil
	})
	if err := sweeper.sweepKey(t.Context(), records, where); err != nil {
		t.Fatal(err)
	}
	expectValue(t, s, "session-a", "two")
}

func TestSweep_RunsUntilClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := newMemoryStorage()
		s := open(t, kept)
		r := record("one")
		save(t, s, "session-a", r)
		revoke(t, s, "session-b")
		time.Sleep(time.Hour + grace + sweepPeriod + time.Hour)
		if got := entries(kept); len(got) > 0 {
			t.Errorf("got %q, want nothing", got)
		}
		if got := kept.keys("authentik/notices"); len(got) > 0 {
			t.Errorf("got %q, want nothing", got)
		}
		_ = s.Close()
		kept.did()
		time.Sleep(time.Hour)
		if did := kept.did(); len(did) > 0 {
			t.Errorf("got %q from a closed store, want nothing", did)
		}
	})
}

// The clock is set forward and back by an hour.
func TestSweep_SettingTheClockRemovesNoSession(t *testing.T) {
	t.Parallel()
	kept := newMemoryStorage()
	s, _ := newIdle(t, kept)
	save(t, s, "session-a", store.Record{Value: []byte("one"), Expiry: time.Now().Add(30 * time.Minute)})
	expectValue(t, newAhead(t, kept, -time.Hour), "session-a", "one")
	expectValue(t, newAhead(t, kept, time.Hour), "session-a", "")
	ahead := newAhead(t, kept, time.Hour)
	p, err := placeOf(records, "session-a")
	if err != nil {
		t.Fatal(err)
	}
	if err := ahead.sweepKey(t.Context(), records, p.key); err != nil {
		t.Fatal(err)
	}
	expectValue(t, s, "session-a", "one")
}
