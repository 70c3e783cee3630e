package session

import (
	"time"

	bounded "github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
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
type misses struct {
	kept *bounded.Cache[string, struct{}]
}

func newMisses(now func() time.Time) *misses {
	return &misses{bounded.New(bounded.Options[string, struct{}]{Entries: maxMisses, Now: now})}
}

func (m *misses) has(lookup string) bool {
	_, found := m.kept.Get(lookup)
	return found
}

// add remembers a miss.
func (m *misses) add(lookup string) { m.kept.Put(lookup, struct{}{}, missFor) }

func (m *misses) sweep() { m.kept.Sweep() }
