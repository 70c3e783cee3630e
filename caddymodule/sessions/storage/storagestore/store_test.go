package storagestore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
	"github.com/flowsidecar/caddy-authentik/proxy/store/storetest"
)

func TestStore_FileSystemKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.RunVirtual(t, func(t testing.TB) store.Store { return counter{open(t, virtualFiles(t))} })
}

func TestStore_MemoryStorageKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.RunVirtual(t, func(t testing.TB) store.Store { return open(t, newMemoryStorage()) })
}

// Storages on a network may be billed by the operation.
func TestStore_FrequentCallsTakeFewOperations(t *testing.T) {
	t.Parallel()
	kept := newMemoryStorage()
	s, _ := newIdle(t, kept)
	count := func(what string, want int) {
		t.Helper()
		if did := kept.did(); len(did) != want {
			t.Errorf("%s: got %d operations, want %d:\n%s", what, len(did), want, strings.Join(did, "\n"))
		}
	}
	r := record("one")
	r.Version = save(t, s, "session-a", r)
	count("saving a new record", 5) // lock, load, store, unlock, look for a tombstone
	save(t, s, "session-a", r)
	count("saving again", 6)
	expectValue(t, s, "session-a", "one")
	count("loading", 2)
	expectValue(t, s, "session-b", "")
	count("loading what is absent", 1)
	expectRevoked(t, s, "session-a", false)
	count("looking for a tombstone", 1)
	revoke(t, s, "session-a")
	count("revoking", 7) // load, lock, load, store, unlock, notice, delete
	for _, op := range kept.did() {
		if strings.HasPrefix(op, "list") {
			t.Errorf("got %s, want no directory listed", op)
		}
	}
}

func TestStore_InvalidNamesAreRefused(t *testing.T) {
	t.Parallel()
	kept := newMemoryStorage()
	s, _ := newIdle(t, kept)
	for _, name := range []string{"", "..", "../key", "a/b", "a/../../b", "Session", "a.b", "a_b", "ä", "a\x00", strings.Repeat("a", 81)} {
		_, _, errLoad := s.Load(t.Context(), name)
		_, errSave := s.Save(t.Context(), name, record("one"))
		_, errRevoked := s.Revoked(t.Context(), name)
		_, _, errLease := s.Lease(t.Context(), name, time.Hour)
		for _, err := range []error{errLoad, errSave, errRevoked, errLease, s.Delete(t.Context(), name), s.Revoke(t.Context(), name, time.Now().Add(time.Hour))} {
			if err == nil {
				t.Errorf("%q: got no error, want it refused", name)
			}
		}
	}
	if did := kept.did(); len(did) > 0 {
		t.Errorf("got operations %q, want none", did)
	}
	save(t, s, strings.Repeat("z9-", 27)[:80], record("one"))
}

func TestPlace_DirectoriesStaySmall(t *testing.T) {
	t.Parallel()
	in := make(map[string]int)
	for range 100_000 {
		dir, _, _ := strings.Cut(keyOf(t, records, "session-"+strings.ToLower(rand.Text())), "session-")
		in[dir]++
	}
	for dir, n := range in {
		if n > 600 {
			t.Errorf("%s: got %d entries, want 600 at most", dir, n)
		}
	}
	if len(in) != directories {
		t.Errorf("got %d directories, want %d", len(in), directories)
	}
}

// A key reveals only the name, which the gate has made so that it reveals
// nothing. Sessions are found again by it after an upgrade.
func TestPlace_KeyIsMadeOfTheName(t *testing.T) {
	t.Parallel()
	if got, want := keyOf(t, records, "session-a"), "authentik/sessions/fa/session-a.kept"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The lock may belong to another process by now.
func TestSave_ExpiredLockWritesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := newMemoryStorage()
		s, _ := newIdle(t, kept)
		kept.setHook(func(_ context.Context, op, key string) error {
			if op == "load" && strings.Contains(key, "sessions") {
				time.Sleep(maxLockAge + time.Second)
			}
			return nil
		})
		if _, err := s.Save(t.Context(), "session-a", record("one")); err == nil {
			t.Error("got no error, want one")
		}
		if got := kept.keys("authentik/sessions"); len(got) > 0 {
			t.Errorf("got %q, want nothing", got)
		}
	})
}

// No late write brings back a revoked record, even if the storage's locks do
// not exclude anyone.
func TestRevoke_HoldsWithoutLocks(t *testing.T) {
	t.Parallel()
	kept := unlocked{newMemoryStorage()}
	s, _ := newIdle(t, kept)
	for i := range 200 {
		name := fmt.Sprintf("session-%d", i)
		r := record("one")
		r.Version = save(t, s, name, r)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = s.Save(context.Background(), name, r)
		}()
		revoke(t, s, name)
		<-done
		expectValue(t, s, name, "")
		if got := kept.keys("authentik/sessions"); len(got) > 0 {
			t.Fatalf("got %q, want the record removed", got)
		}
	}
}

func TestLoad_RecordBesideATombstoneIsNotFound(t *testing.T) {
	t.Parallel()
	kept := newMemoryStorage()
	s, _ := newIdle(t, kept)
	save(t, s, "session-a", record("one"))
	where := keyOf(t, records, "session-a")
	before, err := kept.Load(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	revoke(t, s, "session-a")
	if err := kept.Store(t.Context(), where, before); err != nil {
		t.Fatal(err)
	}
	expectValue(t, s, "session-a", "")
}

// unlocked is a storage whose locks do not exclude anyone.
type unlocked struct{ *memoryStorage }

func (unlocked) Lock(context.Context, string) error   { return nil }
func (unlocked) Unlock(context.Context, string) error { return nil }

// A revocation runs from beginning to end just before a writer's write.
func TestRevoke_DuringASaveLeavesNoRecord(t *testing.T) {
	t.Parallel()
	kept := newMemoryStorage()
	s, _ := newIdle(t, kept)
	another, _ := newIdle(t, kept)
	for _, version := range []bool{false, true} {
		name := fmt.Sprintf("session-%t", version)
		r := record("one")
		if version {
			r.Version = save(t, s, name, r)
		}
		where := keyOf(t, records, name)
		kept.setHook(func(_ context.Context, op, key string) error {
			if op == "store" && key == where {
				revoke(t, another, name)
			}
			return nil
		})
		if v, err := s.Save(t.Context(), name, r); !errors.Is(err, store.ErrConflict) || v != "" {
			t.Errorf("got version %q, %v, want a conflict", v, err)
		}
		if got := kept.keys("authentik/sessions"); len(got) > 0 {
			t.Errorf("got %q, want nothing", got)
		}
	}
}
