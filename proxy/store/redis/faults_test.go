package redis

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/flowsidecar/caddy-authentik/internal/redistest"
)

// What was confirmed is there after a kill -9, and what was not fails and works again by itself.
func TestAServerThatIsKilledInMidUseComesBackWithEverything(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, at(server.Address))
	l := listen(t, s)
	var kept []string
	failed := 0
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			name := fmt.Sprintf("session-%d", i)
			if _, err := s.Save(t.Context(), name, record(name)); err == nil {
				kept = append(kept, name)
			} else {
				failed++
			}
		}
	})
	time.Sleep(200 * time.Millisecond)
	server.Kill()
	l.forget()
	l.expect("", told)
	time.Sleep(300 * time.Millisecond)
	server.Restart()
	heardAfter(t, l, s, "session-over")
	time.Sleep(200 * time.Millisecond)
	cancel()
	work.Wait()
	if failed == 0 || len(kept) < 100 {
		t.Fatalf("%d were kept and %d failed", len(kept), failed)
	}
	for _, name := range kept {
		holds(t, s, name, name)
	}
	if over, err := s.Revoked(t.Context(), "session-over"); err != nil || !over {
		t.Error(over, err)
	}
}

// Who signs out in a full store is out all the same.
func TestAFullServerRefusesToSaveAndStillBuries(t *testing.T) {
	t.Parallel()
	s := open(t, at(redistest.Start(t, "maxmemory-policy noeviction").Address))
	r := record("one")
	r.Version = save(t, s, "session-a", r)
	if err := s.client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // by hash and by text
		if _, err := s.Save(t.Context(), "session-b", record("two")); !goredis.IsOOMError(err) {
			t.Errorf("%v", err)
		}
		if _, err := s.Save(t.Context(), "session-a", r); !goredis.IsOOMError(err) {
			t.Errorf("%v", err)
		}
	}
	holds(t, s, "session-a", "one")
	bury(t, s, "session-a")
	bury(t, s, "user-x")
	holds(t, s, "session-a", "")
	if over, err := s.Revoked(t.Context(), "user-x"); err != nil || !over {
		t.Error(over, err)
	}
	if err := s.client.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	save(t, s, "session-b", record("two"))
}

func TestAReplicaRefusesToWrite(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	_, port, _ := strings.Cut(master.Address, ":")
	replica := redistest.Start(t, "replicaof 127.0.0.1 "+port)
	s := open(t, at(replica.Address))
	if _, err := s.Save(t.Context(), "session-a", record("one")); !goredis.IsReadOnlyError(err) {
		t.Errorf("%v", err)
	}
	if err := s.Revoke(t.Context(), "session-a", time.Now().Add(time.Hour)); !goredis.IsReadOnlyError(err) {
		t.Errorf("%v", err)
	}
	if _, held, err := s.Lease(t.Context(), "work", time.Hour); held || !goredis.IsReadOnlyError(err) {
		t.Errorf("%t, %v", held, err)
	}
	if err := s.client.Do(t.Context(), "REPLICAOF", "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	save(t, s, "session-a", record("one"))
}

// A server that runs something else is not there; what was asked of it fails in time.
func TestAServerThatIsBusyFailsInTime(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "enable-debug-command yes")
	s := open(t, at(server.Address))
	save(t, s, "session-a", record("one"))
	other := goredis.NewClient(&goredis.Options{Addr: server.Address, ReadTimeout: 20 * time.Second})
	t.Cleanup(func() { _ = other.Close() })
	var busy sync.WaitGroup
	busy.Go(func() { _ = other.Do(t.Context(), "DEBUG", "SLEEP", "5").Err() })
	time.Sleep(100 * time.Millisecond)
	begun := time.Now()
	_, _, err := s.Load(t.Context(), "session-a")
	if took := time.Since(begun); err == nil || took > 4*time.Second {
		t.Errorf("after %v: %v", took, err)
	}
	busy.Wait()
	holds(t, s, "session-a", "one")
}

func TestAServerThatEvictsIsWarnedOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options []string
		warns   int
	}{
		"one that evicts":                  {[]string{"maxmemory 100mb", "maxmemory-policy volatile-lru"}, 1},
		"one that evicts nothing":          {[]string{"maxmemory 100mb", "maxmemory-policy noeviction"}, 0},
		"one without a bound":              {[]string{"maxmemory-policy allkeys-lru"}, 0},
		"one that does not let itself ask": {[]string{"maxmemory 100mb", "maxmemory-policy allkeys-lru", "user default on nopass ~* &* +@all -config"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := new(lines)
			s := open(t, Config{Addresses: []string{redistest.Start(t, c.options...).Address}, Logger: log.logger()})
			for range 2 {
				l := listen(t, s)
				bury(t, s, "session-a")
				l.expect("session-a", told)
				time.Sleep(200 * time.Millisecond)
				l.end()
			}
			if got := log.count("set maxmemory-policy noeviction"); got != c.warns {
				t.Errorf("%d lines warn of it, not %d:\n%s", got, c.warns, log)
			}
		})
	}
}
