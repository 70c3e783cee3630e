package storagestore

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"
)

// operations are all that a gate does with a store.
var operations = map[string]func(context.Context, *Store) error{
	"load": func(ctx context.Context, s *Store) error { _, _, err := s.Load(ctx, "session-a"); return err },
	"save": func(ctx context.Context, s *Store) error {
		_, err := s.Save(ctx, "session-new", record("new"))
		return err
	},
	"delete": func(ctx context.Context, s *Store) error { return s.Delete(ctx, "session-a") },
	"bury": func(ctx context.Context, s *Store) error {
		return s.Revoke(ctx, "session-a", time.Now().Add(time.Hour))
	},
	"buried": func(ctx context.Context, s *Store) error { _, err := s.Revoked(ctx, "session-a"); return err },
	"lease":  func(ctx context.Context, s *Store) error { _, _, err := s.Lease(ctx, "work", time.Hour); return err },
}

// Whatever of an operation fails, the caller is told, and no part of it is
// taken for an answer. A lock that cannot be given back is nobody's any more, and the
// one failure that does no harm.
func TestEveryFailureOfTheStorageIsAnError(t *testing.T) {
	t.Parallel()
	for name, do := range operations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fresh := func() (*shelf, *Store) {
				kept := newShelf()
				s, _ := still(t, kept)
				save(t, s, "session-a", record("one"))
				kept.did()
				return kept, s
			}
			kept, s := fresh()
			if err := do(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			ops := kept.did()
			if len(ops) == 0 {
				t.Fatal("the storage is not asked")
			}
			for n, op := range ops {
				kept, s := fresh()
				at := 0
				kept.setHook(func(context.Context, string, string) error {
					if at++; at == n+1 {
						return errFire
					}
					return nil
				})
				if err := do(t.Context(), s); errors.Is(err, errFire) == strings.HasPrefix(op, "unlock") {
					t.Errorf("%s has failed, and %s says %v", op, name, err)
				}
			}
		})
	}
}

// A storage that refuses to say is not one that says no.
func TestOnlyWhatDoesNotExistIsAbsent(t *testing.T) {
	t.Parallel()
	kept := newShelf()
	s, _ := still(t, kept)
	for _, failure := range []error{errFire, fs.ErrPermission, fs.ErrInvalid, fs.ErrClosed, context.DeadlineExceeded} {
		kept.setHook(func(context.Context, string, string) error { return failure })
		for name, do := range operations {
			if err := do(t.Context(), s); !errors.Is(err, failure) {
				t.Errorf("%v: %s says %v", failure, name, err)
			}
		}
	}
	kept.setHook(nil)
	holds(t, s, "session-a", "")
}

// The storage never returns and looks at no context.
func TestNobodyWaitsLongerThanTheOwnContext(t *testing.T) {
	t.Parallel()
	for name, do := range operations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				kept, back := newShelf(), make(chan struct{})
				s, _ := still(t, kept)
				kept.setHook(func(context.Context, string, string) error { <-back; return nil })
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				begun := time.Now()
				if err := do(ctx, s); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("it says %v", err)
				}
				if took := time.Since(begun); took != 300*time.Millisecond {
					t.Errorf("it took %v", took)
				}
				begun = time.Now()
				if err := do(t.Context(), s); err == nil || time.Since(begun) != longestWait {
					t.Errorf("without a deadline it took %v: %v", time.Since(begun), err)
				}
				close(back)
			})
		})
	}
}

func TestAStorageThatHangsHoldsABoundedNumber(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		kept, back := newShelf(), make(chan struct{})
		s, _ := still(t, kept)
		kept.setHook(func(context.Context, string, string) error { <-back; return nil })
		done := make(chan error)
		for range 3 * atOnce {
			go func() { _, _, err := s.Load(t.Context(), "session-a"); done <- err }()
		}
		for range 3 * atOnce {
			if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
		}
		if n := len(kept.did()); n != atOnce {
			t.Errorf("the storage was asked %d times at once", n)
		}
		kept.setHook(nil)
		close(back)
		holds(t, s, "session-a", "")
	})
}

func TestAStorageThatPanicsIsOneThatFails(t *testing.T) {
	t.Parallel()
	kept := newShelf()
	s, _ := still(t, kept)
	kept.setHook(func(context.Context, string, string) error { panic("a nil map somewhere") })
	for name, do := range operations {
		if err := do(t.Context(), s); err == nil || !strings.Contains(err.Error(), "panicked") {
			t.Errorf("%s says %v", name, err)
		}
	}
}
