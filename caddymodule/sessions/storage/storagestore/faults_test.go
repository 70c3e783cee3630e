package storagestore

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// operations are the calls of a gate.
var operations = map[string]func(context.Context, *Store) error{
	"load": func(ctx context.Context, s *Store) error { _, _, err := s.Load(ctx, "session-a"); return err },
	"save": func(ctx context.Context, s *Store) error {
		_, err := s.Save(ctx, "session-new", record("new"))
		return err
	},
	"delete": func(ctx context.Context, s *Store) error { return s.Delete(ctx, "session-a") },
	"revoke": func(ctx context.Context, s *Store) error {
		return s.Revoke(ctx, "session-a", time.Now().Add(time.Hour))
	},
	"revoked": func(ctx context.Context, s *Store) error { _, err := s.Revoked(ctx, "session-a"); return err },
	"lease":   func(ctx context.Context, s *Store) error { _, _, err := s.Lease(ctx, "work", time.Hour); return err },
}

// A failure of any operation of the storage is reported to the caller. Only a
// lock that was not released does no harm.
func TestStore_EveryFailureOfTheStorageIsAnError(t *testing.T) {
	t.Parallel()
	for name, do := range operations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prepare := func() (*memoryStorage, *Store) {
				kept := newMemoryStorage()
				s, _ := newIdle(t, kept)
				save(t, s, "session-a", record("one"))
				kept.did()
				return kept, s
			}
			kept, s := prepare()
			if err := do(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			ops := kept.did()
			if len(ops) == 0 {
				t.Fatal("got no operations, want some")
			}
			for n, op := range ops {
				kept, s := prepare()
				at := 0
				kept.setHook(func(context.Context, string, string) error {
					if at++; at == n+1 {
						return errStorage
					}
					return nil
				})
				if err := do(t.Context(), s); errors.Is(err, errStorage) == strings.HasPrefix(op, "unlock") {
					t.Errorf("%s after a failure of %s: got %v", name, op, err)
				}
			}
		})
	}
}

func TestStore_OnlyErrNotExistMeansAbsent(t *testing.T) {
	t.Parallel()
	kept := newMemoryStorage()
	s, _ := newIdle(t, kept)
	for _, failure := range []error{errStorage, fs.ErrPermission, fs.ErrInvalid, fs.ErrClosed, context.DeadlineExceeded} {
		kept.setHook(func(context.Context, string, string) error { return failure })
		for name, do := range operations {
			if err := do(t.Context(), s); !errors.Is(err, failure) {
				t.Errorf("%s: got %v, want %v", name, err, failure)
			}
		}
	}
	kept.setHook(nil)
	expectValue(t, s, "session-a", "")
}

// The storage never returns and ignores its context.
func TestStore_CallersLeaveWhenTheirContextIsDone(t *testing.T) {
	t.Parallel()
	for name, do := range operations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				kept, back := newMemoryStorage(), make(chan struct{})
				s, _ := newIdle(t, kept)
				kept.setHook(func(context.Context, string, string) error { <-back; return nil })
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				begun := time.Now()
				if err := do(ctx, s); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want the deadline exceeded", err)
				}
				if took := time.Since(begun); took != 300*time.Millisecond {
					t.Errorf("got an answer after %v, want 300ms", took)
				}
				begun = time.Now()
				if err := do(t.Context(), s); err == nil || time.Since(begun) != maxWait {
					t.Errorf("without a deadline: got %v after %v, want an error after %v", err, time.Since(begun), maxWait)
				}
				close(back)
			})
		})
	}
}

func TestStore_HangingStorageHoldsABoundedNumberOfOperations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept, back := newMemoryStorage(), make(chan struct{})
		s, _ := newIdle(t, kept)
		kept.setHook(func(context.Context, string, string) error { <-back; return nil })
		done := make(chan error)
		for range 3 * maxConcurrent {
			go func() { _, _, err := s.Load(t.Context(), "session-a"); done <- err }()
		}
		for range 3 * maxConcurrent {
			if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
		}
		if n := len(kept.did()); n != maxConcurrent {
			t.Errorf("got %d operations at once, want %d", n, maxConcurrent)
		}
		kept.setHook(nil)
		close(back)
		expectValue(t, s, "session-a", "")
	})
}

func TestStore_PanicOfTheStorageIsAnError(t *testing.T) {
	t.Parallel()
	kept := newMemoryStorage()
	s, _ := newIdle(t, kept)
	kept.setHook(func(context.Context, string, string) error { panic("a nil map somewhere") })
	for name, do := range operations {
		if err := do(t.Context(), s); err == nil || !strings.Contains(err.Error(), "panicked") {
			t.Errorf("%s: got %v, want an error that says so", name, err)
		}
	}
}
