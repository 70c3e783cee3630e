package redis

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/flowsidecar/caddy-authentik/internal/redistest"
)

// What was confirmed survives kill -9; calls fail meanwhile and work afterwards.
func TestStore_KilledServerComesBackWithEverythingConfirmed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, addressed(server.Address))
	l := watchEstablished(t, s)
	var kept []string
	var saved, failed atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			name := fmt.Sprintf("session-%d", i)
			if _, err := s.Save(t.Context(), name, record(name)); err == nil {
				kept = append(kept, name)
				saved.Add(1)
			} else {
				failed.Add(1)
			}
		}
	})
	eventually(t, "records are saved", func() bool { return saved.Load() >= 100 })
	server.Kill()
	l.drain()
	l.expect("", toldWithin)
	eventually(t, "calls fail", func() bool { return failed.Load() > 0 })
	before := saved.Load()
	server.Restart()
	expectRecovery(t, l, s, "session-over")
	eventually(t, "records are saved again", func() bool { return saved.Load() >= before+10 })
	cancel()
	work.Wait()
	for _, name := range kept {
		expectValue(t, s, name, name)
	}
	if revoked, err := s.Revoked(t.Context(), "session-over"); err != nil || !revoked {
		t.Errorf("got revoked %t, %v, want a tombstone", revoked, err)
	}
}

// Signing out works in a full server.
func TestRevoke_WorksInAFullServer(t *testing.T) {
	t.Parallel()
	s := open(t, addressed(redistest.Start(t, "maxmemory-policy noeviction").Address))
	r := record("one")
	r.Version = save(t, s, "session-a", r)
	if err := s.client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // by hash and by text
		if _, err := s.Save(t.Context(), "session-b", record("two")); !goredis.IsOOMError(err) {
			t.Errorf("got %v, want the server to refuse it", err)
		}
		if _, err := s.Save(t.Context(), "session-a", r); !goredis.IsOOMError(err) {
			t.Errorf("got %v, want the server to refuse it", err)
		}
	}
	expectValue(t, s, "session-a", "one")
	revoke(t, s, "session-a")
	revoke(t, s, "user-x")
	expectValue(t, s, "session-a", "")
	if revoked, err := s.Revoked(t.Context(), "user-x"); err != nil || !revoked {
		t.Errorf("got revoked %t, %v, want a tombstone", revoked, err)
	}
	if err := s.client.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	save(t, s, "session-b", record("two"))
}

func TestStore_ReplicaRefusesWrites(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	_, port, _ := strings.Cut(master.Address, ":")
	replica := redistest.Start(t, "replicaof 127.0.0.1 "+port)
	s := open(t, addressed(replica.Address))
	if _, err := s.Save(t.Context(), "session-a", record("one")); !goredis.IsReadOnlyError(err) {
		t.Errorf("got %v, want the server to refuse it", err)
	}
	if err := s.Revoke(t.Context(), "session-a", time.Now().Add(time.Hour)); !goredis.IsReadOnlyError(err) {
		t.Errorf("got %v, want the server to refuse it", err)
	}
	if _, held, err := s.Lease(t.Context(), "work", time.Hour); held || !goredis.IsReadOnlyError(err) {
		t.Errorf("got held %t, %v, want the server to refuse it", held, err)
	}
	if err := s.client.Do(t.Context(), "REPLICAOF", "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	save(t, s, "session-a", record("one"))
}

// A server that is busy with something else counts as down.
func TestStore_CallsToABusyServerFailInTime(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "enable-debug-command yes")
	cfg := addressed(server.Address)
	cfg.DialTimeout, cfg.ReadTimeout, cfg.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond
	s := open(t, cfg)
	save(t, s, "session-a", record("one"))
	other := goredis.NewClient(&goredis.Options{Addr: server.Address, ReadTimeout: time.Minute})
	t.Cleanup(func() { _ = other.Close() })
	if err := other.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	var free atomic.Bool
	var busy sync.WaitGroup
	busy.Go(func() {
		_ = other.Do(t.Context(), "DEBUG", "SLEEP", "2").Err()
		free.Store(true)
	})
	eventually(t, "a call fails", func() bool {
		_, _, err := s.Load(t.Context(), "session-a")
		if err == nil && free.Load() {
			t.Fatal("got no error from a busy server, want one before it is free")
		}
		return err != nil
	})
	busy.Wait()
	eventually(t, "calls work again", func() bool {
		_, found, err := s.Load(t.Context(), "session-a")
		return found && err == nil
	})
}

func TestEviction_IsWarnedOfOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options []string
		warns   int
	}{
		"evicts":             {[]string{"maxmemory 100mb", "maxmemory-policy volatile-lru"}, 1},
		"does not evict":     {[]string{"maxmemory 100mb", "maxmemory-policy noeviction"}, 0},
		"has no limit":       {[]string{"maxmemory-policy allkeys-lru"}, 0},
		"refuses CONFIG GET": {[]string{"maxmemory 100mb", "maxmemory-policy allkeys-lru", "user default on nopass ~* &* +@all -config"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := new(lines)
			s := open(t, Config{Addresses: []string{redistest.Start(t, c.options...).Address}, Logger: log.logger()})
			for range 2 {
				l := watchEstablished(t, s)
				revoke(t, s, "session-a")
				l.expect("session-a", toldWithin)
				eventually(t, "the server was asked", s.asked.Load)
				l.end()
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if got := log.count("set maxmemory-policy noeviction"); got != c.warns {
				t.Errorf("got %d warnings, want %d:\n%s", got, c.warns, log)
			}
		})
	}
}
