package cache

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/background"
)

var errFetch = errors.New("no answer")

// constant is a fetch that counts its calls.
func constant(calls *atomic.Int32, value string, lifetime time.Duration, err error) Fetch[string] {
	return func(context.Context) (string, time.Duration, error) {
		calls.Add(1)
		return value, lifetime, err
	}
}

func TestDo_KeepsTheResult(t *testing.T) {
	t.Parallel()
	clock := newClock()
	c := New(Options[string, string]{Entries: 10, Now: clock.Now})
	var calls atomic.Int32
	for i, want := range []int32{1, 1, 2} {
		if i == 2 {
			clock.move(time.Minute)
		}
		got, err := c.Do(t.Context(), "a", constant(&calls, "fetched", time.Minute, nil))
		if got != "fetched" || err != nil || calls.Load() != want {
			t.Errorf("Do %d: got %q, %v after %d fetches, want it after %d", i, got, err, calls.Load(), want)
		}
	}
}

func TestDo_FailureIsNotKept(t *testing.T) {
	t.Parallel()
	c := New(Options[string, string]{Entries: 10})
	var calls atomic.Int32
	for range 2 {
		if _, err := c.Do(t.Context(), "a", constant(&calls, "", time.Minute, errFetch)); !errors.Is(err, errFetch) {
			t.Errorf("got %v, want %v", err, errFetch)
		}
	}
	if calls.Load() != 2 || c.Len() != 0 {
		t.Errorf("got %d fetches and %d values, want 2 and none", calls.Load(), c.Len())
	}
}

func TestDo_ValueWithoutLifetimeIsReturnedAndNotKept(t *testing.T) {
	t.Parallel()
	c := New(Options[string, string]{Entries: 10})
	var calls atomic.Int32
	for range 2 {
		if got, err := c.Do(t.Context(), "a", constant(&calls, "once", 0, nil)); got != "once" || err != nil {
			t.Errorf("got %q, %v, want it", got, err)
		}
	}
	if calls.Load() != 2 || c.Len() != 0 {
		t.Errorf("got %d fetches and %d values, want 2 and none", calls.Load(), c.Len())
	}
}

func TestDo_ManyCallersShareOneFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := New(Options[string, string]{}) // keeps nothing, and is a single flight all the same
		begun := make(chan struct{})
		var calls atomic.Int32
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				got, err := c.Do(t.Context(), "a", func(context.Context) (string, time.Duration, error) {
					calls.Add(1)
					<-begun
					return "shared", time.Minute, nil
				})
				if got != "shared" || err != nil {
					t.Errorf("got %q, %v, want it", got, err)
				}
			})
		}
		synctest.Wait()
		if got, err := c.Do(t.Context(), "b", constant(&calls, "b", 0, nil)); got != "b" || err != nil {
			t.Errorf("another key meanwhile: got %q, %v, want it", got, err)
		}
		close(begun)
		all.Wait()
		if got := calls.Load(); got != 2 {
			t.Errorf("fetches: got %d, want one for each key", got)
		}
	})
}

func TestDo_CallerLeavesWithItsContextAndTheFetchGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := New(Options[string, string]{Entries: 10})
		begun := make(chan struct{})
		fetch := func(ctx context.Context) (string, time.Duration, error) {
			<-begun
			return "late", time.Minute, ctx.Err()
		}
		first, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if got, err := c.Do(first, "a", fetch); !errors.Is(err, context.Canceled) || got != "" {
				t.Errorf("who has left: got %q, %v, want %v", got, err, context.Canceled)
			}
		})
		synctest.Wait()
		var second sync.WaitGroup
		second.Go(func() {
			if got, err := c.Do(t.Context(), "a", fetch); got != "late" || err != nil {
				t.Errorf("who stays: got %q, %v, want it", got, err)
			}
		})
		synctest.Wait()
		leave()
		all.Wait()
		close(begun)
		second.Wait()
		has := func() string { got, _ := c.Get("a"); return got }
		if got := has(); got != "late" {
			t.Errorf("kept: got %q, want it", got)
		}
	})
}

