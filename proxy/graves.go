package proxy

import (
	"sync"
	"sync/atomic"
)

// maxGraves bounds how many ends are remembered one by one.
const maxGraves = 100_000

// graves are the shared ends that have been heard of since everything was last
// forgotten. A session that was read before has to be held against them; one that
// is read later was held against the store's own.
type graves struct {
	dug   atomic.Int64 // how many there are: mostly none, and then nobody need look
	mu    sync.RWMutex
	names map[string]struct{}
}

// add digs a grave, and reports whether there was room.
func (g *graves) add(name string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.names) >= maxGraves {
		return false
	}
	if g.names == nil {
		g.names = map[string]struct{}{}
	}
	g.names[name] = struct{}{}
	g.dug.Store(int64(len(g.names)))
	return true
}

// hold reports whether any of a session's ends has come.
func (g *graves) hold(ends []string) bool {
	if g.dug.Load() == 0 {
		return false
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	for _, end := range ends {
		if _, over := g.names[end]; over {
			return true
		}
	}
	return false
}

// level takes all graves away, once nothing is remembered that they could hold.
func (g *graves) level() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.names)
	g.dug.Store(0)
}
