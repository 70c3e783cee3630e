// Package storetest holds every session store to the contract of
// [store.Store]. Whoever writes a store calls Run in a test of their own:
//
//	func TestStore(t *testing.T) {
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
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// told is how long a watcher may take to hear of an end.
const told = 2 * time.Second

// Run tests a store. open returns an empty one each time.
func Run(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	for _, tt := range []struct {
		name string
		test func(*testing.T, store.Store)
	}{
		{"what was never saved is not found", absent},
		{"what was saved is found as it was", saved},
		{"values belong to their receiver", copies},
		{"of two writers who read the same version one wins", conflict},
		{"a new record does not replace one that is there", occupied},
		{"what is over is not found", expired},
		{"deleting forgets, and only that", deleted},
		{"what is buried is gone and stays gone", buried},
		{"a late writer brings nothing back", late},
		{"burying again moves the end to the later of the two", reburied},
		{"a lease is one holder's", leased},
		{"watchers begin by forgetting and hear of every end", watched},
		{"a context that is done is an error", cancelled},
		{"many use it at once", crowded},
		{"one that counts counts what is kept, by kind", counts},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.test(t, open(t))
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

// expect loads a name and compares its value; "" stands for not found.
func expect(t *testing.T, s store.Store, name, value string) store.Record {
	t.Helper()
	r, found, err := s.Load(t.Context(), name)
	if err != nil {
		t.Fatalf("loading %s: %v", name, err)
	}
	if found != (value != "") || string(r.Value) != value {
		t.Fatalf("%s holds %q (found %t), want %q", name, r.Value, found, value)
	}
	return r
}

func absent(t *testing.T, s store.Store) { expect(t, s, "session-a", "") }

func saved(t *testing.T, s store.Store) {
	v := save(t, s, "session-a", record("one"))
	r := expect(t, s, "session-a", "one")
	if v == "" || r.Version != v {
		t.Errorf("saved as version %q, loaded as %q", v, r.Version)
	}
	expect(t, s, "session-b", "")
	large := record(string(bytes.Repeat([]byte{0, 255, '\n'}, 100_000)))
	save(t, s, "session-large", large)
	expect(t, s, "session-large", string(large.Value))
}

func copies(t *testing.T, s store.Store) {
	r := record("one")
	save(t, s, "session-a", r)
	r.Value[0] = 'X'
	got := expect(t, s, "session-a", "one")
	got.Value[0] = 'X'
	expect(t, s, "session-a", "one")
}

func conflict(t *testing.T, s store.Store) {
	first := record("one")
	first.Version = save(t, s, "session-a", first)
	second := first
	second.Value = []byte("two")
	v := save(t, s, "session-a", second)
	if v == first.Version || v == "" {
		t.Errorf("the version did not change: %q", v)
	}
	third := first
	third.Value = []byte("three")
	if _, err := s.Save(t.Context(), "session-a", third); !errors.Is(err, store.ErrConflict) {
		t.Errorf("saving over a version that is gone: %v", err)
	}
	expect(t, s, "session-a", "two")
	if _, err := s.Save(t.Context(), "session-none", third); !errors.Is(err, store.ErrConflict) {
		t.Errorf("saving a version of what is not there: %v", err)
	}
}

func occupied(t *testing.T, s store.Store) {
	save(t, s, "session-a", record("one"))
	if _, err := s.Save(t.Context(), "session-a", record("two")); !errors.Is(err, store.ErrConflict) {
		t.Errorf("%v", err)
	}
	expect(t, s, "session-a", "one")
}

func expired(t *testing.T, s store.Store) {
	for i, expiry := range []time.Time{{}, time.Now().Add(-time.Hour), time.Now()} {
		r := record("one")
		r.Expiry = expiry
		name := fmt.Sprintf("session-%d", i)
		save(t, s, name, r)
		expect(t, s, name, "")
	}
	r := record("one")
	r.Expiry = time.Now().Add(1200 * time.Millisecond)
	save(t, s, "session-short", r)
	expect(t, s, "session-short", "one")
	time.Sleep(1500 * time.Millisecond)
	expect(t, s, "session-short", "")
	save(t, s, "session-short", record("again"))
	expect(t, s, "session-short", "again")
}

func deleted(t *testing.T, s store.Store) {
	v := save(t, s, "session-a", record("one"))
	for range 2 {
		if err := s.Delete(t.Context(), "session-a"); err != nil {
			t.Fatal(err)
		}
		expect(t, s, "session-a", "")
	}
	r := record("late")
	r.Version = v
	if _, err := s.Save(t.Context(), "session-a", r); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a late writer after Delete: %v", err)
	}
	save(t, s, "session-a", record("new"))
	expect(t, s, "session-a", "new")
}

func bury(t *testing.T, s store.Store, name string, d time.Duration) {
	t.Helper()
	if err := s.Revoke(t.Context(), name, time.Now().Add(d)); err != nil {
		t.Fatalf("burying %s: %v", name, err)
	}
}

func over(t *testing.T, s store.Store, want bool, names ...string) {
	t.Helper()
	got, err := s.Revoked(t.Context(), names...)
	if err != nil || got != want {
		t.Fatalf("%v buried: %t (%v), want %t", names, got, err, want)
	}
}

func buried(t *testing.T, s store.Store) {
	save(t, s, "session-a", record("one"))
	over(t, s, false)
	over(t, s, false, "session-a", "user-x")
	bury(t, s, "session-a", time.Hour)
	bury(t, s, "user-x", time.Hour) // there never was a record
	expect(t, s, "session-a", "")
	over(t, s, true, "session-b", "session-a")
	over(t, s, true, "user-x")
	if _, err := s.Save(t.Context(), "session-a", record("new")); !errors.Is(err, store.ErrConflict) {
		t.Errorf("saving under a buried name: %v", err)
	}
	if err := s.Delete(t.Context(), "session-a"); err != nil {
		t.Fatal(err)
	}
	over(t, s, true, "session-a")
}

func late(t *testing.T, s store.Store) {
	for i := range 300 {
		name := fmt.Sprintf("session-%d", i)
		r := record("one")
		r.Version = save(t, s, name, r)
		var race sync.WaitGroup
		race.Go(func() { _, _ = s.Save(context.WithoutCancel(t.Context()), name, r) })
		race.Go(func() {
			if err := s.Revoke(t.Context(), name, time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
		})
		race.Wait()
		expect(t, s, name, "")
	}
}

func reburied(t *testing.T, s store.Store) {
	bury(t, s, "session-a", time.Hour)
	bury(t, s, "session-a", time.Second)
	bury(t, s, "session-b", 1200*time.Millisecond)
	over(t, s, true, "session-b")
	time.Sleep(1500 * time.Millisecond)
	over(t, s, true, "session-a")
	over(t, s, false, "session-b")
}

func leased(t *testing.T, s store.Store) {
	lease := func(name string, d time.Duration, want bool) func() {
		t.Helper()
		release, held, err := s.Lease(t.Context(), name, d)
		if err != nil || held != want || release == nil {
			t.Fatalf("lease of %s: held %t (%v), want %t", name, held, err, want)
		}
		return release
	}
	release := lease("work", time.Hour, true)
	refused := lease("work", time.Hour, false)
	refused()
	lease("work", time.Hour, false)
	lease("other", time.Hour, true)
	release()
	lost := lease("work", 1200*time.Millisecond, true)
	time.Sleep(1500 * time.Millisecond)
	lease("work", time.Hour, true)
	lost() // of a holder who came back too late
	release()
	lease("work", time.Hour, false)
}

func watched(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	heard, done := make(chan string, 100), make(chan error, 1)
	go func() { done <- s.Watch(ctx, func(name string) { heard <- name }) }()
	next(t, heard, "")
	bury(t, s, "session-a", time.Hour)
	next(t, heard, "session-a")
	bury(t, s, "user-x", time.Hour)
	next(t, heard, "user-x")
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("a watch that was called off: %v", err)
		}
	case <-time.After(told):
		t.Error("the watch goes on")
	}
}

