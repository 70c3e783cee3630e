package session

import (
	"time"

	gocache "github.com/patrickmn/go-cache"
)

const (
	// missFor is how long a cookie that opens nothing is not looked up again, and
	// maxMisses how many of them are remembered.
	missFor   = time.Second
	maxMisses = 10_000
)

// misses caches for a moment which cookies open nothing: a page with many
// pictures, loaded with the cookie of an ended session, reads the store once. A
// browser gets its cookie after the session is stored, so a cached miss hides no
// session, except if a replica of the store lags, and then for missFor.
type misses struct{ kept *gocache.Cache }

func newMisses() *misses { return &misses{gocache.New(missFor, 0)} }

func (m *misses) has(lookup string) bool {
	_, found := m.kept.Get(lookup)
	return found
}

// add remembers a miss. When there are too many, all are forgotten.
func (m *misses) add(lookup string) {
	if m.kept.ItemCount() >= maxMisses {
		m.kept.Flush()
	}
	m.kept.SetDefault(lookup, nil)
}

func (m *misses) sweep() { m.kept.DeleteExpired() }
