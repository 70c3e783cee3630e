package throttle

import (
	"container/list"
	"time"
)

// A counter counts failures by key. When there are too many keys, it drops the
// key whose last failure was longest ago: a key that keeps failing stays.
type counter struct {
	free  int
	byKey map[Key]*list.Element // of *count
	order *list.List            // in the order of their last failures
}

// A count has the failures and pending attempts of one key.
type count struct {
	key      Key
	failures int
	pending  int           // attempts that have not ended
	ended    chan struct{} // closed when the next of them ends
	last     time.Time     // when the last failure was
}

func newCounter(free int) counter {
	return counter{free: free, byKey: map[Key]*list.Element{}, order: list.New()}
}

// find returns the present count of a key, or nil if the key has none.
func (c counter) find(now time.Time, key Key) *count {
	element, ok := c.byKey[key]
	if !ok {
		return nil
	}
	n, _ := element.Value.(*count)
	switch age := now.Sub(n.last); {
	case age < 0: // the clock was set back: the pause begins again
		n.last = now
	case age >= countLifetime:
		n.failures = 0
	}
	return n
}

// pause returns the longest time that one of the keys has to wait.
func (c counter) pause(now time.Time, keys []Key) (longest time.Duration) {
	for _, key := range keys {
		if n := c.find(now, key); n != nil {
			longest = max(longest, pauseAfter(n.failures-c.free)-now.Sub(n.last))
		}
	}
	return longest
}

// pauseAfter returns the pause after a number of failures above the free ones.
func pauseAfter(failures int) time.Duration {
	if failures <= 0 {
		return 0
	}
	pause := firstPause
	for range min(failures-1, 16) {
		pause = min(2*pause, longestPause)
	}
	return pause
}

// full returns a count whose pending attempts would use up the free failures if
// all of them failed.
func (c counter) full(now time.Time, keys []Key) *count {
	for _, key := range keys {
		if n := c.find(now, key); n != nil && n.pending > 0 && n.failures+n.pending >= c.free {
			return n
		}
	}
	return nil
}

// begin notes that an attempt is pending.
func (c counter) begin(now time.Time, keys []Key) {
	for _, key := range keys {
		c.count(now, key).pending++
	}
}

func (c counter) fail(now time.Time, key Key) {
	n := c.count(now, key)
	n.failures++
	n.last = now
	c.order.MoveToBack(c.byKey[key])
}

// failures returns the number of failures of a key.
func (c counter) failures(now time.Time, key Key) int {
	if n := c.find(now, key); n != nil {
		return n.failures
	}
	return 0
}

// forgive removes some failures of a key.
func (c counter) forgive(now time.Time, key Key, failures int) {
	n := c.find(now, key)
	if n == nil {
		return
	}
	if n.failures = max(n.failures-failures, 0); n.failures == 0 && n.pending == 0 {
		c.forget(key)
	}
}

// end notes that an attempt is no longer pending. A key without failures is
// dropped with its last attempt.
func (c counter) end(keys []Key) {
	for _, key := range keys {
		element, ok := c.byKey[key]
		if !ok {
			continue
		}
		n, _ := element.Value.(*count)
		close(n.ended)
		n.ended = make(chan struct{})
		if n.pending = max(n.pending-1, 0); n.pending == 0 && n.failures == 0 {
			c.forget(key)
		}
	}
}

// count returns the count of a key, which may be a new one.
func (c counter) count(now time.Time, key Key) *count {
	if n := c.find(now, key); n != nil {
		return n
	}
	if len(c.byKey) >= maxCounts {
		if oldest, _ := c.order.Front().Value.(*count); oldest != nil {
			c.forget(oldest.key)
		}
	}
	n := &count{key: key, last: now, ended: make(chan struct{})}
	c.byKey[key] = c.order.PushBack(n)
	return n
}

// forget drops a count. Callers that wait for one of its attempts check again.
func (c counter) forget(key Key) {
	element, ok := c.byKey[key]
	if !ok {
		return
	}
	n, _ := element.Value.(*count)
	close(n.ended)
	c.order.Remove(element)
	delete(c.byKey, key)
}

// sweep drops expired counts, beginning with the oldest.
func (c counter) sweep(now time.Time) {
	for element := c.order.Front(); element != nil; element = c.order.Front() {
		n, _ := element.Value.(*count)
		if c.find(now, n.key); n.failures > 0 || n.pending > 0 {
			return
		}
		c.forget(n.key)
	}
}
