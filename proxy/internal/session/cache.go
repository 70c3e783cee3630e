package session

import (
	"crypto/sha256"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	bounded "github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	gocache "github.com/patrickmn/go-cache"
)

const (
	// cacheShards is the number of go-caches: a single one would lock all sessions
	// while it sweeps.
	cacheShards = 64
	// cacheEntries is the maximum number of cached sessions, and cacheBytes
	// their maximum size.
	cacheEntries = 2_000_000
	cacheBytes   = 3 << 30
	// staleAfter is how long cached sessions stay valid after the watch on the
	// store was lost. After that, each request reads the store, and is refused
	// if the store fails.
	staleAfter = 30 * time.Second
)

// A cacheKey is the SHA-256 of a cookie's value. So the memory of the process
// contains no usable cookie.
type cacheKey = [sha256.Size]byte

// keyOf returns the key of a cookie's value.
func keyOf(cookie string) cacheKey { return sha256.Sum256([]byte(cookie)) }

// A cache has copies of sessions from the store, until they end.
type cache struct {
	now        func() time.Time
	ended      atomic.Uint64
	watchLost  atomic.Int64 // when the watch was lost, in Unix nanoseconds; 0 while the store is watched
	tombstones tombstones
	entries    int   // the maximum of each shard
	bytes      int64 // the maximum of each shard
	// shards are made with their first sessions, so that gates without sessions
	// take no time in a reload.
	shards [cacheShards]atomic.Pointer[shard]

	// notesEnds says that all expired sessions are kept until takeExpired.
	// Otherwise only those are kept that rest on a record with others.
	notesEnds bool
	expiredMu sync.Mutex
	expired   []*Session
}

// A shard finds its sessions by the hash of their cookie, and by the name of
// their record.
type shard struct {
	// entries and bytes are the maximum of the shard. When it is full, it drops
	// all of its sessions, which are then read from the store again.
	entries  int
	bytes    int64
	mu       sync.Mutex // held by additions, not by reads
	byCookie *gocache.Cache
	byName   *gocache.Cache
	held     atomic.Int64 // bytes
}

func newCache(now func() time.Time, entries int, bytes int64) *cache {
	c := &cache{now: now, entries: max(1, entries/cacheShards), bytes: bytes / cacheShards}
	c.loseWatch()
	return c
}

func (c *cache) newShard() *shard {
	s := &shard{
		entries: c.entries, bytes: c.bytes,
		byCookie: gocache.New(gocache.NoExpiration, 0), byName: gocache.New(gocache.NoExpiration, 0),
	}
	s.byCookie.OnEvicted(func(_ string, v any) {
		if gone, ok := v.(*Session); ok {
			s.held.Add(-gone.weight)
			c.note(gone)
		}
	})
	return s
}

// shard returns a shard for a new session.
func (c *cache) shard(i int) *shard {
	if c.shards[i].Load() == nil {
		c.shards[i].CompareAndSwap(nil, c.newShard())
	}
	return c.shards[i].Load()
}

// made yields the shards that exist.
func (c *cache) made() iter.Seq[*shard] {
	return func(yield func(*shard) bool) {
		for i := range c.shards {
			if s := c.shards[i].Load(); s != nil && !yield(s) {
				return
			}
		}
	}
}

// note keeps a session that leaves the cache because it has expired.
func (c *cache) note(s *Session) {
	if !c.notesEnds && !s.rests || c.now().Before(s.Until) || c.tombstones.any(s.ends) {
		return
	}
	c.expiredMu.Lock()
	defer c.expiredMu.Unlock()
	c.expired = append(c.expired, s)
}

// takeExpired returns the sessions that have expired in the cache since the
// last call, without those that were revoked before.
func (c *cache) takeExpired() (all []*Session) {
	c.expiredMu.Lock()
	defer c.expiredMu.Unlock()
	all, c.expired = c.expired, nil
	return all
}

// get returns the session of a cookie's hash.
func (c *cache) get(key cacheKey) (s *Session, found bool) {
	from := c.shards[key[0]%cacheShards].Load()
	if from == nil {
		return nil, false
	}
	cached, ok := from.byCookie.Get(string(key[:]))
	if !ok {
		return nil, false
	}
	s, ok = cached.(*Session)
	if !ok || c.tombstones.any(s.ends) || c.stale() {
		return nil, false
	}
	return s, true
}

// stale reports whether the watch has been lost for so long that cached
// sessions cannot be trusted. If the clock was set back meanwhile, that is not
// known, and it counts as too long.
func (c *cache) stale() bool {
	since := c.watchLost.Load()
	if since == 0 {
		return false
	}
	lost := c.now().UnixNano() - since
	return lost > int64(staleAfter) || lost < 0
}

// loseWatch notes that revocations may be missed from now on.
func (c *cache) loseWatch() { c.watchLost.CompareAndSwap(0, c.now().UnixNano()) }

// revoked handles a name that the store has announced. Any announcement shows
// that the watch works, even that of the empty name.
func (c *cache) revoked(name string) {
	c.drop(name)
	c.watchLost.Store(0)
}

