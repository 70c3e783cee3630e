package throttle

import (
	"testing"
	"time"
)

func TestCounter_IsBoundedAndDropsTheOldest(t *testing.T) {
	t.Parallel()
	c, now := newCounter(accountFree), time.Now()
	var key Key
	for i := range 4 * maxCounts {
		key = Key{byte(i), byte(i >> 8), byte(i >> 16)}
		c.begin(now, []Key{key})
		c.fail(now, key)
		c.end([]Key{key})
	}
	if n, m := len(c.byKey), c.order.Len(); n != maxCounts || m != n {
		t.Errorf("map and list: got %d and %d, want %d each", n, m, maxCounts)
	}
	if c.find(now, key) == nil || c.find(now, Key{}) != nil {
		t.Error("got another key dropped, want the oldest")
	}
}

func TestCounter_KeyThatGoesOnFailingStays(t *testing.T) {
	t.Parallel()
	c, now, victim := newCounter(accountFree), time.Now(), Key{0xff, 0xff, 0xff}
	for i := range 3 * maxCounts {
		if i%1000 == 0 {
			c.fail(now, victim)
		}
		c.fail(now, Key{byte(i), byte(i >> 8), byte(i >> 16)})
	}
	if n := c.find(now, victim); n == nil || n.failures < 100 {
		t.Errorf("count of an account that failed all along: got %v, want its failures", n)
	}
}
