package session

import (
	"sync"
	"sync/atomic"
)

// maxTombstones is how many revocations are remembered separately.
const maxTombstones = 100_000

// tombstones are the shared revocations that were announced since the cache was
// last cleared. A session that was read before its tombstone was announced is
// checked against them. A session that is read later is checked against the
// store.
type tombstones struct {
	count atomic.Int64 // the number of names; if it is zero, as it mostly is, no lock is taken
	mu    sync.RWMutex
	names map[string]struct{}
}

// add remembers a tombstone. It returns false if there was no room.
func (t *tombstones) add(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.names) >= maxTombstones {
		return false
	}
	if t.names == nil {
		t.names = map[string]struct{}{}
	}
	t.names[name] = struct{}{}
	t.count.Store(int64(len(t.names)))
	return true
}

// any reports whether one of the names has a tombstone.
func (t *tombstones) any(names []string) bool {
	if t.count.Load() == 0 {
		return false
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, name := range names {
		if _, revoked := t.names[name]; revoked {
			return true
		}
	}
	return false
}

// clear forgets all tombstones, once no cached session could need them.
func (t *tombstones) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.names)
	t.count.Store(0)
}
