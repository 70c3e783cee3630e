package session

import (
	"net/netip"
	"sync/atomic"
)

// addresses are the client addresses of a session's requests. authentik can bind
// its session to a network: each recheck sends it the visitor's address, and it
// ends its session if the address has changed too much.
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

// present returns the address to send to authentik: that of the last request. A
// browser with IPv4 and IPv6 alternates between the two: while requests still come
// from the address that was sent last, one of the other family is not a change.
func (s *Session) present() netip.Addr {
	a := &s.from
	last := a.last.Load()
	if last == nil || !last.IsValid() || a.seenTold.Load() && last.Unmap().Is4() != a.told.Unmap().Is4() {
		return a.told
	}
	return *last
}
