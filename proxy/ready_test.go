package proxy

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// An unwritableStore can be read, and takes nothing while it is full.
type unwritableStore struct {
	Store
	full atomic.Bool
	asks atomic.Int64
}

var errFull = errors.New("no space left")

func (s *unwritableStore) Lease(ctx context.Context, name string, d time.Duration) (func(), bool, error) {
	s.asks.Add(1)
	if s.full.Load() {
		return func() {}, false, errFull
	}
	return s.Store.Lease(ctx, name, d)
}

// A visitor should not type a password for a session that cannot be kept.
func TestSignIn_DoesNotBeginWhileTheStoreFails(t *testing.T) {
	t.Parallel()
	for name, login := range map[string]Login{"page": LoginPage, "relay": LoginRelay, "redirect": LoginRedirect} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &unwritableStore{Store: newStore(t)}
			s := newOIDCSite(t, func(reg *registration) {
				reg.gate = func(cfg *Config) { cfg.Login, cfg.Store = login, store }
			})
			store.full.Store(true)
			for range 3 {
				if got := s.person(t).open("/"); got.status != http.StatusServiceUnavailable {
					t.Fatalf("got %d at %s, want 503", got.status, got.path)
				} else {
					got.says(t, "sessions-unavailable")
				}
			}
			if got := store.asks.Load(); got > 2 {
				t.Errorf("got %d questions to the store for three visitors at once, want one, or two if a second has passed", got)
			}
			store.full.Store(false)
			s.clock.move(2 * time.Second)
			if login == LoginRedirect {
				s.person(t).departs("/")
				return
			}
			if got := s.person(t).open("/"); got.status != http.StatusOK {
				t.Errorf("once the store works: got %d at %s, want 200", got.status, got.path)
			}
		})
	}
}
