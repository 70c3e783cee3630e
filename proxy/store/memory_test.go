package store

import (
	"fmt"
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
		left := len(m.leases)
		for i := range tableParts {
			left += m.records.parts[i].ItemCount() + m.tombstones.parts[i].ItemCount()
		}
		if left != 0 {
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

// TestTable_NamesAreSpread: a sweep locks out other calls for as long as one part takes.
func TestTable_NamesAreSpread(t *testing.T) {
	t.Parallel()
	all := newTable(nil)
	const names = 20 * tableParts
	for i := range names {
		name := fmt.Sprintf("session-%d", i)
		all.part(name).SetDefault(name, i)
	}
	for i, part := range all.parts {
		if n := part.ItemCount(); n == 0 || n > 100 {
			t.Errorf("part %d: got %d of %d names, want about 20", i, n, names)
		}
	}
}

// BenchmarkSweep is how long a sweep takes that finds nothing expired, and one that
// removes everything, and the longest that a request waits meanwhile.
func BenchmarkSweep(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		for what, life := range map[string]time.Duration{"lasting": time.Hour, "expired": time.Millisecond} {
			b.Run(fmt.Sprintf("%d/%s", n, what), func(b *testing.B) {
				if n > 1_000 && testing.Short() {
					b.Skip("takes a gigabyte")
				}
				var longest time.Duration
				for range b.N {
					b.StopTimer()
					m := newMemory(b)
					fillMemory(b, m, n, life)
					b.StartTimer()
					swept := make(chan struct{})
					go func() {
						m.removeExpired(time.Now())
						close(swept)
					}()
					longest = max(longest, longestLoad(b, m, swept))
				}
				b.ReportMetric(float64(longest.Nanoseconds()), "longest-load-ns")
			})
		}
	}
}

func fillMemory(b *testing.B, m *Memory, n int, life time.Duration) {
	b.Helper()
	value, expiry := make([]byte, 1024), time.Now().Add(time.Hour)
	for i := range n {
		if _, err := m.Save(b.Context(), fmt.Sprintf("session-%d", i), Record{Value: value, Expiry: expiry}); err != nil {
			b.Fatal(err)
		}
	}
	if life < time.Hour {
		for _, part := range m.records.parts {
			for name, item := range part.Items() {
				part.Set(name, item.Object, life)
			}
		}
		time.Sleep(life)
	}
}

// longestLoad loads records until a channel is closed, and returns how long the
// longest load took.
func longestLoad(b *testing.B, m *Memory, until chan struct{}) (longest time.Duration) {
	b.Helper()
	for i := 0; ; i++ {
		select {
		case <-until:
			return longest
		default:
		}
		begun := time.Now()
		if _, _, err := m.Load(b.Context(), fmt.Sprintf("session-%d", i%1000)); err != nil {
			b.Fatal(err)
		}
		longest = max(longest, time.Since(begun))
	}
}