func TestDo_FetchEndsWithTheOwner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		owner := background.New()
		c := New(Options[string, string]{Entries: 10, Go: owner.Go})
		c.Put("kept", "kept", time.Hour)
		var all sync.WaitGroup
		all.Go(func() {
			_, err := c.Do(t.Context(), "a", func(ctx context.Context) (string, time.Duration, error) {
				<-ctx.Done()
				return "", 0, ctx.Err()
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("a fetch under way: got %v, want %v", err, context.Canceled)
			}
		})
		synctest.Wait()
		owner.Close()
		all.Wait()
		if _, err := c.Do(t.Context(), "a", nil); !errors.Is(err, ErrClosed) {
			t.Errorf("a fetch afterwards: got %v, want %v", err, ErrClosed)
		}
		if got, err := c.Do(t.Context(), "kept", nil); got != "kept" || err != nil {
			t.Errorf("a kept value afterwards: got %q, %v, want it", got, err)
		}
	})
}

func TestDo_PanicReleasesAllWhoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := New(Options[string, string]{Entries: 10})
		begun := make(chan struct{})
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				_, err := c.Do(t.Context(), "a", func(context.Context) (string, time.Duration, error) {
					<-begun
					panic("broken")
				})
				if p, ok := errors.AsType[*PanicError](err); !ok || p.Value != "broken" || len(p.Stack) == 0 {
					t.Errorf("got %v, want the panic with its stack", err)
				}
			})
		}
		synctest.Wait()
		close(begun)
		all.Wait()
		var calls atomic.Int32
		if got, err := c.Do(t.Context(), "a", constant(&calls, "mended", time.Minute, nil)); got != "mended" || err != nil {
			t.Errorf("afterwards: got %q, %v, want it", got, err)
		}
	})
}

func TestDo_ExitReleasesAllWhoWait(t *testing.T) {
	t.Parallel()
	c := New(Options[string, string]{Entries: 10})
	_, err := c.Do(t.Context(), "a", func(context.Context) (string, time.Duration, error) {
		runtime.Goexit()
		return "", 0, nil
	})
	if !errors.Is(err, errExit) {
		t.Errorf("got %v, want %v", err, errExit)
	}
}

// TestDo_ResultOfAFetchThatWasOvertakenIsNotKept: what was asked before a
// change may tell what was so before it.
func TestDo_ResultOfAFetchThatWasOvertakenIsNotKept(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		overtake func(*Cache[string, string])
		want     string
	}{
		"by Delete": {func(c *Cache[string, string]) { c.Delete("a") }, "second"},
		"by Clear":  {func(c *Cache[string, string]) { c.Clear() }, "second"},
		"by Put":    {func(c *Cache[string, string]) { c.Put("a", "put", time.Hour) }, "put"},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := New(Options[string, string]{Entries: 10})
			begun := make(chan struct{})
			var all sync.WaitGroup
			all.Go(func() {
				got, err := c.Do(t.Context(), "a", func(context.Context) (string, time.Duration, error) {
					<-begun
					return "first", time.Minute, nil
				})
				if got != "first" || err != nil {
					t.Errorf("%s: who waited: got %q, %v, want the first", name, got, err)
				}
			})
			synctest.Wait()
			tt.overtake(c)
			var calls atomic.Int32
			second := constant(&calls, "second", time.Minute, nil)
			if got, _ := c.Do(t.Context(), "a", second); got != tt.want {
				t.Errorf("%s: who came later: got %q, want %q", name, got, tt.want)
			}
			close(begun)
			all.Wait()
			if got, _ := c.Get("a"); got != tt.want {
				t.Errorf("%s: kept: got %q, want %q", name, got, tt.want)
			}
		})
	}
}

// TestDo_NoLockIsHeldOverAFetch uses the cache from within a fetch.
func TestDo_NoLockIsHeldOverAFetch(t *testing.T) {
	t.Parallel()
	c := New(Options[string, string]{Entries: 10})
	got, err := c.Do(t.Context(), "a", func(ctx context.Context) (string, time.Duration, error) {
		c.Put("b", "b", time.Minute)
		c.Sweep()
		inner, err := c.Do(ctx, "b", nil)
		return "a" + inner, time.Minute, err
	})
	if got != "ab" || err != nil {
		t.Errorf("got %q, %v, want ab", got, err)
	}
}
