// Package storetest tests whether a session store keeps the contract of
// [store.Store]. The author of a store calls Run in a test:
//
//	func TestStore_KeepsTheContract(t *testing.T) {
//		storetest.Run(t, func(t testing.TB) store.Store { return newStore(t) })
//	}
package storetest

import (
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
	// short is the duration of records, tombstones and leases whose end is
	// tested, and afterShort is when they must have ended. They allow for
	// stores that count in seconds.
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

// Run tests a store. open returns an empty store each time it is called, which
// must share no records with the others. If a store has to be closed, open does
// so in a Cleanup. The tests wait for expiry by the wall clock and run in
// parallel: together they take some seconds.
func Run(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.test(t, open(t))
		})
	}
}

// RunVirtual is Run on the virtual clock of [testing/synctest], so no test
// waits. It is for stores in memory or on a disk: the store must not use a
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

// expectConflict saves a record, and fails unless Save refuses it.
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
	release() // another caller has the lease now
	lease(t, s, "work", time.Hour, false)
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
