package proxy

import (
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/access"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/group"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/relay"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// A decision is what the gate does with a request. These are all there are.
type decision interface{ kind() string }

type (
	// A pass is what most decisions are. With one pointer only it is boxed without an
	// allocation.
	pass struct{ session *session.Session } // to the application, with who is signed in
	open struct {                           // to the application without a session: an open path, or a preflight
		bare   bool // without the client's credentials
		hidden bool // without the credential of a program, which admits no session
	}
	own     struct{} // to the gate's own addresses
	relayed struct { // to authentik's own interface
		by     *group.Member
		target relay.Target
	}
	leftOver struct{ by *group.Member } // what that interface still asks for when its visit has ended
	recheck  struct{}                   // authentik has to say first whether this user may pass
	try      struct {                   // authentik has to say first whether this credential is good
		unasked open // if it is not
		passes  bool
	}
	stepUp struct{}                   // the application demands another kind of sign-in, or a newer one
	signIn struct{ link signin.Link } // to the sign-in page and back, or where a link leads
	refuse struct{ err *fault.Error } // no further
)

// The kinds are labels of metrics.
func (pass) kind() string     { return "pass" }
func (open) kind() string     { return "open" }
func (own) kind() string      { return "own" }
func (relayed) kind() string  { return "own" }
func (leftOver) kind() string { return "own" }
func (recheck) kind() string  { return "weigh" }
func (try) kind() string      { return "weigh" }
func (stepUp) kind() string   { return "sign-in" }
func (signIn) kind() string   { return "sign-in" }
func (refuse) kind() string   { return "refuse" }

// decided returns the decision that follows from the verdict on a session.
func decided(v exchange.Verdict, s *session.Session) decision {
	switch {
	case v.Pass:
		return pass{s}
	case v.StepUp:
		return stepUp{}
	case v.Err != nil:
		return refuse{v.Err}
	default:
		return recheck{}
	}
}

// decide says what is to be done with a request. It only reads; of what a client
// sends, only a credential changes the result. Reading a session can note in the
// store that it has expired, which changes no decision.
func (g *Gate) decide(x *exchange.Exchange) decision {
	if _, ok := g.member.Owner(x); ok {
		x.Trace.Note("the address is one of the gate's own")
		return own{}
	}
	if by, target, ok := g.member.Relayed(x); ok {
		x.Trace.Note("authentik's own interface asks, in a sign-in that another gate has begun")
		return relayed{by, target}
	}
	if g.loginHost != nil { // authentik is behind it, which asks for itself
		return open{}
	}
	if x.Credential.Several {
		x.Trace.Note("there are several Authorization headers, and servers disagree on which of them counts")
		return refuse{fault.New(fault.BadRequest, errSeveral)}
	}
	needs := g.access.Rules.About(x) // not at the gates' own addresses, whose answers no rule may change
	x.Needs = uint64(needs)
	unasked, passes := g.unasked(x, needs)
	s, found, err := x.Session()
	if g.member.Relay != nil && !found && err == nil { // also where the path is open
		if target, ok := g.member.Relay.Target(x); ok {
			x.Trace.Note("authentik's own interface asks")
			return relayed{g.member, target}
		}
	}
	switch {
	case err != nil && !passes:
		x.Trace.Note("the session store fails")
		return refuse{fault.From(err)}
	case found:
		x.Trace.Note("a cookie opens a session")
		if v := g.access.Check(s, needs, x.Trace); v.Pass || !passes {
			return decided(v, s)
		}
		x.Trace.Note("that does not matter, since the request is open")
		return unasked
	case x.Shows():
		return g.decideProgram(x, needs, unasked, passes)
	case passes:
		x.Trace.Note("there is no session, and none is needed")
		unasked.hidden = x.Standing().Session != nil
		return unasked
	}
	x.Trace.Note("there is no session")
	if exchange.Navigates(x.R) || exchange.Framed(x.R) {
		x.Trace.Note("the request is a page load, which is led to the sign-in page")
		return signIn{signin.LinkAt(g.cfg.PageHost, x.At.Asked)}
	}
	x.Trace.Note("the request is no page load, and gets 401")
	return refuse{fault.New(fault.SignInRequired, nil)}
}

// unasked is the only place that lets requests pass without a session: those that
// are open, and, if the operator says so, preflights.
//
// Demands do not hold for a preflight: a request without credentials can meet none,
// and the request that follows it has to meet them all. It passes on every path,
// so that it does not matter how an application reads the path, and without what
// could make more of it than a question.
func (g *Gate) unasked(x *exchange.Exchange, needs access.Needs) (o open, passes bool) {
	switch {
	case needs == 0 && g.open(x):
		x.Trace.Note("the request is open: it needs no sign-in")
		return open{}, true
	case g.cfg.Preflight && x.Preflight():
		x.Trace.Note("the request is a preflight, which passes without credentials")
		return open{bare: true}, true
	}
	x.Trace.Note("the request needs a sign-in")
	return open{}, false
}

// open reports whether a request needs no sign-in. The application may go by the
// path as asked for or as rewritten, so neither can be ambiguous.
func (g *Gate) open(x *exchange.Exchange) bool {
	return g.cfg.DangerouslyOpen(x.R) ||
		g.cfg.Open(x.R) && !rules.AmbiguousPath(x.R.URL) && !rules.AmbiguousPath(x.At.Asked)
}

// settle asks authentik if a decision depends on it.
func (g *Gate) settle(x *exchange.Exchange, d decision) decision {
	if d, shown := d.(try); shown {
		return g.settleProgram(x, d)
	}
	if _, open := d.(recheck); !open {
		return d
	}
	before, _, _ := x.Session()
	s, found, err := x.Recheck()
	switch {
	case err != nil:
		return decided(g.access.CheckUnreachable(before, access.Needs(x.Needs), err), before)
	case found:
		return decided(g.access.Check(s, access.Needs(x.Needs), nil), s)
	case exchange.Navigates(x.R), exchange.Framed(x.R):
		return signIn{}
	default:
		return refuse{fault.New(fault.SignInRequired, nil)}
	}
}

// misdirected reports whether a decision begins a sign-in, or goes on with one, at
// a host that authentik must not be told.
func (g *Gate) misdirected(x *exchange.Exchange, d decision) bool {
	switch d := d.(type) {
	case signIn, stepUp:
		return x.Misdirected()
	case relayed:
		return d.by.Received(x).Misdirected()
	case leftOver:
		return d.by.Received(x).Misdirected()
	default:
		return false
	}
}

// noVisit reports whether a decision about a request of authentik's interface
// says that there is no visit any more.
func noVisit(d decision) bool {
	if no, refused := d.(refuse); refused {
		return no.err.Code == fault.SignInRequired
	}
	_, passes := d.(pass)
	_, unasked := d.(open)
	return passes || unasked
}
