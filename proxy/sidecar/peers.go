package sidecar

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
)

// A Peer is a proxy that may ask the sidecar, or several proxies in one
// network.
type Peer struct {
	// Network is the address from which the proxy connects, such as
	// 10.0.0.2/32. Every program at this address counts as the proxy: the
	// sidecar trusts its description of a request.
	Network netip.Prefix
	// Dialect is the peer's way to describe requests.
	Dialect Dialect
}

// ParsePeer reads the network and the dialect of a peer. A network of one address
// may be written without its length.
func ParsePeer(network, dialect string) (Peer, error) {
	p := Peer{Dialect: Dialect(dialect)}
	prefix, err := netip.ParsePrefix(network)
	if err != nil {
		addr, err := netip.ParseAddr(network)
		if err != nil || addr.Zone() != "" {
			return p, fmt.Errorf("%q is not the address of a proxy or of a network; write for example 10.0.0.2 or 10.0.0.0/24", network)
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	p.Network = prefix
	return p, p.check()
}

func (p Peer) check() error {
	_, known := dialects[p.Dialect]
	switch {
	case !p.Network.IsValid():
		return errors.New("a peer has no network; write for example 10.0.0.2/32")
	case p.Network.Masked() != p.Network:
		return fmt.Errorf("%s has bits beyond its length; write %s, or the address without a length", p.Network, p.Network.Masked())
	case !known:
		return fmt.Errorf("%q is not a kind of proxy; write one of %s", p.Dialect, Dialects())
	}
	return nil
}

// checkPeers returns the mistakes in peers.
func checkPeers(from []Peer) (errs []error) {
	for i, p := range from {
		if err := p.check(); err != nil {
			errs = append(errs, fmt.Errorf("from: %w", err))
		}
		if slices.ContainsFunc(from[:i], func(other Peer) bool { return other.Network == p.Network }) {
			errs = append(errs, fmt.Errorf("from: %s is given twice; a proxy has one dialect, keep one of them", p.Network))
		}
	}
	return errs
}

// peers are the proxies that may ask, the smallest network first.
type peers []peer

type peer struct {
	network netip.Prefix
	dialect *dialect
}

func newPeers(from []Peer) (all peers) {
	for _, p := range from {
		all = append(all, peer{unmapped(p.Network), dialects[p.Dialect]})
	}
	slices.SortStableFunc(all, func(a, b peer) int { return b.network.Bits() - a.network.Bits() })
	return all
}

// unmapped returns the IPv4 network of a network in the IPv6 form of IPv4
// addresses. Other networks stay as they are.
func unmapped(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

// dialect returns the dialect of the peer that a request comes from, or nil if
// it is not listed. Only the address of the connection counts, never a header.
func (all peers) dialect(r *http.Request) *dialect {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return nil
	}
	addr := from.Addr().Unmap().WithZone("")
	for _, p := range all {
		if p.network.Contains(addr) {
			return p.dialect
		}
	}
	return nil
}
