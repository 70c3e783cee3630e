// Package storetest tests whether a session store keeps the contract of
// [store.Store]. The author of a store calls Run in a test:
//
//	func TestStore_KeepsTheContract(t *testing.T) {
//		storetest.Run(t, func(t testing.TB) store.Store { return newStore(t) })
//	}
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

const (
	// toldWithin is how long a revocation may take to reach a watcher.
	toldWithin = 2 * time.Second
	// short is how long something lasts whose end is tested, and afterShort is
	// when it must have ended. They leave room for stores that count in seconds.
	short      = 1200 * time.Millisecond
	afterShort = 1500 * time.Millisecond
)

// tests are the promises of the contract.
var tests = []struct {
	name string
	test func(*testing.T, store.Store)
}{
	{"an unknown name is not found", testUnknown},
	{"a record is loaded as it was saved", testSave},
	{"values are copied", testCopies},
	{"of two writers of one version one wins", testConflict},
	{"a new record does not replace another", testOccupied},
	{"records, tombstones and leases end", testEnds},
	{"a record saved with a past expiry is gone", testSaveExpired},
	{"Delete removes the record and leaves no tombstone", testDelete},
	{"a revoked name is gone and cannot be saved", testRevoke},
	{"a late write does not bring a record back", testLateWrite},
	{"revoking again keeps the later end", testRevokeAgain},
	{"a lease has one holder", testLease},
	{"watchers are told of every revocation", testWatch},
	{"a done context is an error", testDoneContext},
	{"concurrent use", testConcurrency},
	{"a Counter counts records by kind", testCount},
}

// Run tests a store. open returns an empty store each time it is called. The
// tests wait for expiry by the wall clock and run in parallel: together they
// take some seconds.
func Run(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.test(t, open(t))
		})
	}
}

// RunVirtual is Run on the virtual clock of [testing/synctest], on which no
// test waits. It is for stores in memory or on a disk: a store must not use a
// network, and must end its goroutines when it is closed in a Cleanup of open.
func RunVirtual(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { tt.test(t, open(t)) })
		})
	}
}

func record(value string) store.Record {
	return store.Record{Value: []byte(value), Expiry: time.Now().Add(time.Hour)}
}

func save(t *testing.T, s store.Store, name string, r store.Record) store.Version {
	t.Helper()
	v, err := s.Save(t.Context(), name, r)
	if err != nil {
		t.Fatalf("saving %s: %v", name, err)
	}
	return v
}

// expectConflict saves a record, and fails unless that is refused.
func expectConflict(t *testing.T, s store.Store, name string, r store.Record) {
	t.Helper()
	if _, err := s.Save(t.Context(), name, r); !errors.Is(err, store.ErrConflict) {
		t.Errorf("saving %s: got %v, want ErrConflict", name, err)
	}
}

// expect loads a name and compares its value; "" stands for not found.
func expect(t *testing.T, s store.Store, name, value string) store.Record {
	t.Helper()
	r, found, err := s.Load(t.Context(), name)
	if err != nil {
		t.Fatalf("loading %s: %v", name, err)
	}
	if found != (value != "") || string(r.Value) != value {
		t.Fatalf("loading %s: got %q (found %t), want %q", name, r.Value, found, value)
	}
	return r
}

func revoke(t *testing.T, s store.Store, name string, d time.Duration) {
	t.Helper()
	if err := s.Revoke(t.Context(), name, time.Now().Add(d)); err != nil {
		t.Fatalf("revoking %s: %v", name, err)
	}
}

func expectRevoked(t *testing.T, s store.Store, want bool, names ...string) {
	t.Helper()
	got, err := s.Revoked(t.Context(), names...)
	if err != nil || got != want {
		t.Fatalf("%v: got revoked %t (%v), want %t", names, got, err, want)
	}
}

func deleteRecord(t *testing.T, s store.Store, name string) {
	t.Helper()
	if err := s.Delete(t.Context(), name); err != nil {
		t.Fatalf("deleting %s: %v", name, err)
	}
}

func testUnknown(t *testing.T, s store.Store) { expect(t, s, "session-a", "") }

func testSave(t *testing.T, s store.Store) {
	v := save(t, s, "session-a", record("one"))
	r := expect(t, s, "session-a", "one")
	if v == "" || r.Version != v {
		t.Errorf("got version %q, want %q as Save returned it", r.Version, v)
	}
	expect(t, s, "session-b", "")
	large := record(string(bytes.Repeat([]byte{0, 255, '\n'}, 100_000)))
	save(t, s, "session-large", large)
	expect(t, s, "session-large", string(large.Value))
}

func testCopies(t *testing.T, s store.Store) {
	r := record("one")
	save(t, s, "session-a", r)
	r.Value[0] = 'X'
	got := expect(t, s, "session-a", "one")
	got.Value[0] = 'X'
	expect(t, s, "session-a", "one")
}

