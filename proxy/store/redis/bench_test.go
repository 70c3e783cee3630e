package redis

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

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

// BenchmarkLarge is what grows with the number of sessions: counting them for
// metrics, and one session's first request. Redis takes two gigabytes for it.
func BenchmarkLarge(b *testing.B) {
	if testing.Short() {
		b.Skip("writes a million records")
	}
	const n, atOnce = 1_000_000, 1_000
	s, r := benched(b)
	text := encode(r)
	for first := 0; first < n; first += atOnce {
		_, err := s.client.Pipelined(b.Context(), func(pipe goredis.Pipeliner) error {
			for i := range atOnce {
				pipe.Set(b.Context(), s.key(fmt.Sprintf("session-%d", first+i)), text, time.Hour)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.Run("count", func(b *testing.B) {
		for b.Loop() {
			got, err := s.countAll(b.Context(), "session")
			if err != nil || math.Abs(float64(got)/n-1) > 0.05 {
				b.Fatalf("got %d, %v, want about %d sessions", got, err, n+1)
			}
		}
	})
	b.Run("count-again", func(b *testing.B) {
		for b.Loop() {
			if got, err := s.Count(b.Context(), "session"); err != nil || math.Abs(float64(got)/n-1) > 0.05 {
				b.Fatalf("got %d, %v, want about %d", got, err, n+1)
			}
		}
	})
	b.Run("load", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, found, err := s.Load(b.Context(), fmt.Sprintf("session-%d", i*7919%n)); err != nil || !found {
				b.Fatal(found, err)
			}
		}
	})
}
