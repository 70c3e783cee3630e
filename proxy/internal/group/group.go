// Package group knows which gates of one server guard the same hosts, and which
// of them a request is for.
//
//   - group.go: the gates of a server, and what each knows about the others
//   - beside.go: which gate a request is for
//   - earlier.go: what a gate leaves for the next gates of a request
//   - keys.go: the public keys of all gates of a host
package group

import (
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/addresses"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/assertion"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/headers"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/relay"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signout"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// A Group is the gates of one server. The zero Group has no members. It is safe
// for concurrent use.
type Group struct {
	mu      sync.Mutex
	byName  map[string]map[*Member]bool // the members by the keys of their hosts
	members []*Member
	// snapshot is a copy of members for requests. It is nil after a change
	// until it is needed: a reload makes a change for every gate.
	snapshot atomic.Pointer[[]*Member]
}

// A Member is what the other gates know about a gate: above all its handlers,
// to which they hand requests over. It must not change after Join.
type Member struct {
	Shared     *exchange.Shared
	Hosts      []string // the names of the site; none: any host
	Resolve    func(*http.Request) exchange.Resolved
	Addresses  *addresses.Addresses
	SignIn     *signin.Handler
	SignOut    *signout.Handler
	Relay      *relay.Handler    // nil without login relay
	Assertions *assertion.Signer // nil if the application gets no assertion
	Repeats    bool              // one request may meet the gate more than once
	OwnHeaders *headers.Headers  // those that this gate sets and others may not; may be nil

	group *Group
	// others is the number of other members on the same host. The group's mu
	// guards it.
	others int
}

// NewMember returns a gate that does not belong to the group yet. It can
// already see the group's members.
func (p *Group) NewMember() *Member { return &Member{group: p} }

// Join adds a gate to its group. leave removes it, and is called once.
func (m *Member) Join() (leave func()) {
	m.group.add(m)
	return func() { m.group.remove(m) }
}

func (p *Group) add(m *Member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	beside := p.beside(m)
	if p.byName == nil {
		p.byName = map[string]map[*Member]bool{}
	}
	for _, key := range m.keys() {
		if p.byName[key] == nil {
			p.byName[key] = map[*Member]bool{}
		}
		p.byName[key][m] = true
	}
	p.members = append(p.members, m)
	p.snapshot.Store(nil)
	m.count(len(beside))
	for other := range beside {
		other.count(1)
	}
}

func (p *Group) remove(m *Member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, key := range m.keys() {
		if delete(p.byName[key], m); len(p.byName[key]) == 0 {
			delete(p.byName, key)
		}
	}
	p.members = slices.DeleteFunc(p.members, func(one *Member) bool { return one == m })
	p.snapshot.Store(nil)
	for other := range p.beside(m) {
		other.count(-1)
	}
}

// count changes the number of other members on the same host.
func (m *Member) count(more int) {
	m.others += more
	m.Shared.Identity.Shared.Store(m.others > 0)
}

// everyHost is the key of a member that guards every host, or the hosts of a
// pattern.
const everyHost = "*"

// keys are the keys under which its group finds a member.
func (m *Member) keys() []string {
	keys := make([]string, 0, len(m.Hosts))
	for _, host := range m.Hosts {
		if strings.Contains(host, "*") {
			return []string{everyHost}
		}
		keys = append(keys, rules.Host(host))
	}
	if len(keys) == 0 {
		return []string{everyHost}
	}
	return keys
}

// beside returns the members that may guard a host of another gate. It compares
// only members with a common key: with many gates, a reload would spend most of
// its time comparing all with all. The caller holds mu.
func (p *Group) beside(m *Member) map[*Member]bool {
	found, keys := map[*Member]bool{}, m.keys()
	among := func(others iter.Seq[*Member]) {
		for other := range others {
			if m.beside(other) {
				found[other] = true
			}
		}
	}
	if keys[0] == everyHost {
		among(slices.Values(p.members))
		return found
	}
	for _, key := range append(keys, everyHost) {
		among(maps.Keys(p.byName[key]))
	}
	return found
}

// all returns the members in the order in which they joined.
func (p *Group) all() []*Member {
	if all := p.snapshot.Load(); all != nil {
		return *all
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	all := slices.Clone(p.members)
	p.snapshot.Store(&all)
	return all
}

// Received returns this gate's exchange for a request that another gate has
// handed over.
func (m *Member) Received(x *exchange.Exchange) *exchange.Exchange {
	if x.Shared == m.Shared {
		return x
	}
	return &exchange.Exchange{W: x.W, R: x.R, At: m.Resolve(x.R), Shared: m.Shared, Sent: x.Sent, Authorization: x.Authorization, Credential: x.Credential, Span: x.Span}
}
