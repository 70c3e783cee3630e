package storagestore

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// kilobyte is about the size of a sealed session with twenty groups.
var kilobyte = bytes.Repeat([]byte{7}, 1024)

func session() store.Record {
	return store.Record{Value: kilobyte, Expiry: time.Now().Add(time.Hour)}
}

// The cost of a session's first request in a process, with that many sessions
// stored.
func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{1, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			if n > 1 && testing.Short() {
				b.Skip("writes many files")
			}
			storage := fileStorage(b)
			writeSessions(b, storage.Path, n)
			s, _ := newIdle(b, storage)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, found, err := s.Load(b.Context(), fmt.Sprintf("session-%d", i*7919%n)); !found || err != nil {
					b.Fatal(found, err)
				}
			}
		})
	}
}

// writeSessions writes sessions past the store, which would sync each to the disk.
func writeSessions(b *testing.B, dir string, n int) {
	b.Helper()
	for i := range n {
		where := keyOf(b, records, fmt.Sprintf("session-%d", i))
		all, err := newEntry(time.Now().Add(time.Hour), kilobyte).encode(where)
		if err != nil {
			b.Fatal(err)
		}
		file := filepath.Join(dir, where)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(file, all, 0o600); err != nil {
			b.Fatal(err)
		}
	}
}

// The cost of a sign-in.
func BenchmarkSaveNew(b *testing.B) {
	s, _ := newIdle(b, fileStorage(b))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := s.Save(b.Context(), fmt.Sprintf("session-%d", i), session()); err != nil {
			b.Fatal(err)
		}
	}
}

// The cost of a sign-in where many sign in at once.
func BenchmarkSaveNewByMany(b *testing.B) {
	s, _ := newIdle(b, fileStorage(b))
	b.ReportAllocs()
	b.SetParallelism(8)
	var next atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Save(b.Context(), fmt.Sprintf("session-%d", next.Add(1)), session()); err != nil {
				b.Error(err)
			}
		}
	})
}

// The cost of a recheck.
func BenchmarkSaveAgain(b *testing.B) {
	s, _ := newIdle(b, fileStorage(b))
	r := session()
	b.ReportAllocs()
	for b.Loop() {
		v, err := s.Save(b.Context(), "session-a", r)
		if err != nil {
			b.Fatal(err)
		}
		r.Version = v
	}
}

// The cost of a sign-out.
func BenchmarkRevoke(b *testing.B) {
	s, _ := newIdle(b, fileStorage(b))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := s.Revoke(b.Context(), fmt.Sprintf("session-%d", i), time.Now().Add(time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
}

// The cost of checking whether a session, its sign-in at authentik or its user
// was revoked.
func BenchmarkRevoked(b *testing.B) {
	s, _ := newIdle(b, fileStorage(b))
	for b.Loop() {
		if _, err := s.Revoked(b.Context(), "session-a", "sid-a", "user-a"); err != nil {
			b.Fatal(err)
		}
	}
}

// The cost of a poll.
func BenchmarkPoll(b *testing.B) {
	storage := fileStorage(b)
	for i := range 3 {
		s, _ := newIdle(b, storage)
		if err := s.Revoke(b.Context(), fmt.Sprintf("session-%d", i), time.Now().Add(time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
	s, _ := newIdle(b, storage)
	for b.Loop() {
		s.pollOnce(b.Context())
	}
}

// The cost of sweeping one directory of a hundred thousand sessions.
func BenchmarkSweepASlot(b *testing.B) {
	if testing.Short() {
		b.Skip("writes many files")
	}
	storage := fileStorage(b)
	writeSessions(b, storage.Path, 100_000)
	s, _ := newIdle(b, storage)
	for b.Loop() {
		keys, err := s.list(b.Context(), directory(records, 0))
		if err != nil {
			b.Fatal(err)
		}
		for _, key := range keys {
			if err := s.sweepKey(b.Context(), records, key); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(keys)), "records/op")
	}
}

// The costs that grow with the number of sessions: counting them for metrics, the
// first time and again, sweeping one of 256 directories, and one session's first
// request. It writes a million files, which takes minutes and four gigabytes of disk.
func BenchmarkLarge(b *testing.B) {
	if testing.Short() {
		b.Skip("writes a million files")
	}
	const n = 1_000_000
	storage := fileStorage(b)
	writeSessions(b, storage.Path, n)
	s, _ := newIdle(b, storage)
	count := func(b *testing.B) {
		b.Helper()
		if got, err := s.counts.update(b.Context(), s, "session-"); got != n || err != nil {
			b.Fatalf("got %d sessions, %v, want %d", got, err, n)
		}
	}
	b.Run("count", func(b *testing.B) {
		for b.Loop() {
			s.counts = newCounts()
			count(b)
		}
	})
	b.Run("count-again", func(b *testing.B) {
		for b.Loop() {
			count(b)
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/n, "B/session")
	})
	b.Run("sweep", func(b *testing.B) {
		for b.Loop() {
			keys, err := s.list(b.Context(), directory(records, 0))
			if err != nil {
				b.Fatal(err)
			}
			for _, key := range keys {
				if err := s.sweepKey(b.Context(), records, key); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(keys)), "records/op")
		}
	})
	b.Run("load", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, found, err := s.Load(b.Context(), fmt.Sprintf("session-%d", i*7919%n)); !found || err != nil {
				b.Fatal(found, err)
			}
		}
	})
}
