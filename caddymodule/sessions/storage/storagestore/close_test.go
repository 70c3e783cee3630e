package storagestore

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// caddy validate provisions a store and never uses it.
func TestNew_NothingIsDoneBeforeTheFirstCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := newMemoryStorage()
		s := open(t, kept)
		time.Sleep(2 * sweepPeriod)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * sweepPeriod)
		if did := kept.did(); len(did) > 0 {
			t.Errorf("got %q, want nothing", did)
		}
	})
}

// Caddy closes a storage with the configuration that it belongs to: when Close
// has returned, the store must not be using it.
func TestClose_WaitsForTheStorage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept, running := newMemoryStorage(), new(atomic.Int64)
		kept.setHook(func(context.Context, string, string) error {
			running.Add(1)
			time.Sleep(time.Second) // looks at no context
			running.Add(-1)
			return nil
		})
		s := open(t, kept)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, _, err := s.Load(ctx, "session-a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v, want the deadline exceeded", err)
		}
		synctest.Wait()
		if n := running.Load(); n != 2 {
			t.Fatalf("got %d operations under way, want that of the caller and a poll", n)
		}
		_ = s.Close()
		if n := running.Load(); n != 0 {
			t.Errorf("got %d operations under way after Close, want none", n)
		}
	})
}

func TestClose_DoesNotWaitForEverForAStorageThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept, back := newMemoryStorage(), make(chan struct{})
		kept.setHook(func(context.Context, string, string) error { <-back; return nil })
		s := open(t, kept)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, _ = s.Load(ctx, "session-a")
		begun := time.Now()
		_ = s.Close()
		if took := time.Since(begun); took != closeTimeout {
			t.Errorf("got %v, want %v", took, closeTimeout)
		}
		close(back)
	})
}
