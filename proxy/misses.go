package proxy

import (
	"time"

	gocache "github.com/patrickmn/go-cache"
)

const (
	// missKept is how long a cookie that opens nothing is not looked up again, and
	// missBound how many of them are remembered.
	missKept  = time.Second
	missBound = 10_000
)

// misses remember for a moment which cookies open nothing: a page with many pictures,
// loaded with the cookie of a session that has ended, asks the store once. Nobody has the cookie of a
// session before there is one, so none that is remembered here can come to open one,
// but for a store whose copies lag behind one another, and then for missKept.
type misses struct{ kept *gocache.Cache }

func newMisses() *misses { return &misses{gocache.New(missKept, 0)} }

func (m *misses) has(lookup string) bool {
	_, found := m.kept.Get(lookup)
	return found
}

// add remembers a miss. Where there are too many the oldest are as good as the
// newest: all are forgotten.
func (m *misses) add(lookup string) {
	if m.kept.ItemCount() >= missBound {
		m.kept.Flush()
	}
	m.kept.SetDefault(lookup, nil)
}

func (m *misses) sweep() { m.kept.DeleteExpired() }
