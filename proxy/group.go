package proxy

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/headers"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/relay"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signout"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// A Group is the gates on one server of one configuration. Several may stand
// before the same host, for different paths and with different demands. Then the
// gate that gets a request for the gates' own addresses is seldom the one that
// asked for the sign-in, and hands the request over to it. A gate joins in New
// and leaves in Close. The zero Group has no members. It is safe for concurrent
// use.
type Group struct {
	mu      sync.Mutex
	members atomic.Pointer[[]*Gate]
}

// join adds a gate. leave takes it out again.
func (p *Group) join(g *Gate) (leave func()) {
	p.change(func(all []*Gate) []*Gate { return append(all, g) })
	return func() {
		p.change(func(all []*Gate) []*Gate {
			return slices.DeleteFunc(all, func(one *Gate) bool { return one == g })
		})
	}
}

func (p *Group) change(edit func([]*Gate) []*Gate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := edit(slices.Clone(p.all()))
	p.members.Store(&all)
	for _, g := range all {
		g.shared.Identity.Shared.Store(slices.ContainsFunc(all, g.neighbours.beside))
	}
}

func (p *Group) all() []*Gate {
	if all := p.members.Load(); all != nil {
		return *all
	}
	return nil
}

// neighbours are the gates of a group as one of them sees the others.
type neighbours struct {
	group *Group
	self  *Gate
}

// beside reports whether another gate may stand before the same host.
func (n neighbours) beside(other *Gate) bool {
	return other != n.self && rules.HostsOverlap(n.self.cfg.hosts(), other.cfg.hosts())
}

// any reports whether another gate guards the same hosts. For most gates there is
// none, and nothing else is checked.
func (n neighbours) any() bool { return n.self.shared.Identity.Shared.Load() }

// at are the others that stand before a host.
func (n neighbours) at(host string) iter.Seq[*Gate] {
	return func(yield func(*Gate) bool) {
		if !n.any() {
			return
		}
		for _, other := range n.group.all() {
			if other != n.self && other.cfg.serves(host) && !yield(other) {
				return
			}
		}
	}
}

// named returns the gate with a name, which may be this one, among those of a
// host.
func (n neighbours) named(id, host string) (*Gate, bool) {
	if id == n.self.shared.Identity.ID {
		return n.self, true
	}
	for other := range n.at(host) {
		if other.shared.Identity.ID == id {
			return other, true
		}
	}
	return nil, false
}

// owner returns the gate whose own address a request asks for, if it is one.
func (n neighbours) owner(x *exchange.Exchange) (*Gate, bool) {
	if exchange.Owns(n.self.cfg.Prefix, x.At.Asked.Path) {
		return n.self, true
	}
	for other := range n.at(x.At.Host) {
		if exchange.Owns(other.cfg.Prefix, x.At.Asked.Path) {
			return other, true
		}
	}
	return nil, false
}

// asker returns the gate that a request for own addresses is meant for: the one
// that it names, or the one that knows what is asked for.
func (n neighbours) asker(x *exchange.Exchange) *Gate {
	if !n.any() {
		return n.self
	}
	if by, ok := n.named(exchange.GateIn(x.At.Asked.Query()), x.At.Host); ok && exchange.Owns(by.cfg.Prefix, x.At.Asked.Path) {
		return by
	}
	by, ok := n.owner(x)
	if !ok {
		return n.self
	}
	below := x.At.Asked.Path[len(by.cfg.Prefix):]
	if by.own.has(below, x) {
		return by
	}
	for other := range by.neighbours.at(x.At.Host) {
		if other.cfg.Prefix == by.cfg.Prefix && other.own.has(below, x) {
			return other
		}
	}
	return by
}

// handOver is asker for a visit that a body brings.
func (n neighbours) handOver(x *exchange.Exchange, id string) (*signin.Handler, *exchange.Exchange) {
	if by, ok := n.named(id, x.At.Host); ok {
		if there := by.received(x); !there.Misdirected() {
			return by.signIn, there
		}
	}
	return n.self.signIn, x
}

// signOuts are the sign-outs of all gates on a request's host, each with the
// request as it is there, this one first.
func (n neighbours) signOuts(x *exchange.Exchange) []signout.Place {
	all := []signout.Place{{Handler: n.self.signOut, Exchange: x}}
	for other := range n.at(x.At.Host) {
		all = append(all, signout.Place{Handler: other.signOut, Exchange: other.received(x)})
	}
	return all
}