// next waits for a name; another may come before it, or come twice.
func next(t *testing.T, heard <-chan string, want string) {
	t.Helper()
	deadline := time.After(told)
	for {
		select {
		case got := <-heard:
			if got == want {
				return
			}
		case <-deadline:
			t.Fatalf("%q was not heard of within %v", want, told)
		}
	}
}

func cancelled(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Load(ctx, "session-a"); err == nil {
		t.Error("Load")
	}
	if _, err := s.Save(ctx, "session-a", record("one")); err == nil {
		t.Error("Save")
	}
	if err := s.Delete(ctx, "session-a"); err == nil {
		t.Error("Delete")
	}
	if err := s.Revoke(ctx, "session-a", time.Now().Add(time.Hour)); err == nil {
		t.Error("Revoke")
	}
	if _, err := s.Revoked(ctx, "session-a"); err == nil {
		t.Error("Revoked")
	}
	if _, held, err := s.Lease(ctx, "work", time.Hour); err == nil || held {
		t.Error("Lease")
	}
	expect(t, s, "session-a", "")
	over(t, s, false, "session-a")
}

func crowded(t *testing.T, s store.Store) {
	var crowd sync.WaitGroup
	for i := range 8 {
		crowd.Go(func() {
			for j := range 50 {
				name := fmt.Sprintf("session-%d-%d", i, j)
				if _, err := s.Save(t.Context(), name, record(name)); err != nil {
					t.Error(err)
				}
				if r, found, err := s.Load(t.Context(), name); err != nil || !found || string(r.Value) != name {
					t.Errorf("%s: %q, %t, %v", name, r.Value, found, err)
				}
			}
		})
	}
	crowd.Wait()
	counter := record("")
	counter.Version = save(t, s, "session-count", counter)
	wins := make(chan struct{}, 8)
	for range 8 {
		crowd.Go(func() {
			if _, err := s.Save(t.Context(), "session-count", counter); err == nil {
				wins <- struct{}{}
			} else if !errors.Is(err, store.ErrConflict) {
				t.Error(err)
			}
		})
	}
	crowd.Wait()
	if len(wins) != 1 {
		t.Errorf("%d of 8 writers of one version have won", len(wins))
	}
}

// counts holds a store that is a Counter to it. Others are not asked.
func counts(t *testing.T, s store.Store) {
	counter, is := s.(store.Counter)
	if !is {
		t.Skip("it is no Counter")
	}
	want := func(kind string, n int) {
		t.Helper()
		if got, err := counter.Count(t.Context(), kind); got != n || err != nil {
			t.Fatalf("%d of %s are kept (%v), want %d", got, kind, err, n)
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
		if err := s.Delete(t.Context(), "session-a"); err != nil {
			t.Fatal(err)
		}
		bury(t, s, "session-b", time.Hour)
	}
	bury(t, s, "session-never", time.Hour)
	save(t, s, "session-over", store.Record{Value: []byte("one"), Expiry: time.Now().Add(-time.Hour)})
	want("session", 1)
	short := record("one")
	short.Expiry = time.Now().Add(1200 * time.Millisecond)
	save(t, s, "session-short", short)
	want("session", 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := counter.Count(ctx, "session"); err == nil {
		t.Error("a context that is done is no error")
	}
}
