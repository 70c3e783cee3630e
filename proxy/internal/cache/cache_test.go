package cache

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// A clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1_800_000_000, 0)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// has fails unless exactly these keys have values, their own name each.
func has(t *testing.T, c *Cache[string, string], keys ...string) {
	t.Helper()
	for _, key := range keys {
		if got, found := c.Get(key); !found || got != key {
			t.Errorf("value of %s: got %q, %v, want itself", key, got, found)
		}
	}
	if got := c.Len(); got != len(keys) {
		t.Errorf("values kept: got %d, want %d", got, len(keys))
	}
}

func TestCache_ValueLivesForItsLifetime(t *testing.T) {
	t.Parallel()
	clock := newClock()
	c := New(Options[string, string]{Entries: 10, Now: clock.Now})
	c.Put("a", "a", time.Minute)
	c.Put("b", "b", time.Hour)
	clock.move(time.Minute - 1)
	has(t, c, "a", "b")
	clock.move(1)
	if got, found := c.Get("a"); found || got != "" {
		t.Errorf("value after its lifetime: got %q, %v, want none", got, found)
	}
	has(t, c, "b")
}

func TestCache_ValueWithoutLifetimeIsNotKept(t *testing.T) {
	t.Parallel()
	for _, lifetime := range []time.Duration{0, -1, -time.Hour} {
		c := New(Options[string, string]{Entries: 10})
		c.Put("a", "a", time.Hour)
		c.Put("a", "other", lifetime)
		has(t, c)
	}
}

func TestCache_AddKeepsAnExistingValue(t *testing.T) {
	t.Parallel()
	clock := newClock()
	c := New(Options[string, string]{Entries: 10, Now: clock.Now})
	for _, lifetime := range []time.Duration{0, -time.Hour} {
		if c.Add("a", "a", lifetime) {
			t.Errorf("lifetime %v: got the value added, want it not", lifetime)
		}
	}
	if !c.Add("a", "a", time.Minute) || c.Add("a", "other", time.Hour) {
		t.Error("want the first value added, and no other")
	}
	has(t, c, "a")
	clock.move(time.Minute)
	if !c.Add("a", "a", time.Minute) {
		t.Error("after the lifetime: got the value not added, want it added")
	}
}

func TestCache_ClockThatWasSetBackKeepsNothing(t *testing.T) {
	t.Parallel()
	clock := newClock()
	c := New(Options[string, string]{Entries: 10, Now: clock.Now})
	c.Put("a", "a", time.Minute)
	clock.move(-time.Second)
	if _, found := c.Get("a"); found {
		t.Error("a value from the future: got it, want none")
	}
}

func TestCache_LeastRecentlyUsedGoesFirst(t *testing.T) {
	t.Parallel()
	c := New(Options[string, string]{Entries: 3})
	for _, key := range []string{"a", "b", "c"} {
		c.Put(key, key, time.Hour)
	}
	c.Get("a")
	c.Put("b", "b", time.Hour)
	c.Put("d", "d", time.Hour)
	has(t, c, "a", "b", "d")
}

func TestCache_EntriesAreBounded(t *testing.T) {
	t.Parallel()
	c := New(Options[int, int]{Entries: 100})
	for i := range 1000 {
		c.Put(i, i, time.Hour)
		if got := c.Len(); got > 100 {
			t.Fatalf("values kept: got %d, want at most 100", got)
		}
	}
	if len(c.kept) != c.recent.Len() {
		t.Errorf("map and list: got %d and %d, want the same", len(c.kept), c.recent.Len())
	}
}

func TestCache_ZeroOptionsKeepNothing(t *testing.T) {
	t.Parallel()
	c := New(Options[string, string]{})
	c.Put("a", "a", time.Hour)
	has(t, c)
}

func TestCache_BytesAreBounded(t *testing.T) {
	t.Parallel()
	clock := newClock()
	c := New(Options[string, string]{
		Entries: 1000, Bytes: 10, Now: clock.Now,
		Weight: func(_, value string) int64 { return int64(len(value)) },
	})
	c.Put("aaaa", "aaaa", time.Hour)
	c.Put("bbbb", "bbbb", time.Hour)
	has(t, c, "aaaa", "bbbb")
	c.Put("ccc", "ccc", time.Hour)
	has(t, c, "bbbb", "ccc")
	c.Put("bbbb", "b", time.Hour)
	c.Put("dddddd", "dddddd", time.Hour)
	if c.weight != 10 || c.Len() != 3 {
		t.Errorf("after a value was replaced: got %d bytes in %d values, want 10 in 3", c.weight, c.Len())
	}
	c.Put("ccc", "more than ten bytes", time.Hour)
	if _, found := c.Get("ccc"); found || c.weight != 7 {
		t.Errorf("a value above the bound: got %v with %d bytes, want none with 7", found, c.weight)
	}
	clock.move(time.Hour)
	c.Sweep()
	if c.weight != 0 {
		t.Errorf("weight of nothing: got %d, want 0", c.weight)
	}
}

func TestCache_SweepDropsWhatHasExpired(t *testing.T) {
	t.Parallel()
	clock := newClock()
	c := New(Options[string, string]{Entries: 100, Now: clock.Now})
	for i := range 50 {
		c.Put(fmt.Sprint(i), "", time.Minute)
	}
	c.Put("a", "a", time.Hour)
	clock.move(time.Minute)
	c.Sweep()
	has(t, c, "a")
}

func TestCache_DeletedValueIsGone(t *testing.T) {
	t.Parallel()
	c := New(Options[string, string]{Entries: 10})
	for _, key := range []string{"a", "b", "c"} {
		c.Put(key, key, time.Hour)
	}
	c.Delete("a")
	c.Delete("none")
	c.DeleteIf("b", func(got string) bool { return got == "other" })
	c.DeleteIf("c", func(got string) bool { return got == "c" })
	c.DeleteIf("none", func(string) bool { t.Error("asked about a value that is not there"); return true })
	has(t, c, "b")
	c.Clear()
	has(t, c)
	c.Put("d", "d", time.Hour)
	has(t, c, "d")
}

func TestCache_ManyAtOnce(t *testing.T) {
	t.Parallel()
	c := New(Options[int, int]{Entries: 8, Bytes: 50, Weight: func(int, int) int64 { return 10 }})
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for i := range 500 {
				key := (i*7 + n) % 16
				switch i % 5 {
				case 0:
					c.Put(key, key, time.Hour)
				case 1:
					c.Delete(key)
				case 2:
					c.Sweep()
				default:
					if got, found := c.Get(key); found && got != key {
						t.Errorf("value of %d: got %d", key, got)
					}
				}
			}
		})
	}
	all.Wait()
	if c.Len() > 5 || c.weight != int64(10*c.Len()) {
		t.Errorf("at the end: got %d values of %d bytes, want at most 5 of 10 each", c.Len(), c.weight)
	}
}

func TestCache_DeleteWhereDropsWhatIsNamed(t *testing.T) {
	t.Parallel()
	c := New(Options[string, string]{Entries: 3})
	for _, key := range []string{"a", "b", "c"} {
		c.Put(key, "value of "+key, time.Hour)
	}
	c.DeleteWhere(func(key, value string) bool { return key == "a" || value == "value of c" })
	for key, want := range map[string]bool{"a": false, "b": true, "c": false} {
		if _, found := c.Get(key); found != want {
			t.Errorf("%s: got found %t, want %t", key, found, want)
		}
	}
}
