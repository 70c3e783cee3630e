package exchange

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// A Family is the gates of one process. It knows the cookies of all its
// members, so that no application gets any of them, and the longest lifetime of
// their sessions. It is safe for concurrent use; the zero Family has no
// members.
type Family struct {
	mu      sync.Mutex
	members map[member]int                  // the number of equal members
	names   atomic.Pointer[map[string]bool] // configured names of session cookies
	longest atomic.Int64                    // the longest lifetime
	// Streams are the running requests of all members, and of gates that have left.
	Streams session.Streams
}

// A member is what a family knows about a gate.
type member struct {
	name     string
	lifetime time.Duration
}

// Join adds a gate, with the name of its session cookie (without prefix and
// mark) and the longest lifetime of its sessions. leave removes the gate, and is
// called once.
func (f *Family) Join(name string, lifetime time.Duration) (leave func()) {
	m := member{name, lifetime}
	f.count(m, 1)
	return func() { f.count(m, -1) }
}

// count changes the number of gates that are equal to m.
func (f *Family) count(m member, more int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.members == nil {
		f.members = map[member]int{}
	}
	before := f.members[m]
	f.members[m] = before + more
	if before > 0 && before+more > 0 {
		return
	}
	if before+more == 0 {
		delete(f.members, m)
	}
	names, longest := map[string]bool{}, time.Duration(0)
	for m := range f.members {
		names[m.name] = true
		longest = max(longest, m.lifetime)
	}
	f.names.Store(&names)
	f.longest.Store(int64(longest))
}

// Longest returns the longest lifetime of a member's sessions, and at least
// atLeast.
func (f *Family) Longest(atLeast time.Duration) time.Duration {
	if f == nil {
		return atLeast
	}
	return max(atLeast, time.Duration(f.longest.Load()))
}

// knows reports whether a cookie is a session cookie of a member. Its name is
// given without prefix. An application may use the same name, so the value must
// have the form of a gate's secret.
func (f *Family) knows(base, value string) bool {
	if f == nil {
		return false
	}
	names := f.names.Load()
	if names == nil {
		return false
	}
	if !(*names)[base] && !(*names)[withoutMark(base)] {
		return false
	}
	_, secret := seal.ParseSecret(value)
	return secret
}
