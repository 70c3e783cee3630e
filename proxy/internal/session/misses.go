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

// misses remember for a moment which cookies open nothing: a page with many
// pictures, loaded with the cookie of an ended session, asks the store once. No
// browser has a cookie before its session is stored, so a remembered miss never
// hides a session, except where a store's replicas lag, and then for missFor.
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
