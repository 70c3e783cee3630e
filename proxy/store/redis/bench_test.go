package redis

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/redistest"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// benched is a store on a server of this machine, and a value as large as a session is.
func benched(b *testing.B) (*Store, store.Record) {
	b.Helper()
	s := open(b, addressed(redistest.Start(b, "appendfsync everysec").Address))
	r := record(string(bytes.Repeat([]byte{7}, 1500)))
	var err error
	if r.Version, err = s.Save(b.Context(), "session-a", r); err != nil {
		b.Fatal(err)
	}
	return s, r
}

func BenchmarkLoad(b *testing.B) {
	s, _ := benched(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, found, err := s.Load(b.Context(), "session-a"); err != nil || !found {
			b.Fatal(found, err)
		}
	}
}

func BenchmarkLoadByMany(b *testing.B) {
	s, _ := benched(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, found, err := s.Load(b.Context(), "session-a"); err != nil || !found {
				b.Error(found, err)
			}
		}
	})
}

func BenchmarkSave(b *testing.B) {
	s, r := benched(b)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if r.Version, err = s.Save(b.Context(), "session-a", r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRevoke(b *testing.B) {
	s, _ := benched(b)
	until, i := time.Now().Add(time.Hour), 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		if err := s.Revoke(b.Context(), fmt.Sprintf("session-%d", i), until); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRevoked(b *testing.B) {
	s, _ := benched(b)
	b.ReportAllocs()
	for b.Loop() {
		if over, err := s.Revoked(b.Context(), "session-a", "sid-b", "user-c"); err != nil || over {
			b.Fatal(over, err)
		}
	}
}
