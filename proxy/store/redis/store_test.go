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

// prefixes tells the stores of one server apart.
var prefixes atomic.Int64

// open opens a store that no other test has.
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

func at(addresses ...string) Config { return Config{Addresses: addresses} }

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
func holds(t *testing.T, s store.Store, name, value string) store.Record {
	t.Helper()
	r, found, err := s.Load(t.Context(), name)
	if err != nil || found != (value != "") || string(r.Value) != value {
		t.Fatalf("%s holds %q (found %t, %v), want %q", name, r.Value, found, err, value)
	}
	return r
}

func TestStore(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	storetest.Run(t, func(t testing.TB) store.Store { return open(t, at(server.Address)) })
}

// Everything has an end that Redis knows: what nobody asks for again must not stay.
func TestNothingIsKeptForEver(t *testing.T) {
	t.Parallel()
	s := open(t, at(redistest.Start(t).Address))
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
			t.Errorf("%s is kept for %v (%v)", key, left, err)
		}
		if !strings.HasPrefix(key, s.cfg.Prefix) {
			t.Errorf("%s is outside of the prefix", key)
		}
	}
}

// The clock of this process makes ends, and nobody else's counts.
func TestTheClockOfTheServerDoesNotCount(t *testing.T) {
	t.Parallel()
	s := open(t, at(redistest.Start(t).Address))
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		now := func() time.Time { return time.Now().Add(off) }
		s.now = now
		name := fmt.Sprintf("session-%d", off)
		save(t, s, name, store.Record{Value: []byte("one"), Expiry: now().Add(time.Minute)})
		left, err := s.client.PTTL(t.Context(), s.key(name)).Result()
		if err != nil || left < 50*time.Second || left > time.Minute {
			t.Errorf("with a clock that is %v off a minute is %v (%v)", off, left, err)
		}
		holds(t, s, name, "one")
	}
}

func TestARecordIsLoadedWithTheExpiryItWasSavedWith(t *testing.T) {
	t.Parallel()
	s := open(t, at(redistest.Start(t).Address))
	want := record("one")
	save(t, s, "session-a", want)
	if got := holds(t, s, "session-a", "one"); got.Expiry.UnixMilli() != want.Expiry.UnixMilli() {
		t.Errorf("%v, want %v", got.Expiry, want.Expiry)
	}
}

func TestWhatWasCutShortIsNoRecordAndCanBeReplaced(t *testing.T) {
	t.Parallel()
	s := open(t, at(redistest.Start(t).Address))
	whole := string(encode(store.Record{Value: []byte("one"), Version: newVersion(), Expiry: time.Now()}))
	for _, text := range []string{"", "r", whole[:10], "x" + whole[1:], "{}"} {
		if err := s.client.Set(t.Context(), s.key("session-a"), text, time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
		holds(t, s, "session-a", "")
		save(t, s, "session-a", record("two"))
		holds(t, s, "session-a", "two")
	}
	if err := s.client.Del(t.Context(), s.key("session-a")).Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.client.LPush(t.Context(), s.key("session-a"), "x").Err(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Load(t.Context(), "session-a"); err == nil {
		t.Error("a list was read")
	}
}

func TestStoresWithOtherPrefixesAreOthers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	one, other := open(t, at(server.Address)), open(t, at(server.Address))
	save(t, one, "session-a", record("one"))
	holds(t, other, "session-a", "")
	if err := other.Revoke(t.Context(), "session-a", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	holds(t, one, "session-a", "one")
	same := open(t, Config{Addresses: []string{server.Address}, Prefix: one.cfg.Prefix})
	holds(t, same, "session-a", "one")
	numbered := open(t, Config{Addresses: []string{server.Address}, Prefix: one.cfg.Prefix, Database: 1})
	holds(t, numbered, "session-a", "")
}

// Without the first attempt's version in the second, the gate would take its own
// write for somebody else's.
func TestACallWhoseAnswerWasLostDoesOnceWhatItDoesTwice(t *testing.T) {
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
			t.Errorf("%s: %v", text, err)
		}
		if wire.Cuts() != before+1 {
			t.Fatalf("%s: nothing was cut", text)
		}
	}
	r := record("one")
	cut("session-a", func() (err error) { r.Version, err = s.Save(t.Context(), "session-a", r); return err })
	if got := holds(t, direct, "session-a", "one"); got.Version != r.Version {
		t.Errorf("kept as %s, and saved as %s", got.Version, r.Version)
	}
	r.Value = []byte("two")
	cut("session-a", func() (err error) { r.Version, err = s.Save(t.Context(), "session-a", r); return err })
	holds(t, direct, "session-a", "two")
	cut("session-a", func() error { _, _, err := s.Load(t.Context(), "session-a"); return err })
	cut("session-a", func() error { return s.Revoke(t.Context(), "session-a", time.Now().Add(time.Hour)) })
	cut("session-a", func() error { return s.Delete(t.Context(), "session-a") })
	cut("session-a", func() error {
		over, err := s.Revoked(t.Context(), "session-a", "session-b")
		if !over {
			t.Error("it is not buried")
		}
		return err
	})
	var release func()
	cut("lease:work", func() error {
		got, held, err := s.Lease(t.Context(), "work", time.Hour)
		if !held {
			t.Error("the lease was refused to who has it")
		}
		release = got
		return err
	})
	cut("lease:work", func() error { release(); return nil })
	if _, held, err := direct.Lease(t.Context(), "work", time.Hour); !held || err != nil {
		t.Errorf("the lease was not given back: %v", err)
	}
}

// warm has the server know every script: a call that is answered with "send me the
// script" has done nothing yet.
func warm(t *testing.T, s *Store) {
	t.Helper()
	save(t, s, "warm", record("x"))
	release, _, err := s.Lease(t.Context(), "warm", time.Hour)
	if err := errors.Join(err, s.Delete(t.Context(), "warm"), s.Revoke(t.Context(), "warm", time.Now())); err != nil {
		t.Fatal(err)
	}
	release()
}

// A script that the server has forgotten is sent again.
func TestScriptsAreSentAgainToAServerThatHasForgottenThem(t *testing.T) {
	t.Parallel()
	s := open(t, at(redistest.Start(t).Address))
	for i := range 2 {
		save(t, s, fmt.Sprintf("session-%d", i), record("one"))
		if err := s.client.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADeadlineEndsACall(t *testing.T) {
	t.Parallel()
	wire := redistest.NewWire(t, redistest.Start(t).Address)
	s := open(t, at(wire.Address))
	save(t, s, "session-a", record("one"))
	wire.Stall()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if _, _, err := s.Load(ctx, "session-a"); err == nil {
		t.Error("something was read from a server that does not answer")
	}
	if took := time.Since(begun); took > 700*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	begun = time.Now()
	if _, _, err := s.Load(t.Context(), "session-a"); err == nil {
		t.Error("something was read from a server that does not answer")
	}
	if took := time.Since(begun); took > 6*time.Second {
		t.Errorf("without a deadline it took %v", took)
	}
	wire.Resume()
	holds(t, s, "session-a", "one")
}

func TestALeaseThatCannotBeGivenBackIsLoggedAndRunsOut(t *testing.T) {
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
	if got := log.count("a lease could not be given back"); got != 1 {
		t.Errorf("%d lines say so", got)
	}
}

func TestNothingIsDoneForAContextThatIsDone(t *testing.T) {
	t.Parallel()
	s := open(t, at(redistest.Start(t).Address))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Save(ctx, "session-a", record("one")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	holds(t, s, "session-a", "")
}
