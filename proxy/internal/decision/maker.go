package decision

import (
	"errors"
	"net/http"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/access"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/group"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intent"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// A Maker makes the decisions of one gate. It has no means to answer a request.
type Maker struct {
	Member    *group.Member
	Access    *access.Policy
	LoginHost bool // the application is authentik itself, and nothing is guarded
	// Preflight lets preflights pass without credentials.
	Preflight bool
	// Open and DangerouslyOpen report whether a path needs no sign-in. For an
	// ambiguous path only DangerouslyOpen is called.
	Open, DangerouslyOpen func(*http.Request) bool
}

// decided returns the decision that follows from the verdict on a session.
func decided(v exchange.Verdict, s *session.Session) Decision {
	switch {
	case v.Pass:
		return Pass{s}
	case v.StepUp:
		return StepUp{}
	case v.Err != nil:
		return Refuse{v.Err}
	default:
		return Recheck{}
	}
}

// Decide decides about a request. It only reads. Of what a client sends, only a
// credential changes the result. Looking a session up can note in the store
// that the session has expired, which changes no decision.
func (m *Maker) Decide(x *exchange.Exchange) Decision {
	if _, ok := m.Member.Owner(x); ok {
		x.Trace.Note("the address is one of the gate's own")
		return Own{}
	}
	if by, target, ok := m.Member.Relayed(x); ok {
		x.Trace.Note("authentik's own interface asks, in a sign-in that another gate has begun")
		return Relayed{by, target}
	}
	if m.LoginHost { // authentik is the application, and asks for a sign-in itself
		return Open{}
	}
	if x.Credential.Several {
		x.Trace.Note("there are several Authorization headers, and servers disagree on which of them counts")
		return Refuse{fault.New(fault.BadRequest, errSeveral)}
	}
	needs := m.Access.Rules.About(x) // not at the gates' own addresses: no rule may change their answers
	x.Needs = uint64(needs)
	unasked, passes := m.unasked(x, needs)
	s, found, err := x.Session()
	if m.Member.Relay != nil && !found && err == nil { // even if the path is open
		if target, ok := m.Member.Relay.Target(x); ok {
			x.Trace.Note("authentik's own interface asks")
			return Relayed{m.Member, target}
		}
	}
	switch {
	case err != nil && !passes:
		x.Trace.Note("the session store fails")
		return Refuse{fault.From(err)}
	case found:
		x.Trace.Note("a cookie opens a session")
		switch v := m.Access.Check(s, needs, x.Trace); {
		case v.Pass || !passes:
			return decided(v, s)
		case v == (exchange.Verdict{}) && !unasked.Bare: // or the user would be anonymous from now on
			return Recheck{unasked, true}
		}
		x.Trace.Note("that does not matter, since the request is open")
		return unasked
	case x.Shows():
		return m.decideProgram(x, needs, unasked, passes)
	case passes:
		x.Trace.Note("there is no session, and none is needed")
		unasked.Hidden = x.Standing().Session != nil
		return unasked
	}
	x.Trace.Note("there is no session")
	if intent.Navigates(x.R) || intent.Framed(x.R) {
		x.Trace.Note("the request is a page load, which is redirected to the sign-in page")
		return SignIn{signin.LinkAt(x.PageHost, x.At.Asked)}
	}
	x.Trace.Note("the request is not a page load, and gets 401")
	return Refuse{fault.New(fault.SignInRequired, nil)}
}

// unasked is the only function that lets requests pass without a session:
// requests for open paths, and, if the operator allows it, preflights.
//
// Demands do not apply to a preflight. It has no credentials, so it can meet
// none, and the request that follows it has to meet them all. It passes on
// every path, since the gate cannot know how an application reads the path. It
// passes without everything that an application could use for more than the
// answer to a preflight.
func (m *Maker) unasked(x *exchange.Exchange, needs access.Needs) (o Open, passes bool) {
	switch {
	case needs == 0 && m.open(x):
		x.Trace.Note("the request is open: it needs no sign-in")
		return Open{}, true
	case m.Preflight && intent.Preflight(x.R, x.At.Asked):
		x.Trace.Note("the request is a preflight, which passes without credentials")
		return Open{Bare: true}, true
	}
	x.Trace.Note("the request needs a sign-in")
	return Open{}, false
}

// open reports whether a request needs no sign-in. The application may use the
// path as asked for or as rewritten, so neither may be ambiguous.
func (m *Maker) open(x *exchange.Exchange) bool {
	return m.DangerouslyOpen(x.R) ||
		m.Open(x.R) && !rules.AmbiguousPath(x.R.URL) && !rules.AmbiguousPath(x.At.Asked)
}

// Settle asks authentik about a decision that depends on it.
func (m *Maker) Settle(x *exchange.Exchange, d Decision) Decision {
	if d, shown := d.(Try); shown {
		return m.settleProgram(x, d)
	}
	again, undecided := d.(Recheck)
	if !undecided {
		return d
	}
	before, _, _ := x.Session()
	s, found, err := x.Recheck()
	switch {
	case err != nil:
		return again.orUnasked(decided(m.Access.CheckUnreachable(before, access.Needs(x.Needs), err), before))
	case found:
		return again.orUnasked(decided(m.Access.Check(s, access.Needs(x.Needs), nil), s))
	case again.Passes:
		return again.Unasked
	case intent.Navigates(x.R), intent.Framed(x.R):
		return SignIn{}
	default:
		return Refuse{fault.New(fault.SignInRequired, nil)}
	}
}

// orUnasked returns what authentik has decided about a session. A request that passes
// anyway is never refused; it then passes without identity headers.
func (again Recheck) orUnasked(d Decision) Decision {
	if _, admitted := d.(Pass); !admitted && again.Passes {
		return again.Unasked
	}
	return d
}

// Final returns the decision that the gate acts on. It replaces d in four
// cases: for a request that is left over from the relay of a gate, for a
// sign-in at a host that authentik must not be told, for a TRACE, and for a
// request target without a path. Servers answer a TRACE with the request that
// they received, in which the gate may have set a token or a password (RFC
// 9110, 9.3.8).
func (*Maker) Final(x *exchange.Exchange, left *group.Member, d Decision) Decision {
	if left != nil && noVisit(d) {
		x.Trace.Note("the request is left over from authentik's own interface, and its sign-in begins again")
		d = LeftOver{left}
	}
	if misdirected(x, d) {
		x.Trace.Note("a sign-in would have to tell authentik a host that the site does not have")
		d = Refuse{fault.New(fault.HostUnknown, nil)}
	}
	if _, passes := d.(Pass); passes && strings.EqualFold(x.R.Method, http.MethodTrace) {
		x.Trace.Note("the request is a TRACE, to which servers answer with what only the application is told")
		d = Refuse{fault.New(fault.MethodNotAllowed, nil)}
	}
	if x.At.Asked.Opaque != "" || x.R.URL.Opaque != "" {
		x.Trace.Note("the request target is not a path of this site")
		d = Refuse{fault.New(fault.BadRequest, errNoPath)}
	}
	return d
}

// errNoPath is about a request target such as x:http://other.example/admin. It has no
// path and no host, and reaches the application as http://other.example/admin: as a
// path, or a host, that no rule was asked about (RFC 9112, 3.2.2).
var errNoPath = errors.New("the request target has a scheme and no path")

// misdirected reports whether a decision begins or continues a sign-in at a
// host that authentik must not be told.
func misdirected(x *exchange.Exchange, d Decision) bool {
	switch d := d.(type) {
	case SignIn, StepUp:
		return x.Misdirected()
	case Relayed:
		return d.By.Received(x).Misdirected()
	case LeftOver:
		return d.By.Received(x).Misdirected()
	default:
		return false
	}
}

// noVisit reports whether a decision about a request of authentik's interface
// says that its visit has ended.
func noVisit(d Decision) bool {
	if no, refused := d.(Refuse); refused {
		return no.Err.Code == fault.SignInRequired
	}
	_, passes := d.(Pass)
	_, unasked := d.(Open)
	return passes || unasked
}
