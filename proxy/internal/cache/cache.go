// Package cache is a bounded cache whose values have a lifetime. It fetches a
// missing value once for all callers that ask for it at the same time.
//
// It has no goroutine: an expired value is dropped when it is asked for, when
// the cache is full, or by Sweep. A cache that is no longer referenced is
// garbage, with everything in it.
//
// It is not the cache of sessions, which depends on the session store and is
// larger by orders of magnitude.
package cache

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// Options bound a cache. With the zero value it keeps nothing, and only makes
// concurrent callers share a fetch.
type Options[K comparable, V any] struct {
	// Entries is the maximum number of values. Default: none.
	Entries int
	// Bytes is the maximum weight of all values together. Default: no limit.
	Bytes int64
	// Weight returns the weight of one value. It is required with Bytes.
	Weight func(K, V) int64
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Go runs a fetch in a goroutine, with the context of the cache's owner. It
	// returns false if the owner has closed. Default: a goroutine whose context
	// never ends.
	Go func(work func(context.Context)) bool
}

// A Cache keeps values by key. When it is full, it drops the least recently
// used value. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	options Options[K, V]

	mu     sync.Mutex
	kept   map[K]*list.Element // of *entry[K, V]; nil until the first value is kept
	recent list.List           // the most recently used first
	weight int64
	calls  map[K]*call[V] // nil until the first fetch
}

// An entry is one kept value.
type entry[K comparable, V any] struct {
	key              K
	value            V
	weight           int64
	created, expires time.Time
}

// New makes an empty cache. It uses hardly any memory until the first value: a
// gate has some twenty caches, and a reload makes a gate for each site.
func New[K comparable, V any](o Options[K, V]) *Cache[K, V] {
	if o.Weight == nil {
		o.Weight = func(K, V) int64 { return 0 }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Go == nil {
		o.Go = unowned
	}
	return &Cache[K, V]{options: o}
}

// OwnedBy sets the owner that runs fetches (see Options.Go), and returns the
// cache. It must be called before the cache is used.
func (c *Cache[K, V]) OwnedBy(run func(work func(context.Context)) bool) *Cache[K, V] {
	if run != nil {
		c.options.Go = run
	}
	return c
}

func unowned(work func(context.Context)) bool {
	go work(context.Background())
	return true
}

// Get returns the value of a key. found is false if the key has no value, or an
// expired one.
func (c *Cache[K, V]) Get(key K) (value V, found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.get(key)
}

// Put keeps a value for a lifetime, replacing the key's earlier value. If the
// lifetime is not positive, or the value is too large for the cache, the key
// has no value afterwards. The result of a running fetch of the key is not
// kept.
func (c *Cache[K, V]) Put(key K, value V, lifetime time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.calls, key)
	c.put(key, value, lifetime)
}

// Add keeps a value for a lifetime if the key has none, and reports whether it
// did. Of several concurrent callers one adds its value. A running fetch of the
// key goes on, and its result replaces the value.
func (c *Cache[K, V]) Add(key K, value V, lifetime time.Duration) (added bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, found := c.get(key); found {
		return false
	}
	c.put(key, value, lifetime)
	_, added = c.kept[key]
	return added
}

// Delete drops the value of a key. The result of a running fetch of the key
// goes to the callers that wait for it, but is not kept.
func (c *Cache[K, V]) Delete(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.calls, key)
	c.remove(c.kept[key])
}

// DeleteIf drops the value of a key if drop returns true for it. It does not
// affect a running fetch.
func (c *Cache[K, V]) DeleteIf(key K, drop func(V) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if value, found := c.get(key); found && drop(value) {
		c.remove(c.kept[key])
	}
}

// DeleteWhere drops the values for which drop returns true. It does not affect
// running fetches.
func (c *Cache[K, V]) DeleteWhere(drop func(K, V) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, element := range c.kept {
		if drop(key, in[K, V](element).value) {
			c.remove(element)
		}
	}
}

// Clear drops all values, as Delete does.
func (c *Cache[K, V]) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.calls)
	clear(c.kept)
	c.recent.Init()
	c.weight = 0
}

// Sweep drops the values that have expired.
func (c *Cache[K, V]) Sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.options.Now()
	for _, element := range c.kept {
		if !in[K, V](element).fresh(now) {
			c.remove(element)
		}
	}
}

// Len returns how many values are kept, expired ones included.
func (c *Cache[K, V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.kept)
}

func (c *Cache[K, V]) get(key K) (value V, found bool) {
	element, ok := c.kept[key]
	if !ok {
		return value, false
	}
	e := in[K, V](element)
	if !e.fresh(c.options.Now()) {
		c.remove(element)
		return value, false
	}
	c.recent.MoveToFront(element)
	return e.value, true
}

func (c *Cache[K, V]) put(key K, value V, lifetime time.Duration) {
	c.remove(c.kept[key])
	weight := c.options.Weight(key, value)
	if lifetime <= 0 || c.options.Bytes > 0 && weight > c.options.Bytes {
		return
	}
	if c.kept == nil {
		c.kept = map[K]*list.Element{}
	}
	now := c.options.Now()
	c.kept[key] = c.recent.PushFront(&entry[K, V]{key, value, weight, now, now.Add(lifetime)})
	c.weight += weight
	for c.overfull() {
		c.remove(c.recent.Back())
	}
}

func (c *Cache[K, V]) overfull() bool {
	return len(c.kept) > c.options.Entries || c.options.Bytes > 0 && c.weight > c.options.Bytes
}

// remove drops an entry. It does nothing if the entry is nil.
func (c *Cache[K, V]) remove(element *list.Element) {
	if element == nil {
		return
	}
	e := in[K, V](element)
	c.recent.Remove(element)
	delete(c.kept, e.key)
	c.weight -= e.weight
}

// in returns the entry of a list element: the list has no other elements.
func in[K comparable, V any](element *list.Element) *entry[K, V] {
	e, _ := element.Value.(*entry[K, V])
	return e
}

// fresh reports whether the value is within its lifetime. If the clock was set
// back to a time before the value was made, its age is unknown and it counts as
// expired.
func (e *entry[K, V]) fresh(now time.Time) bool {
	return !now.Before(e.created) && now.Before(e.expires)
}
