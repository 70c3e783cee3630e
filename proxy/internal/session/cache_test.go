package session

import (
	"fmt"
	"testing"
	"time"
)

func TestMisses_AreBounded(t *testing.T) {
	t.Parallel()
	m := newMisses(time.Now)
	for i := range 3 * maxMisses {
		m.add(fmt.Sprint(i), true)
	}
	if n := m.kept.Len(); n > maxMisses {
		t.Errorf("got %d cached misses, want at most %d", n, maxMisses)
	}
}

func TestCache_IsBoundedInEntriesAndBytes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*cache{
		"entries": newCache(time.Now, 640, 1<<40),
		"bytes":   newCache(time.Now, 1<<30, 640*1000),
	} {
		for i := range 10_000 {
			s := &Session{name: fmt.Sprintf("session-%08x", i), Until: time.Now().Add(time.Hour), weight: 1000}
			c.put(cacheKey{byte(i), byte(i >> 8), byte(i >> 16)}, s, c.epoch())
		}
		n, bytes := c.count(), int64(0)
		for s := range c.made() {
			bytes += s.held.Load()
		}
		if n > 640 || n == 0 || bytes != int64(n)*1000 {
			t.Errorf("%s: got %d cached sessions of %d bytes, want some, and at most 640", name, n, bytes)
		}
	}
}

func TestCache_DroppedSessionHasNoWeight(t *testing.T) {
	t.Parallel()
	c, key := newCache(time.Now, 100, 1<<20), cacheKey{7}
	s := &Session{name: "session-00", Until: time.Now().Add(time.Hour), weight: 1000}
	held := &c.shard(7).held
	for range 3 {
		c.put(key, s, c.epoch())
	}
	if held.Load() != 1000 {
		t.Errorf("got a weight of %d bytes, want 1000", held.Load())
	}
	c.drop("session-00")
	if held.Load() != 0 || c.count() != 0 {
		t.Errorf("got %d bytes left of %d sessions, want none", held.Load(), c.count())
	}
}

func TestTombstones_TooManyClearTheCache(t *testing.T) {
	t.Parallel()
	c := newCache(time.Now, 100, 1<<20)
	s := &Session{name: "session-00", Until: time.Now().Add(time.Hour)}
	c.put(cacheKey{1}, s, c.epoch())
	for i := range maxTombstones + 1 {
		if c.count() != 1 {
			t.Fatalf("got it forgotten after %d, want it cached", i)
		}
		c.drop(fmt.Sprint("end-", i))
	}
	if hit(c, cacheKey{1}) || len(c.tombstones.names) > maxTombstones {
		t.Errorf("got %d tombstones with a cached session, want it forgotten", len(c.tombstones.names))
	}
}

func TestCache_SessionThatEndsWhileItIsReadIsNotCached(t *testing.T) {
	t.Parallel()
	c := newCache(time.Now, cacheEntries, cacheBytes)
	s := &Session{name: "session-00", Until: time.Now().Add(time.Hour)}
	since := c.epoch()
	c.drop("session-00")
	c.put(cacheKey{1}, s, since)
	if hit(c, cacheKey{1}) {
		t.Error("got a cached session, want none after its revocation")
	}
	c.put(cacheKey{1}, s, c.epoch())
	if !hit(c, cacheKey{1}) {
		t.Error("got no cached session, want one")
	}
	c.drop("session-00")
	if hit(c, cacheKey{1}) {
		t.Error("got a cached session after its end, want none")
	}
}

func TestCache_ExpiredSessionIsNotCached(t *testing.T) {
	t.Parallel()
	c := newCache(time.Now, cacheEntries, cacheBytes)
	c.put(cacheKey{1}, &Session{name: "session-00", Until: time.Now()}, c.epoch())
	if hit(c, cacheKey{1}) {
		t.Error("got a cached session without time left, want none")
	}
}

// hit reports whether a key is cached and trusted.
func hit(c *cache, key cacheKey) bool {
	_, found := c.get(key)
	return found
}

// Without the watch, cached sessions are trusted for a while, and a clock that is set
// back makes it no longer.
func TestCache_IsStaleAWhileAfterTheWatchWasLost(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := newCache(func() time.Time { return now }, 100, 1<<20)
	c.revoked("")
	for _, step := range []struct {
		moved time.Duration
		want  bool
	}{{0, false}, {staleAfter, false}, {staleAfter + 1, true}, {-time.Hour, true}} {
		lost := now
		c.loseWatch()
		now = now.Add(step.moved)
		if got := c.stale(); got != step.want {
			t.Errorf("%v after the loss: got stale %v, want %v", step.moved, got, step.want)
		}
		now = lost
		c.revoked("")
	}
}
