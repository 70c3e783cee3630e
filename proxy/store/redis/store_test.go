package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/redistest"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
	"github.com/flowsidecar/caddy-authentik/proxy/store/storetest"
)

// prefixes makes a prefix for each store on a server.
var prefixes atomic.Int64

// open makes a store with keys of its own, which is closed with the test.
func open(t testing.TB, cfg Config) *Store {
	t.Helper()
	if cfg.Prefix == "" {
		cfg.Prefix = fmt.Sprintf("test-%d:", prefixes.Add(1))
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func addressed(addresses ...string) Config { return Config{Addresses: addresses} }

func record(value string) store.Record {
	return store.Record{Value: []byte(value), Expiry: time.Now().Add(time.Hour)}
}

func save(t *testing.T, s store.Store, name string, r store.Record) store.Version {
	t.Helper()
	v, err := s.Save(t.Context(), name, r)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// holds loads a name and compares its value; "" stands for not found.
func expectValue(t *testing.T, s store.Store, name, value string) store.Record {
	t.Helper()
	r, found, err := s.Load(t.Context(), name)
	if err != nil || found != (value != "") || string(r.Value) != value {
		t.Fatalf("%s: got %q (found %t, %v), want %q", name, r.Value, found, err, value)
	}
	return r
}

func TestStore_KeepsTheContract(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	storetest.Run(t, func(t testing.TB) store.Store { return open(t, addressed(server.Address)) })
}

// Every key expires, also one that is never read again.
func TestStore_EveryKeyExpires(t *testing.T) {
	t.Parallel()
	s := open(t, addressed(redistest.Start(t).Address))
	save(t, s, "session-a", record("one"))
	if err := s.Revoke(t.Context(), "session-b", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, held, err := s.Lease(t.Context(), "work", 0); err != nil || !held {
		t.Fatal(held, err)
	}
	if _, _, err := s.Lease(t.Context(), "more", time.Hour); err != nil {
		t.Fatal(err)
	}
	r := record("tiny")
	r.Expiry = time.Now().Add(10 * time.Microsecond)
	s.now = func() time.Time { return r.Expiry.Add(-time.Nanosecond) }
	save(t, s, "session-c", r)
	keys, err := s.client.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) < 3 {
		t.Fatal(keys, err)
	}
	for _, key := range keys {
		left, err := s.client.PTTL(t.Context(), key).Result()
		if err != nil || left == -1 || left > time.Hour {
			t.Errorf("%s: got an expiry in %v (%v), want one within an hour", key, left, err)
		}
		if !strings.HasPrefix(key, s.cfg.Prefix) {
			t.Errorf("got key %s, want prefix %s", key, s.cfg.Prefix)
		}
	}
}

// Expiry is computed by the clock of this process.
func TestStore_ClockOfTheServerDoesNotCount(t *testing.T) {
	t.Parallel()
	s := open(t, addressed(redistest.Start(t).Address))
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		now := func() time.Time { return time.Now().Add(off) }
		s.now = now
		name := fmt.Sprintf("session-%d", off)
		save(t, s, name, store.Record{Value: []byte("one"), Expiry: now().Add(time.Minute)})
		left, err := s.client.PTTL(t.Context(), s.key(name)).Result()
		if err != nil || left < 50*time.Second || left > time.Minute {
			t.Errorf("with a clock that is %v off: got an expiry in %v (%v), want a minute", off, left, err)
		}
		expectValue(t, s, name, "one")
	}
}

func TestLoad_ReturnsTheExpiryThatWasSaved(t *testing.T) {
	t.Parallel()
	s := open(t, addressed(redistest.Start(t).Address))
	want := record("one")
	save(t, s, "session-a", want)
	if got := expectValue(t, s, "session-a", "one"); got.Expiry.UnixMilli() != want.Expiry.UnixMilli() {
		t.Errorf("got %v, want %v", got.Expiry, want.Expiry)
	}
}

func TestLoad_DamagedValueCountsAsNone(t *testing.T) {
	t.Parallel()
	s := open(t, addressed(redistest.Start(t).Address))
	whole := string(encode(store.Record{Value: []byte("one"), Version: newVersion(), Expiry: time.Now()}))
	for _, text := range []string{"", "r", whole[:10], "x" + whole[1:], "{}"} {
		if err := s.client.Set(t.Context(), s.key("session-a"), text, time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
		expectValue(t, s, "session-a", "")
		save(t, s, "session-a", record("two"))
		expectValue(t, s, "session-a", "two")
	}
	if err := s.client.Del(t.Context(), s.key("session-a")).Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.client.LPush(t.Context(), s.key("session-a"), "x").Err(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Load(t.Context(), "session-a"); err == nil {
		t.Error("loading a list: got no error, want one")
	}
}

func TestStore_PrefixAndDatabaseSeparateStores(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	one, other := open(t, addressed(server.Address)), open(t, addressed(server.Address))
	save(t, one, "session-a", record("one"))
	expectValue(t, other, "session-a", "")
	if err := other.Revoke(t.Context(), "session-a", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	expectValue(t, one, "session-a", "one")
	same := open(t, Config{Addresses: []string{server.Address}, Prefix: one.cfg.Prefix})
	expectValue(t, same, "session-a", "one")
	numbered := open(t, Config{Addresses: []string{server.Address}, Prefix: one.cfg.Prefix, Database: 1})
	expectValue(t, numbered, "session-a", "")
}

// If a retried Save did not recognize the version of the first attempt, the gate
// would get a conflict with its own write.
func TestStore_RetriedCallHasTheEffectOfOne(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	wire := redistest.NewWire(t, server.Address)
	s, direct := open(t, Config{Addresses: []string{wire.Address}, Prefix: "cut:"}), open(t, Config{Addresses: []string{server.Address}, Prefix: "cut:"})
	warm(t, direct)
	cut := func(text string, call func() error) {
		t.Helper()
		before := wire.Cuts()
		wire.CutAfter(text)
		if err := call(); err != nil {
			t.Errorf("%s: got error %v, want none", text, err)
		}
		if wire.Cuts() != before+1 {
			t.Fatalf("%s: got no lost answer, want one", text)
		}
	}
	r := record("one")
	cut("session-a", func() (err error) { r.Version, err = s.Save(t.Context(), "session-a", r); return err })
	if got := expectValue(t, direct, "session-a", "one"); got.Version != r.Version {
		t.Errorf("got version %s, want %s as Save returned it", got.Version, r.Version)
	}
	r.Value = []byte("two")
	cut("session-a", func() (err error) { r.Version, err = s.Save(t.Context(), "session-a", r); return err })
	expectValue(t, direct, "session-a", "two")
	cut("session-a", func() error { _, _, err := s.Load(t.Context(), "session-a"); return err })
	cut("session-a", func() error { return s.Revoke(t.Context(), "session-a", time.Now().Add(time.Hour)) })
	cut("session-a", func() error { return s.Delete(t.Context(), "session-a") })
	cut("session-a", func() error {
		revoked, err := s.Revoked(t.Context(), "session-a", "session-b")
		if !revoked {
			t.Error("got no tombstone, want one")
		}
		return err
	})
	var release func()
	cut("lease:work", func() error {
		got, held, err := s.Lease(t.Context(), "work", time.Hour)
		if !held {
			t.Error("got no lease, want it")
		}
		release = got
		return err
	})
	cut("lease:work", func() error { release(); return nil })
	if _, held, err := direct.Lease(t.Context(), "work", time.Hour); !held || err != nil {
		t.Errorf("got held %t, %v after the release, want the lease", held, err)
	}
}

// warm loads every script into the server: otherwise the first answer, which is
// the one that is lost, would only ask for the script.
func warm(t *testing.T, s *Store) {
	t.Helper()
	save(t, s, "warm", record("x"))
	release, _, err := s.Lease(t.Context(), "warm", time.Hour)
	if err := errors.Join(err, s.Delete(t.Context(), "warm"), s.Revoke(t.Context(), "warm", time.Now())); err != nil {
		t.Fatal(err)
	}
	release()
}

func TestStore_ScriptsAreSentAgainAfterAFlush(t *testing.T) {
	t.Parallel()
	s := open(t, addressed(redistest.Start(t).Address))
	for i := range 2 {
		save(t, s, fmt.Sprintf("session-%d", i), record("one"))
		if err := s.client.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStore_CallsEndWithTheirDeadline(t *testing.T) {
	t.Parallel()
	wire := redistest.NewWire(t, redistest.Start(t).Address)
	load := func(ctx context.Context, timeout time.Duration) {
		t.Helper()
		cfg := addressed(wire.Address)
		cfg.DialTimeout, cfg.ReadTimeout, cfg.WriteTimeout = timeout, timeout, timeout
		s := open(t, cfg)
		save(t, s, "session-a", record("one"))
		wire.Stall()
		begun := time.Now()
		if _, _, err := s.Load(ctx, "session-a"); err == nil {
			t.Error("got no error from a server that does not answer, want one")
		}
		if took := time.Since(begun); took > 30*time.Second {
			t.Errorf("got an error after %v, want it after 100ms", took)
		}
		wire.Resume()
		eventually(t, "the server answers", func() bool {
			_, found, err := s.Load(t.Context(), "session-a")
			return found && err == nil
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	load(ctx, 100*time.Millisecond)
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	load(ctx, time.Minute)
}

func TestLease_FailedReleaseIsLogged(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	log := new(lines)
	s := open(t, Config{Addresses: []string{server.Address}, Logger: log.logger()})
	release, held, err := s.Lease(t.Context(), "work", time.Hour)
	if err != nil || !held {
		t.Fatal(held, err)
	}
	server.Kill()
	release()
	release()
	if got := log.count("lease was not released"); got != 1 {
		t.Errorf("got %d lines in the log, want 1", got)
	}
}

func TestStore_DoneContextHasNoEffect(t *testing.T) {
	t.Parallel()
	s := open(t, addressed(redistest.Start(t).Address))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Save(ctx, "session-a", record("one")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	expectValue(t, s, "session-a", "")
}
