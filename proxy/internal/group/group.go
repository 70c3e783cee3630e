// Package group knows the gates on one server that stand before the same hosts,
// and which of them a request is for.
//
//   - group.go: the gates of a server, each as those beside it know it
//   - beside.go: which gate a request is for
//   - earlier.go: what a gate leaves to those that a request meets next
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

// A Member is a gate as those beside it know it: its rooms that they hand requests
// over to. It must not change after Join.
type Member struct {
	Shared     *exchange.Shared
	Hosts      []string // the names of the site; none: any host
	Resolve    func(*http.Request) exchange.Resolved
	Addresses  *addresses.Addresses
	SignIn     *signin.Handler
	SignOut    *signout.Handler
	Relay      *relay.Handler    // nil if the login is not relayed
	Assertions *assertion.Signer // nil if the application gets none

	group *Group
}

// NewMember returns a gate that does not belong to the group yet. It sees the
// members of the group all the same.
func (p *Group) NewMember() *Member { return &Member{group: p} }

// Join adds a gate to its group. leave takes it out again.
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

// Received returns a request of another gate as it is at this one.
func (m *Member) Received(x *exchange.Exchange) *exchange.Exchange {
	if x.Shared == m.Shared {
		return x
	}
	return &exchange.Exchange{W: x.W, R: x.R, At: m.Resolve(x.R), Shared: m.Shared, Sent: x.Sent, Authorization: x.Authorization, Credential: x.Credential, Span: x.Span}
}