func testConflict(t *testing.T, s store.Store) {
	first := record("one")
	first.Version = save(t, s, "session-a", first)
	second := first
	second.Value = []byte("two")
	v := save(t, s, "session-a", second)
	if v == first.Version || v == "" {
		t.Errorf("got version %q, want another one", v)
	}
	third := first
	third.Value = []byte("three")
	expectConflict(t, s, "session-a", third)
	expect(t, s, "session-a", "two")
	expectConflict(t, s, "session-none", third)
}

func testOccupied(t *testing.T, s store.Store) {
	save(t, s, "session-a", record("one"))
	expectConflict(t, s, "session-a", record("two"))
	expect(t, s, "session-a", "one")
}

// testEnds waits once for everything that ends.
func testEnds(t *testing.T, s store.Store) {
	r := record("one")
	r.Expiry = time.Now().Add(short)
	save(t, s, "session-a", r)
	expect(t, s, "session-a", "one")
	revoke(t, s, "session-b", short)
	revoke(t, s, "session-c", short)
	revoke(t, s, "session-c", time.Hour)
	expectRevoked(t, s, true, "session-b")
	lost := lease(t, s, "work", short, true)
	lease(t, s, "work", time.Hour, false)
	time.Sleep(afterShort)
	expect(t, s, "session-a", "")
	save(t, s, "session-a", record("again"))
	expect(t, s, "session-a", "again")
	expectRevoked(t, s, false, "session-b")
	save(t, s, "session-b", record("new"))
	expectRevoked(t, s, true, "session-c")
	lease(t, s, "work", time.Hour, true)
	lost() // after its end: another caller has the lease
	lease(t, s, "work", time.Hour, false)
}

func testSaveExpired(t *testing.T, s store.Store) {
	for i, expiry := range []time.Time{{}, time.Now().Add(-time.Hour), time.Now()} {
		name := fmt.Sprintf("session-%d", i)
		r := record("one")
		r.Version = save(t, s, name, r)
		r.Expiry = expiry
		if v := save(t, s, name, r); v != "" {
			t.Errorf("got version %q of an expired record, want none", v)
		}
		expect(t, s, name, "")
		r.Version = ""
		save(t, s, name, r)
		expect(t, s, name, "")
		save(t, s, name, record("again"))
	}
}

func testDelete(t *testing.T, s store.Store) {
	r := record("one")
	r.Version = save(t, s, "session-a", r)
	for range 2 {
		deleteRecord(t, s, "session-a")
		expect(t, s, "session-a", "")
	}
	expectConflict(t, s, "session-a", r)
	save(t, s, "session-a", record("new"))
	expect(t, s, "session-a", "new")
}

func testRevoke(t *testing.T, s store.Store) {
	r := record("one")
	r.Version = save(t, s, "session-a", r)
	expectRevoked(t, s, false)
	expectRevoked(t, s, false, "session-a", "user-x")
	revoke(t, s, "session-a", time.Hour)
	revoke(t, s, "user-x", time.Hour) // it never had a record
	expect(t, s, "session-a", "")
	expectRevoked(t, s, true, "session-b", "session-a")
	expectRevoked(t, s, true, "user-x")
	expectConflict(t, s, "session-a", record("new"))
	expectConflict(t, s, "session-a", r)
	deleteRecord(t, s, "session-a")
	expectRevoked(t, s, true, "session-a")
	save(t, s, "session-past", record("one"))
	revoke(t, s, "session-past", -time.Hour)
	expect(t, s, "session-past", "")
	expectRevoked(t, s, false, "session-past")
}

func testLateWrite(t *testing.T, s store.Store) {
	rounds := 300
	if testing.Short() {
		rounds = 30
	}
	for i := range rounds {
		name := fmt.Sprintf("session-%d", i)
		r := record("one")
		r.Version = save(t, s, name, r)
		var race sync.WaitGroup
		race.Go(func() { _, _ = s.Save(context.WithoutCancel(t.Context()), name, r) })
		race.Go(func() {
			if err := s.Revoke(t.Context(), name, time.Now().Add(time.Hour)); err != nil {
				t.Errorf("revoking %s: %v", name, err)
			}
		})
		race.Wait()
		expect(t, s, name, "")
	}
}

func testRevokeAgain(t *testing.T, s store.Store) {
	revoke(t, s, "session-a", time.Hour)
	revoke(t, s, "session-a", time.Millisecond)
	revoke(t, s, "session-a", -time.Hour)
	time.Sleep(2 * time.Millisecond)
	expectRevoked(t, s, true, "session-a")
}

// lease asks for a lease, and returns the function that releases it.
func lease(t *testing.T, s store.Store, name string, d time.Duration, want bool) func() {
	t.Helper()
	release, held, err := s.Lease(t.Context(), name, d)
	if err != nil || held != want {
		t.Fatalf("lease of %s: got held %t (%v), want %t", name, held, err, want)
	}
	if release == nil {
		t.Fatalf("lease of %s: got no function to release it", name)
	}
	return release
}

