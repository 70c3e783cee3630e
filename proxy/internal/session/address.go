package session

import (
	"net/netip"
	"sync/atomic"
)

// addresses are where the requests of a session come from. authentik can bind
// its session to a network: it is told the visitor's address at each recheck, and
// ends its session if that has changed too much.
type addresses struct {
	told     netip.Addr                 // to authentik last
	seenTold atomic.Bool                // a request has come from there since
	last     atomic.Pointer[netip.Addr] // of the last request; nil for told
}

// SeenFrom notes where a request of the session has come from.
func (s *Session) SeenFrom(addr netip.Addr) {
	a := &s.from
	if addr == a.told {
		if !a.seenTold.Load() {
			a.seenTold.Store(true)
		}
		if a.last.Load() != nil {
			a.last.Store(nil)
		}
		return
	}
	if last := a.last.Load(); last == nil || *last != addr {
		moved := addr
		a.last.Store(&moved)
	}
}

// present returns the address that authentik is to be told: that of the last
// request. A browser with IPv4 and IPv6 uses both at once, now one and now the
// other: while requests still come from the address that was told before, one of
// the other family is no change.
func (s *Session) present() netip.Addr {
	a := &s.from
	last := a.last.Load()
	if last == nil || !last.IsValid() || a.seenTold.Load() && last.Unmap().Is4() != a.told.Unmap().Is4() {
		return a.told
	}
	return *last
}
