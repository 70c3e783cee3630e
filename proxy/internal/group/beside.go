package group

import (
	"iter"
	"net/http"
	"slices"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/relay"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signout"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// beside reports whether another gate may guard the same host.
func (m *Member) beside(other *Member) bool {
	return other != m && rules.HostsOverlap(m.Hosts, other.Hosts)
}

// Shares reports whether another gate guards the same hosts. Most gates have no
// such neighbour, and skip all other checks.
func (m *Member) Shares() bool { return m.Shared.Identity.Shared.Load() }

// at returns the other gates of a host.
func (m *Member) at(host string) iter.Seq[*Member] {
	return func(yield func(*Member) bool) {
		if !m.Shares() {
			return
		}
		for _, other := range m.group.all() {
			if other != m && other.serves(host) && !yield(other) {
				return
			}
		}
	}
}

// Strip removes the headers from a request that other gates of its host set.
// The application behind them may be the same, and trusts these headers on
// every path. HandOn sets those again that an earlier gate of this request has
// set.
func (m *Member) Strip(r *http.Request, host string) {
	for other := range m.at(host) {
		if other.OwnHeaders != nil {
			other.OwnHeaders.Strip(r)
		}
	}
}

// named returns the gate of a name among the gates of a host. It may be this
// gate.
func (m *Member) named(id, host string) (*Member, bool) {
	if id == m.Shared.Identity.ID {
		return m, true
	}
	for other := range m.at(host) {
		if other.Shared.Identity.ID == id {
			return other, true
		}
	}
	return nil, false
}

// Owner returns the gate whose own address a request asks for, if it is one.
func (m *Member) Owner(x *exchange.Exchange) (*Member, bool) {
	if exchange.Owns(m.Shared.Prefix, x.At.Asked.Path) {
		return m, true
	}
	for other := range m.at(x.At.Host) {
		if exchange.Owns(other.Shared.Prefix, x.At.Asked.Path) {
			return other, true
		}
	}
	return nil, false
}

// Asker returns the gate that a request at the gates' own addresses is meant
// for: the gate that the request names, or the gate that has the requested
// resource.
func (m *Member) Asker(x *exchange.Exchange) *Member {
	if !m.Shares() {
		return m
	}
	if by, ok := m.named(exchange.GateIn(x.At.Asked.Query()), x.At.Host); ok && exchange.Owns(by.Shared.Prefix, x.At.Asked.Path) {
		return by
	}
	by, ok := m.Owner(x)
	if !ok {
		return m
	}
	below := x.At.Asked.Path[len(by.Shared.Prefix):]
	if by.Addresses.Has(below, x) {
		return by
	}
	for other := range by.at(x.At.Host) {
		if other.Shared.Prefix == by.Shared.Prefix && other.Addresses.Has(below, x) {
			return other
		}
	}
	return by
}

// HandOver is Asker for a request that has a sealed visit in its body.
func (m *Member) HandOver(x *exchange.Exchange, id string) (*signin.Handler, *exchange.Exchange) {
	if by, ok := m.named(id, x.At.Host); ok {
		if there := by.Received(x); !there.Misdirected() {
			return by.SignIn, there
		}
	}
	return m.SignIn, x
}

// SignOuts returns the sign-outs of all gates on a request's host, this gate's
// first. Each has its own exchange for the request.
func (m *Member) SignOuts(x *exchange.Exchange) []signout.Place {
	all := []signout.Place{{Handler: m.SignOut, Exchange: x}}
	for other := range m.at(x.At.Host) {
		all = append(all, signout.Place{Handler: other.SignOut, Exchange: other.Received(x)})
	}
	return all
}

// Relayed returns the relay of another gate on this host whose sign-in a
// request of authentik's interface belongs to.
func (m *Member) Relayed(x *exchange.Exchange) (by *Member, target relay.Target, ok bool) {
	for other := range m.at(x.At.Host) {
		if other.Relay == nil {
			continue
		}
		there := other.Received(x)
		if target, ok := other.Relay.Target(there); ok && !there.Misdirected() {
			return other, target, true
		}
	}
	return nil, relay.Target{}, false
}

// LeftOver returns the gate whose relay a request of authentik's interface
// belongs to, after that relay's visit has ended.
func (m *Member) LeftOver(r *http.Request, at exchange.Resolved) (*Member, bool) {
	if !relay.Marked(r) {
		return nil, false
	}
	if m.Relay != nil && m.Relay.LeftOver(r, at) {
		return m, true
	}
	for other := range m.at(at.Host) {
		if other.Relay != nil && other.Relay.LeftOver(r, at) {
			return other, true
		}
	}
	return nil, false
}

// serves reports whether a host is one of the site's.
func (m *Member) serves(host string) bool {
	return len(m.Hosts) == 0 || slices.ContainsFunc(m.Hosts, func(pattern string) bool { return rules.HostMatches(pattern, host) })
}
