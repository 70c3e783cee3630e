package store

import (
	"testing"
	"testing/synctest"
	"time"
)

func newMemory(t testing.TB) *Memory {
	t.Helper()
	m := NewMemory()
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func wantCount(t *testing.T, m *Memory, want int) {
	t.Helper()
	if got, err := m.Count(t.Context(), "session"); got != want || err != nil {
		t.Errorf("got %d sessions, %v, want %d", got, err, want)
	}
}

func TestMemory_ExpiredNameSavedAgainCountsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t)
		for range 3 {
			if _, err := m.Save(t.Context(), "session-a", Record{Expiry: time.Now().Add(time.Second)}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		wantCount(t, m, 1)
		time.Sleep(sweepEvery)
		synctest.Wait()
		wantCount(t, m, 0)
	})
}

func TestMemory_SweeperRemovesWhatHasExpired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t)
		expiry := time.Now().Add(time.Second)
		if _, err := m.Save(t.Context(), "session-a", Record{Expiry: expiry}); err != nil {
			t.Fatal(err)
		}
		if err := m.Revoke(t.Context(), "session-b", expiry); err != nil {
			t.Fatal(err)
		}
		if _, held, err := m.Lease(t.Context(), "work", time.Second); err != nil || !held {
			t.Fatalf("got held %t, %v, want a lease", held, err)
		}
		time.Sleep(sweepEvery)
		synctest.Wait()
		m.mu.Lock()
		defer m.mu.Unlock()
		if left := m.records.ItemCount() + m.tombstones.ItemCount() + len(m.leases); left != 0 {
			t.Errorf("got %d things after a sweep, want none", left)
		}
	})
}

// A bubble of synctest ends only when all its goroutines have.
func TestMemory_NothingRunsAfterClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory()
		save := func() {
			t.Helper()
			if _, err := m.Save(t.Context(), "session-"+time.Now().Format("150405"), Record{Expiry: time.Now().Add(time.Hour)}); err != nil {
				t.Fatal(err)
			}
		}
		save()
		for range 2 {
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			save() // starts no other sweeper
		}
	})
}
