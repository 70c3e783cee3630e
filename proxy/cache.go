package proxy

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	gocache "github.com/patrickmn/go-cache"
)

const (
	// cacheShards is how many go-caches stand side by side: one alone sweeps
	// and locks all sessions at once.
	cacheShards = 64
	// cacheEntries and cacheBytes bound what is remembered.
	cacheEntries = 2_000_000
	cacheBytes   = 3 << 30
	// deafFor is how long sessions are still believed that were read before the store
	// stopped telling which have ended. After that the store alone is asked, and while it
	// cannot answer everybody is refused.
	deafFor = 30 * time.Second
)

// A cacheKey is the SHA-256 of a cookie's value: who reads the
// process's memory for it finds no cookie.
type cacheKey = [sha256.Size]byte

// cache remembers sessions that were read, until they end. It is a copy of what the
// store says and never adds to it.
type cache struct {
	now    func() time.Time
	ended  atomic.Uint64
	deaf   atomic.Int64 // since when the store is not heard, in Unix nanoseconds; 0 while it is
	graves graves
	shards [cacheShards]shard
}

// A shard knows its sessions by the cookie that opens them, and by the name
// under which the store speaks of them.
type shard struct {
	// entries and bytes are its share of what may be remembered. When it is full it
	// forgets all of its own; they are read from the store again.
	entries  int
	bytes    int64
	mu       sync.Mutex // orders what is added; reading needs none
	byCookie *gocache.Cache
	byName   *gocache.Cache
	held     atomic.Int64 // bytes
}

func newCache(now func() time.Time, entries int, bytes int64) *cache {
	c := &cache{now: now}
	for i := range c.shards {
		s := &c.shards[i]
		s.entries, s.bytes = max(1, entries/cacheShards), bytes/cacheShards
		s.byCookie, s.byName = gocache.New(gocache.NoExpiration, 0), gocache.New(gocache.NoExpiration, 0)
		s.byCookie.OnEvicted(func(_ string, v any) {
			if gone, ok := v.(*Session); ok {
				s.held.Add(-gone.weight)
			}
		})
	}
	c.deafen()
	return c
}

// get returns the session that a cookie's hash stands for, or nil.
func (c *cache) get(key cacheKey) *Session {
	found, ok := c.shards[key[0]%cacheShards].byCookie.Get(string(key[:]))
	if !ok {
		return nil
	}
	session, _ := found.(*Session)
	if c.graves.hold(session.ends) || c.stale() {
		return nil
	}
	return session
}

// stale reports whether nothing that is remembered can be believed any more.
func (c *cache) stale() bool {
	since := c.deaf.Load()
	return since != 0 && c.now().UnixNano()-since > int64(deafFor)
}

// deafen notes that the store is not heard from now on.
func (c *cache) deafen() { c.deaf.CompareAndSwap(0, c.now().UnixNano()) }

// hear takes what the store tells: the name of what has ended, or that names may
// have been missed. That it speaks at all says that it is heard.
func (c *cache) hear(name string) {
	c.drop(name)
	c.deaf.Store(0)
}

// epoch is how many sessions have ended. Who reads from the store takes it
// before, and hands it to put.
func (c *cache) epoch() uint64 { return c.ended.Load() }

// put remembers what was read since an epoch. If a session has ended
// meanwhile it could be this one, and it is forgotten again: the next request reads it anew.
func (c *cache) put(key cacheKey, s *Session, since uint64) {
	left := s.Until.Sub(c.now())
	if left <= 0 { // go-cache takes no time left for all the time in the world
		return
	}
	c.shards[key[0]%cacheShards].add(key, s, left)
	c.named(s.name).name(s.name, key, left)
	if c.epoch() != since {
		c.forget(s.name)
	}
}

func (s *shard) add(key cacheKey, session *Session, left time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byCookie.Delete(string(key[:])) // and its weight
	if s.byCookie.ItemCount() >= s.entries || s.held.Load()+session.weight > s.bytes {
		s.flush()
	}
	s.byCookie.Set(string(key[:]), session, left)
	s.held.Add(session.weight)
}

func (s *shard) name(name string, key cacheKey, left time.Duration) {
	if s.byName.ItemCount() >= s.entries {
		s.byName.Flush()
	}
	s.byName.Set(name, key, left)
}

func (s *shard) flush() {
	s.byCookie.Flush()
	s.held.Store(0)
}

// drop forgets what has ended: the session of a record, or all sessions that share an
// end; the empty name forgets everything.
func (c *cache) drop(name string) {
	c.ended.Add(1)
	switch {
	case name == "":
		c.flush()
	case seal.IsTombstone(name):
		if !c.graves.add(name) {
			c.flush()
		}
	default:
		c.forget(name)
	}
}

func (c *cache) forget(name string) {
	names := c.named(name).byName
	found, ok := names.Get(name)
	if !ok {
		return
	}
	names.Delete(name)
	if key, ok := found.(cacheKey); ok {
		c.shards[key[0]%cacheShards].byCookie.Delete(string(key[:]))
	}
}

func (c *cache) flush() {
	c.graves.level()
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.flush()
		s.byName.Flush()
		s.mu.Unlock()
	}
}

// named is the index that knows a record's name. Its last byte is a digit of a hash.
func (c *cache) named(name string) *shard {
	n := 0
	for _, b := range []byte(name[max(0, len(name)-2):]) {
		n = n*16 + int(b)
	}
	return &c.shards[n%cacheShards]
}

// sweep forgets what is over, one shard at a time.
func (c *cache) sweep() {
	for i := range c.shards {
		c.shards[i].byCookie.DeleteExpired()
		c.shards[i].byName.DeleteExpired()
	}
}

// all yields the sessions that are remembered and believed.
func (c *cache) all() func(yield func(*Session) bool) {
	return func(yield func(*Session) bool) {
		for i := range c.shards {
			for _, item := range c.shards[i].byCookie.Items() {
				s, ok := item.Object.(*Session)
				if !ok || !c.now().Before(s.Until) || c.graves.hold(s.ends) || c.stale() {
					continue
				}
				if !yield(s) {
					return
				}
			}
		}
	}
}

// count is how many sessions are remembered.
func (c *cache) count() (n int) {
	for i := range c.shards {
		n += c.shards[i].byCookie.ItemCount()
	}
	return n
}
