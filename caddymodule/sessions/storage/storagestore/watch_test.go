package storagestore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// Two stores on one storage behave as two processes do.
func TestWatch_OtherProcessesAreToldOfEveryRevocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := newMemoryStorage()
		here, there := open(t, kept), open(t, kept)
		names := watch(t, there)
		for i := range 3 {
			name := fmt.Sprintf("session-%d", i)
			revoke(t, here, name)
			expectName(t, names, name)
			expectRevoked(t, there, name, true)
		}
	})
}

func TestWatch_MoreRevocationsThanANoticeHoldsDropEveryCache(t *testing.T) {
	t.Parallel()
	kept := newMemoryStorage()
	here, _ := newIdle(t, kept)
	there, _ := newIdle(t, kept)
	there.pollOnce(t.Context())
	names := watch(t, there)
	for i := range maxNames + 1 {
		revoke(t, here, fmt.Sprintf("session-%d", i))
	}
	there.pollOnce(t.Context())
	if got := <-names; got != "" {
		t.Errorf("got %q, want the empty name", got)
	}
	revoke(t, here, "session-last")
	there.pollOnce(t.Context())
	if got := <-names; got != "session-last" {
		t.Errorf("got %q, want session-last", got)
	}
}

func TestWatch_SlowWatcherDropsItsCache(t *testing.T) {
	t.Parallel()
	s := newSubscribers()
	s.resume()
	mine, ok := s.subscribe(t.Context(), context.Background())
	if !ok {
		t.Fatal("got no subscription, want one")
	}
	defer s.unsubscribe(mine)
	for i := range store.MaxBacklog + 1 {
		s.publish(fmt.Sprint(i))
	}
	if got := mine.names.Take(); !slices.Equal(got, []string{""}) {
		t.Errorf("got %d names, want only the empty one: %q", len(got), got)
	}
}

// A notice that cannot be written makes Revoke fail, and is written as soon as
// that is possible.
func TestRevoke_NoticeThatWasNotWrittenIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := newMemoryStorage()
		here, there := open(t, kept), open(t, kept)
		own, others := watch(t, here), watch(t, there)
		kept.setHook(func(_ context.Context, op, key string) error {
			if op == "store" && strings.Contains(key, string(notices)) {
				return errStorage
			}
			return nil
		})
		if err := here.Revoke(t.Context(), "session-a", time.Now().Add(time.Hour)); err == nil {
			t.Error("got no error, want one: no other process knows of the revocation")
		}
		expectRevoked(t, there, "session-a", true)
		expectName(t, own, "session-a")
		kept.setHook(nil)
		expectName(t, others, "session-a")
	})
}

func TestWatch_EndsWithAnErrorAndBeginsWhenTheStorageIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := newMemoryStorage()
		here := open(t, kept)
		there, _ := newIdle(t, kept)
		save(t, here, "session-a", record("one"))
		names := watch(t, here)
		time.Sleep(10 * time.Second)
		if n := drain(names); n > 0 {
			t.Errorf("got %d names from a storage that works, want none", n)
		}
		kept.setHook(func(context.Context, string, string) error { return errStorage })
		expectName(t, names, watchLost)
		time.Sleep(10 * time.Second)
		if n := drain(names); n > 0 {
			t.Errorf("got %d names from a storage that fails, want none", n)
		}
		if _, _, err := here.Load(t.Context(), "session-a"); err == nil {
			t.Error("got no error from a storage that fails, want one")
		}
		kept.setHook(nil)
		revoke(t, there, "session-a")
		expectName(t, names, "")
		revoke(t, there, "session-b")
		expectName(t, names, "session-b")
	})
}

func TestWatch_WaitsForAStorageThatIsDownUntilItsContextIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := newMemoryStorage()
		kept.setHook(func(context.Context, string, string) error { return errStorage })
		s := open(t, kept)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Watch(ctx, func(name string) { t.Errorf("got %q, want no name", name) }); err != nil {
			t.Errorf("got %v, want no error", err)
		}
	})
}

// drain removes and counts the names that wait.
func drain(names <-chan string) (n int) {
	for {
		select {
		case <-names:
			n++
		default:
			return n
		}
	}
}

// A storage that hangs ends the watch too, and polls do not pile up.
func TestWatch_HangingStorageEndsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept, back := newMemoryStorage(), make(chan struct{})
		s := open(t, kept)
		names := watch(t, s)
		kept.did()
		kept.setHook(func(context.Context, string, string) error { <-back; return nil })
		expectName(t, names, watchLost)
		time.Sleep(20 * time.Second)
		if n := len(kept.did()); n > 3 {
			t.Errorf("got %d operations on a storage that hangs, want 3 at most", n)
		}
		close(back)
		_ = s.Close()
	})
}

func TestWatch_ClosedStoreDropsCachesAgainAndAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, newMemoryStorage())
		names := watch(t, s)
		for range 2 {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(10 * time.Second)
		if n := drain(names); n < 10 {
			t.Errorf("got %d empty names in ten seconds, want 10 at least", n)
		}
	})
}
