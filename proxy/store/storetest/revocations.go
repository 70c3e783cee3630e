package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

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
	for _, after := range []string{"session-b", "session-c"} { // even if no tombstone is set, and again
		revoke(t, s, "program-x", -time.Hour)
		expectName(t, names, "program-x")
		revoke(t, s, after, time.Hour)
		expectName(t, names, after)
	}
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