// relayed returns the relay on whose behalf authentik's interface asks, in a
// sign-in that another gate on this host has begun.
func (n neighbours) relayed(x *exchange.Exchange) (found relayed, ok bool) {
	for other := range n.at(x.At.Host) {
		if other.relay == nil {
			continue
		}
		there := other.received(x)
		if target, ok := other.relay.Target(there); ok && !there.Misdirected() {
			return relayed{other, target}, true
		}
	}
	return relayed{}, false
}

// leftOver returns the gate from whose relay a request is left over.
func (n neighbours) leftOver(r *http.Request, at Resolved) (*Gate, bool) {
	if !relay.Marked(r) {
		return nil, false
	}
	if n.self.relay != nil && n.self.relay.LeftOver(r, at) {
		return n.self, true
	}
	for other := range n.at(at.Host) {
		if other.relay != nil && other.relay.LeftOver(r, at) {
			return other, true
		}
	}
	return nil, false
}

// received returns a request of a neighbour as it is at this gate.
func (g *Gate) received(x *exchange.Exchange) *exchange.Exchange {
	if x.Shared == g.shared {
		return x
	}
	return &exchange.Exchange{W: x.W, R: x.R, At: g.resolve(x.R), Shared: g.shared, Sent: x.Sent, Authorization: x.Authorization, Credential: x.Credential, Span: x.Span}
}

// serves reports whether a host is one of the site's.
func (cfg Config) serves(host string) bool {
	hosts := cfg.hosts()
	return len(hosts) == 0 || slices.ContainsFunc(hosts, func(pattern string) bool { return rules.HostMatches(pattern, host) })
}

// earlier is what a gate that has let a request pass leaves to those of its
// group that the request meets next.
type earlier struct {
	sent          []string         // the lines of the Cookie header as the browser sent them
	authorization []string         // and those of Authorization
	identity      []headers.Header // that these gates have set
}

type earlierKey struct{}

// sent returns the lines of the Cookie header as the browser sent them. A gate
// that has let the request pass has removed its own and its neighbours'.
func (n neighbours) sent(r *http.Request) []string {
	if !n.any() {
		return r.Header["Cookie"]
	}
	if e, ok := r.Context().Value(earlierKey{}).(*earlier); ok {
		return e.sent
	}
	return slices.Clone(r.Header["Cookie"])
}

// authorization returns the lines of the header by which a program shows a
// credential, as they were sent. A gate that has let the request pass has removed
// them, or has set others.
func (n neighbours) authorization(r *http.Request) []string {
	if n.any() {
		if e, ok := r.Context().Value(earlierKey{}).(*earlier); ok {
			return e.authorization
		}
	}
	return r.Header["Authorization"]
}

// handOn returns the request with what the next gate has to know, which is
// complete once this gate has set its headers. It has removed identity headers,
// also those of a gate before it, and sets these again: on a path that this gate
// leaves open they are all there are.
func handOn(x *exchange.Exchange) (*http.Request, *earlier) {
	next := &earlier{sent: x.Sent, authorization: x.Authorization}
	if e, ok := x.Context().Value(earlierKey{}).(*earlier); ok {
		next.identity = slices.Clone(e.identity)
		for _, line := range e.identity {
			x.R.Header[line.Name] = []string{line.Value}
		}
	}
	return x.R.WithContext(context.WithValue(x.Context(), earlierKey{}, next)), next
}

// described returns what the rules demand.
func (cfg Config) described() (texts []string) {
	for _, rule := range cfg.Rules {
		texts = append(texts, fmt.Sprint(rule.Require, rule.demand()))
	}
	return texts
}

// identity describes what the gate demands and where its sessions belong.
func (cfg Config) identity() *exchange.Identity {
	texts := []string{
		cfg.Client.Root(), cfg.Flow, cfg.Application, string(cfg.Login), cfg.Prefix,
		cfg.Cookie.Name, cfg.Cookie.Domain, fmt.Sprint(cfg.OIDC.ClientID, cfg.OIDC.RequireMFA, cfg.OIDC.MaxAge),
		fmt.Sprint(cfg.Require, cfg.described(), cfg.Lifetime, cfg.Idle, cfg.PageHost), cfg.Page.Title, cfg.Page.Language,
	}
	if cfg.LoginAt != nil {
		texts = append(texts, "login at "+originOf(cfg.LoginAt))
	}
	if cfg.StoreName != "" { // derived, since the name may be guessed at by the identity
		texts = append(texts, string(seal.NewKey(cfg.Key).Derive([]byte(cfg.StoreName), "v1\x00store", sha256.Size)))
	}
	return exchange.NewIdentity(append(texts, cfg.Clients.described()...)...)
}
