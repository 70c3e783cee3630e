package storagestore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
	"github.com/flowsidecar/caddy-authentik/proxy/store/storetest"
)

func TestOnTheFileSystem(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) store.Store { return open(t, files(t)) })
}

func TestOnAStorageInMemory(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) store.Store { return open(t, newShelf()) })
}

// A storage on a network is paid by the operation.
func TestWhatIsDoneOftenTakesFewOperations(t *testing.T) {
	t.Parallel()
	kept := newShelf()
	s, _ := still(t, kept)
	count := func(what string, want int) {
		t.Helper()
		if did := kept.did(); len(did) != want {
			t.Errorf("%s takes %d operations, not %d:\n%s", what, len(did), want, strings.Join(did, "\n"))
		}
	}
	r := record("one")
	r.Version = save(t, s, "session-a", r)
	count("saving a new record", 5) // lock, load, store, unlock, look for a tombstone
	save(t, s, "session-a", r)
	count("saving again", 6)
	holds(t, s, "session-a", "one")
	count("loading", 2)
	holds(t, s, "session-b", "")
	count("loading what is not there", 1)
	isRevoked(t, s, "session-a", false)
	count("looking for a tombstone", 1)
	bury(t, s, "session-a")
	count("burying", 7) // load, lock, load, store, unlock, notice, delete
	for _, op := range kept.did() {
		if strings.HasPrefix(op, "list") {
			t.Errorf("a directory is listed: %s", op)
		}
	}
}

func TestNamesThatLeadElsewhereAreRefused(t *testing.T) {
	t.Parallel()
	kept := newShelf()
	s, _ := still(t, kept)
	for _, name := range []string{"", "..", "../key", "a/b", "a/../../b", "Session", "a.b", "a_b", "ä", "a\x00", strings.Repeat("a", 81)} {
		_, _, errLoad := s.Load(t.Context(), name)
		_, errSave := s.Save(t.Context(), name, record("one"))
		_, errRevoked := s.Revoked(t.Context(), name)
		_, _, errLease := s.Lease(t.Context(), name, time.Hour)
		for _, err := range []error{errLoad, errSave, errRevoked, errLease, s.Delete(t.Context(), name), s.Revoke(t.Context(), name, time.Now().Add(time.Hour))} {
			if err == nil {
				t.Errorf("%q was taken", name)
			}
		}
	}
	if did := kept.did(); len(did) > 0 {
		t.Errorf("the storage was asked all the same: %q", did)
	}
	save(t, s, strings.Repeat("z9-", 27)[:80], record("one"))
}

func TestNoDirectoryIsLarge(t *testing.T) {
	t.Parallel()
	in := make(map[string]int)
	for range 100_000 {
		dir, _, _ := strings.Cut(key(t, records, "session-"+strings.ToLower(rand.Text())), "session-")
		in[dir]++
	}
	for dir, n := range in {
		if n > 600 {
			t.Errorf("%s has %d", dir, n)
		}
	}
	if len(in) != fans {
		t.Errorf("there are %d directories", len(in))
	}
}

// Whoever reads the storage finds neither a user nor anything else in clear
// that the gate has sealed: the store adds nothing but numbers.
func TestKeysSayNothingButTheName(t *testing.T) {
	t.Parallel()
	if got, want := key(t, records, "session-a"), "authentik/sessions/fa/session-a.kept"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A writer of this process whose lock is another's by now writes nothing.
func TestAWriteThatComesTooLateForItsLockFails(t *testing.T) {
	t.Parallel()
	// The storage sleeps longer than its lock lasts, in a bubble of time of its own.
	bubble(t, func(t *testing.T) {
		kept := newShelf()
		s, _ := still(t, kept)
		kept.setHook(func(_ context.Context, op, key string) error {
			if op == "load" && strings.Contains(key, "sessions") {
				time.Sleep(lockTrust + time.Second)
			}
			return nil
		})
		if _, err := s.Save(t.Context(), "session-a", record("one")); err == nil {
			t.Error("it was written")
		}
		if got := kept.keys("authentik/sessions"); len(got) > 0 {
			t.Errorf("there is %q", got)
		}
	})
}

// No late write brings back what has ended, whatever becomes of the locks:
// here they hold nobody up at all.
func TestABurialHoldsWithoutLocks(t *testing.T) {
	t.Parallel()
	kept := unlocked{newShelf()}
	s, _ := still(t, kept)
	for i := range 200 {
		name := fmt.Sprintf("session-%d", i)
		r := record("one")
		r.Version = save(t, s, name, r)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = s.Save(context.Background(), name, r)
		}()
		bury(t, s, name)
		<-done
		holds(t, s, name, "")
		if got := kept.keys("authentik/sessions"); len(got) > 0 {
			t.Fatalf("the record lies there still: %q", got)
		}
	}
}

// The same with a record that a writer puts there after everything is over.
func TestARecordThatLiesBesideATombstoneIsNotFound(t *testing.T) {
	t.Parallel()
	kept := newShelf()
	s, _ := still(t, kept)
	save(t, s, "session-a", record("one"))
	where := key(t, records, "session-a")
	before, err := kept.Load(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	bury(t, s, "session-a")
	if err := kept.Store(t.Context(), where, before); err != nil {
		t.Fatal(err)
	}
	holds(t, s, "session-a", "")
}

// unlocked is a storage whose locks exclude nobody.
type unlocked struct{ *shelf }

func (unlocked) Lock(context.Context, string) error   { return nil }
func (unlocked) Unlock(context.Context, string) error { return nil }

// A burial comes from its beginning to its end while a writer stands before
// its write.
func TestABurialInTheMidstOfASaveLeavesNothing(t *testing.T) {
	t.Parallel()
	kept := newShelf()
	s, _ := still(t, kept)
	another, _ := still(t, kept)
	for _, version := range []bool{false, true} {
		name := fmt.Sprintf("session-%t", version)
		r := record("one")
		if version {
			r.Version = save(t, s, name, r)
		}
		where := key(t, records, name)
		kept.setHook(func(_ context.Context, op, key string) error {
			if op == "store" && key == where {
				bury(t, another, name)
			}
			return nil
		})
		if v, err := s.Save(t.Context(), name, r); !errors.Is(err, store.ErrConflict) || v != "" {
			t.Errorf("it was saved as %q, %v", v, err)
		}
		if got := kept.keys("authentik/sessions"); len(got) > 0 {
			t.Errorf("there is %q", got)
		}
	}
}