func testLease(t *testing.T, s store.Store) {
	release := lease(t, s, "work", time.Hour, true)
	refused := lease(t, s, "work", time.Hour, false)
	refused()
	lease(t, s, "work", time.Hour, false)
	lease(t, s, "other", time.Hour, true)
	expect(t, s, "work", "") // a lease is not a record
	release()
	lease(t, s, "work", time.Hour, true)
	release() // the lease is another caller's by now
	lease(t, s, "work", time.Hour, false)
}

func testWatch(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	names, done := make(chan string, 100), make(chan error, 1)
	go func() { done <- s.Watch(ctx, func(name string) { names <- name }) }()
	expectName(t, names, "")
	revoke(t, s, "session-a", time.Hour)
	expectName(t, names, "session-a")
	revoke(t, s, "user-x", time.Hour)
	expectName(t, names, "user-x")
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("Watch after its context was canceled: got %v, want nil", err)
		}
	case <-time.After(toldWithin):
		t.Error("Watch does not return after its context was canceled")
	}
}

// expectName waits for a name. Others may come before it, and it may come twice.
func expectName(t *testing.T, names <-chan string, want string) {
	t.Helper()
	deadline := time.After(toldWithin)
	for {
		select {
		case got := <-names:
			if got == want {
				return
			}
		case <-deadline:
			t.Fatalf("watching: got no %q within %v", want, toldWithin)
		}
	}
}

func testDoneContext(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	refused := func(method string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s with a done context: got no error, want one", method)
		}
	}
	_, _, err := s.Load(ctx, "session-a")
	refused("Load", err)
	_, err = s.Save(ctx, "session-a", record("one"))
	refused("Save", err)
	refused("Delete", s.Delete(ctx, "session-a"))
	refused("Revoke", s.Revoke(ctx, "session-a", time.Now().Add(time.Hour)))
	_, err = s.Revoked(ctx, "session-a")
	refused("Revoked", err)
	_, held, err := s.Lease(ctx, "work", time.Hour)
	refused("Lease", err)
	if held {
		t.Error("Lease with a done context: got the lease, want none")
	}
	expect(t, s, "session-a", "")
	expectRevoked(t, s, false, "session-a")
}

func testConcurrency(t *testing.T, s store.Store) {
	var workers sync.WaitGroup
	for i := range 8 {
		workers.Go(func() {
			for j := range 50 {
				name := fmt.Sprintf("session-%d-%d", i, j)
				if _, err := s.Save(t.Context(), name, record(name)); err != nil {
					t.Errorf("saving %s: %v", name, err)
				}
				if r, found, err := s.Load(t.Context(), name); err != nil || !found || string(r.Value) != name {
					t.Errorf("loading %s: got %q, %t, %v", name, r.Value, found, err)
				}
			}
		})
	}
	workers.Wait()
	r := record("one")
	r.Version = save(t, s, "session-a", r)
	wins := make(chan struct{}, 8)
	for range 8 {
		workers.Go(func() {
			if _, err := s.Save(t.Context(), "session-a", r); err == nil {
				wins <- struct{}{}
			} else if !errors.Is(err, store.ErrConflict) {
				t.Errorf("saving: got %v, want ErrConflict", err)
			}
		})
	}
	workers.Wait()
	if len(wins) != 1 {
		t.Errorf("got %d winners of 8 writers of one version, want 1", len(wins))
	}
}

// testCount is skipped if the store is not a Counter.
func testCount(t *testing.T, s store.Store) {
	counter, is := s.(store.Counter)
	if !is {
		t.Skip("the store is not a Counter")
	}
	want := func(kind string, n int) {
		t.Helper()
		if got, err := counter.Count(t.Context(), kind); got != n || err != nil {
			t.Fatalf("counting %s: got %d (%v), want %d", kind, got, err, n)
		}
	}
	want("session", 0)
	for _, name := range []string{"session-a", "session-b", "session-c", "browser-a", "sessions-a"} {
		again := record("one")
		again.Version = save(t, s, name, again)
		save(t, s, name, again)
	}
	want("session", 3)
	want("browser", 1)
	for range 2 {
		deleteRecord(t, s, "session-a")
		revoke(t, s, "session-b", time.Hour)
	}
	revoke(t, s, "session-never", time.Hour)
	save(t, s, "session-over", store.Record{Value: []byte("one"), Expiry: time.Now().Add(-time.Hour)})
	want("session", 1)
	brief := record("one")
	brief.Expiry = time.Now().Add(short)
	save(t, s, "session-short", brief)
	want("session", 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := counter.Count(ctx, "session"); err == nil {
		t.Error("Count with a done context: got no error, want one")
	}
}
