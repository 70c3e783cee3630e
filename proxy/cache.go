package proxy

import (
	"crypto/sha256"
	"errors"
	"maps"
	"sync/atomic"
	"time"

	gocache "github.com/patrickmn/go-cache"
)

const (
	// cacheShards is how many go-caches stand side by side: one alone sweeps
	// and locks all sessions at once.
	cacheShards = 64
	// cacheBound is how many sessions are remembered at most. A shard that is full
	// forgets all of its own; they are read from the store again.
	cacheBound = 2_000_000
)

// A cacheKey is the SHA-256 of a cookie's value: who reads the
// process's memory for it finds no cookie.
type cacheKey = [sha256.Size]byte

// cache remembers sessions that were read, until they end. It is a copy of what the
// store says and never adds to it.
type cache struct {
	now    func() time.Time
	ended  atomic.Uint64
	shards [cacheShards]shard
}

// A shard knows its sessions by the cookie that opens them, and by the name
// under which the store speaks of them.
type shard struct {
	byCookie *gocache.Cache
	byName   *gocache.Cache
}

func newCache(now func() time.Time) *cache {
	c := &cache{now: now}
	for i := range c.shards {
		c.shards[i] = shard{
			byCookie: gocache.New(gocache.NoExpiration, 0),
			byName:   gocache.New(gocache.NoExpiration, 0),
		}
	}
	return c
}

// get returns the session that a cookie's hash stands for, or nil.
func (c *cache) get(key cacheKey) *Session {
	found, ok := c.shards[key[0]%cacheShards].byCookie.Get(string(key[:]))
	if !ok {
		return nil
	}
	session, _ := found.(*Session)
	return session
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
	of := c.shards[key[0]%cacheShards]
	if of.byCookie.ItemCount() >= cacheBound/cacheShards {
		of.byCookie.Flush()
	}
	of.byCookie.Set(string(key[:]), s, left)
	names := c.named(s.name)
	if names.ItemCount() >= cacheBound/cacheShards {
		names.Flush()
	}
	names.Set(s.name, key, left)
	if c.epoch() != since {
		c.forget(s.name)
	}
}

// drop forgets the session of a record that has ended; the empty name forgets all.
func (c *cache) drop(name string) {
	c.ended.Add(1)
	if name == "" {
		c.flush()
		return
	}
	c.forget(name)
}

func (c *cache) forget(name string) {
	names := c.named(name)
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
	for i := range c.shards {
		c.shards[i].byCookie.Flush()
		c.shards[i].byName.Flush()
	}
}

// named is the index that knows a record's name. Its last byte is a digit of a hash.
func (c *cache) named(name string) *gocache.Cache {
	n := 0
	for _, b := range []byte(name[max(0, len(name)-2):]) {
		n = n*16 + int(b)
	}
	return c.shards[n%cacheShards].byName
}

// sweep forgets what is over, one shard at a time.
func (c *cache) sweep() {
	for i := range c.shards {
		c.shards[i].byCookie.DeleteExpired()
		c.shards[i].byName.DeleteExpired()
	}
}

func isConflict(err error) bool { return errors.Is(err, ErrConflict) }

// with returns a copy of the verdicts with one more.
func with(apps map[string]bool, app string, passing bool) map[string]bool {
	all := make(map[string]bool, len(apps)+1)
	maps.Copy(all, apps)
	all[app] = passing
	return all
}
