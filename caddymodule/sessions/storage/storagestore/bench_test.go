package storagestore

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// kilobyte is about what a session with twenty groups is when it is sealed.
var kilobyte = bytes.Repeat([]byte{7}, 1024)

func session() store.Record {
	return store.Record{Value: kilobyte, Expiry: time.Now().Add(time.Hour)}
}

// What the first request of a session costs in a process, with so many kept.
func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{1, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			if n > 1 && testing.Short() {
				b.Skip("writes many files")
			}
			storage := files(b)
			lay(b, storage.Path, n)
			s, _ := still(b, storage)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, found, err := s.Load(b.Context(), fmt.Sprintf("session-%d", i*7919%n)); !found || err != nil {
					b.Fatal(found, err)
				}
			}
		})
	}
}

// lay writes sessions past the store, which would sync each to the disk.
func lay(b *testing.B, dir string, n int) {
	b.Helper()
	for i := range n {
		where := key(b, records, fmt.Sprintf("session-%d", i))
		all, err := fresh(time.Now().Add(time.Hour), kilobyte).encode(where)
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

// What a sign-in costs.
func BenchmarkSaveNew(b *testing.B) {
	s, _ := still(b, files(b))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := s.Save(b.Context(), fmt.Sprintf("session-%d", i), session()); err != nil {
			b.Fatal(err)
		}
	}
}

// What a recheck costs.
func BenchmarkSaveAgain(b *testing.B) {
	s, _ := still(b, files(b))
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

// What a sign-out costs.
func BenchmarkRevoke(b *testing.B) {
	s, _ := still(b, files(b))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := s.Revoke(b.Context(), fmt.Sprintf("session-%d", i), time.Now().Add(time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
}

// What it costs to look whether a session, its sign-in at authentik and its user have ended.
func BenchmarkRevoked(b *testing.B) {
	s, _ := still(b, files(b))
	for b.Loop() {
		if _, err := s.Revoked(b.Context(), "session-a", "sid-a", "user-a"); err != nil {
			b.Fatal(err)
		}
	}
}

// What listening costs, done so often in a process that nobody notices.
func BenchmarkHear(b *testing.B) {
	storage := files(b)
	for i := range 3 {
		s, _ := still(b, storage)
		if err := s.Revoke(b.Context(), fmt.Sprintf("session-%d", i), time.Now().Add(time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
	s, _ := still(b, storage)
	for b.Loop() {
		s.attend(b.Context())
	}
}

// What sweeping one of the directories costs that hold a hundred thousand sessions.
func BenchmarkSweepASlot(b *testing.B) {
	if testing.Short() {
		b.Skip("writes many files")
	}
	storage := files(b)
	lay(b, storage.Path, 100_000)
	s, _ := still(b, storage)
	for b.Loop() {
		keys, err := s.list(b.Context(), fan(records, 0))
		if err != nil {
			b.Fatal(err)
		}
		for _, key := range keys {
			if err := s.judge(b.Context(), records, key); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(keys)), "records/op")
	}
}
