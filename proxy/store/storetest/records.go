package storetest

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

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
	lost() // the lease has expired: another caller has it
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
