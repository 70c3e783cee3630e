// Package group knows which gates on one server guard the same hosts, and which
// of them a request is for.
//
//   - group.go: the gates of a server, each as its neighbours know it
//   - beside.go: which gate a request is for
//   - earlier.go: what a gate leaves for the next gates of a request
//   - keys.go: the keys of all gates of a host
package group

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/addresses"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/assertion"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/relay"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signout"
)

// A Group is the gates on one server. The zero Group has no members. It is safe
// for concurrent use.
type Group struct {
	mu      sync.Mutex
	members atomic.Pointer[[]*Member]
}

// A Member is a gate as its neighbours know it: its handlers, to which they
// hand requests over. It must not change after Join.
type Member struct {
	Shared     *exchange.Shared
	Hosts      []string // the names of the site; none: any host
	Resolve    func(*http.Request) exchange.Resolved
	Addresses  *addresses.Addresses
	SignIn     *signin.Handler
	SignOut    *signout.Handler
	Relay      *relay.Handler    // nil without login relay
	Assertions *assertion.Signer // nil if the application gets no assertion

	group *Group
}

// NewMember returns a gate that does not belong to the group yet, but can
// already see the group's members.
func (p *Group) NewMember() *Member { return &Member{group: p} }

// Join adds a gate to its group. leave removes it.
func (m *Member) Join() (leave func()) {
	m.group.change(func(all []*Member) []*Member { return append(all, m) })
	return func() {
		m.group.change(func(all []*Member) []*Member {
			return slices.DeleteFunc(all, func(one *Member) bool { return one == m })
		})
	}
}

func (p *Group) change(edit func([]*Member) []*Member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := edit(slices.Clone(p.all()))
	p.members.Store(&all)
	for _, m := range all {
		m.Shared.Identity.Shared.Store(slices.ContainsFunc(all, m.beside))
	}
}

func (p *Group) all() []*Member {
	if all := p.members.Load(); all != nil {
		return *all
	}
	return nil
}

// Received returns this gate's exchange for a request that another gate has
// handed over.
func (m *Member) Received(x *exchange.Exchange) *exchange.Exchange {
	if x.Shared == m.Shared {
		return x
	}
	return &exchange.Exchange{W: x.W, R: x.R, At: m.Resolve(x.R), Shared: m.Shared, Sent: x.Sent, Authorization: x.Authorization, Credential: x.Credential, Span: x.Span}
}