// epoch counts revocations. A caller takes it before it reads the store, and
// passes it to put.
func (c *cache) epoch() uint64 { return c.ended.Load() }

// put caches a session that was read at an epoch. If any name was revoked
// meanwhile, it may be the name of this session. Then the session is not
// cached, and the next request reads the store again.
func (c *cache) put(key cacheKey, s *Session, since uint64) {
	left := s.Until.Sub(c.now())
	if left <= 0 { // go-cache treats zero as no expiry
		return
	}
	c.shard(int(key[0]%cacheShards)).add(key, s, left)
	c.shard(shardOf(s.name, cacheShards)).name(s.name, key, left)
	if c.epoch() != since {
		c.forget(s.name)
	}
}

func (s *shard) add(key cacheKey, session *Session, left time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byCookie.Delete(string(key[:])) // this also subtracts the size of a session with this key
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

// drop drops the session of a revoked record, or all sessions that share a
// revoked tombstone. The empty name drops everything.
func (c *cache) drop(name string) {
	c.ended.Add(1)
	switch {
	case name == "":
		c.flush()
	case seal.IsTombstone(name):
		if !c.tombstones.add(name) {
			c.flush()
		}
	default:
		c.forget(name)
	}
}

func (c *cache) forget(name string) {
	named := c.shards[shardOf(name, cacheShards)].Load()
	if named == nil {
		return
	}
	found, ok := named.byName.Get(name)
	if !ok {
		return
	}
	named.byName.Delete(name)
	if key, ok := found.(cacheKey); ok {
		c.shards[key[0]%cacheShards].Load().byCookie.Delete(string(key[:])) // put makes this shard before it adds the name
	}
}

func (c *cache) flush() {
	c.tombstones.clear()
	for s := range c.made() {
		s.mu.Lock()
		s.flush()
		s.byName.Flush()
		s.mu.Unlock()
	}
}

// shardOf spreads names of records over shards by their last digits.
func shardOf(name string, shards int) int {
	n := 0
	for _, b := range []byte(name[max(0, len(name)-2):]) {
		n = n*16 + int(b)
	}
	return n % shards
}

// sweep forgets expired sessions, one shard at a time.
func (c *cache) sweep() {
	for s := range c.made() {
		s.byCookie.DeleteExpired()
		s.byName.DeleteExpired()
	}
}

// all yields the cached sessions that are valid.
func (c *cache) all() func(yield func(*Session) bool) {
	return func(yield func(*Session) bool) {
		for shard := range c.made() {
			for _, item := range shard.byCookie.Items() {
				s, ok := item.Object.(*Session)
				if !ok || !c.now().Before(s.Until) || c.tombstones.any(s.ends) || c.stale() {
					continue
				}
				if !yield(s) {
					return
				}
			}
		}
	}
}

// count returns how many sessions are cached.
func (c *cache) count() (n int) {
	for s := range c.made() {
		n += s.byCookie.ItemCount()
	}
	return n
}

// Forget drops everything that the process has cached: sessions and misses are
// then read from the store again.
func (r *Registry) Forget() {
	r.cache.flush()
	r.misses.kept.Clear()
}

// CacheLen returns how many sessions are cached.
func (r *Registry) CacheLen() int { return r.cache.count() }

// Watched reports whether the store is watched, so that it will announce
// revocations.
func (r *Registry) Watched() bool { return r.cache.watchLost.Load() == 0 }

// Hold caches the session of a record without storing it, for benchmarks.
func (r *Registry) Hold(browser seal.Secret, rec Record, host string) {
	box := r.Key.Box(seal.KindSession, r.Realm(host), browser)
	r.hold(browser.Cookie(), stored{rec: &rec, box: box}, host, r.cache.epoch())
}

const (
	// missFor is how long a cookie without a session is not looked up again,
	// and maxMisses how many such cookies are remembered.
	missFor   = time.Second
	maxMisses = 10_000
)

// misses remembers for a moment which cookies have no session. So a page with
// many pictures, loaded with the cookie of an ended session, reads the store
// once. A browser gets its cookie after the session is stored, so a miss hides
// no session. If a replica of the store lags, a miss can hide one, for missFor
// at most.
type misses struct {
	kept *bounded.Cache[string, bool] // whether the store has no record at all
}

func newMisses(now func() time.Time) *misses {
	return &misses{bounded.New(bounded.Options[string, bool]{Entries: maxMisses, Now: now})}
}

func (m *misses) has(lookup string) bool {
	_, found := m.kept.Get(lookup)
	return found
}

// absent reports whether the store had no record a moment ago, not even an expired one.
func (m *misses) absent(lookup string) bool {
	absent, _ := m.kept.Get(lookup)
	return absent
}

// add remembers a miss.
func (m *misses) add(lookup string, absent bool) { m.kept.Put(lookup, absent, missFor) }

func (m *misses) sweep() { m.kept.Sweep() }
