package signin

import (
	"errors"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// OnPage is the query parameter that asks for the gate's own page instead of
// authentik's interface.
const OnPage = "page"

// Begin answers GET login: it shows the first challenge of a new visit. A
// visitor with a session is redirected to the address that they asked for.
func (h *Handler) Begin(x *exchange.Exchange) {
	query := x.At.Asked.Query()
	back := x.WayBack(query.Get("to"))
	if !x.JSON() { // a program gets it in its document
		back = x.Shorten(back)
	}
	before, again := h.demanded(x)
	if h.loops(x, back) || !again && h.already(x, back) {
		return
	}
	if err := h.probe.Check(x.Context()); err != nil {
		x.Fail(fault.From(err), back)
		return
	}
	switch {
	case !query.Has("signed-in") && !query.Has("link") && !query.Has("visit") && !again && h.renewed(x, back):
	case query.Has("signed-in") && !again:
		x.Fail(unkept(x), back)
	case query.Has("link"):
		h.follow(x, query.Get("link"))
	case query.Has("visit"):
		h.resume(x, query.Get("visit"), back)
	case h.Host != nil && (!h.Host.Page || query.Get("at") == "authentik"):
		h.departToHost(x, back, false)
	case h.Redirect, h.OIDC != nil && query.Get("at") == "authentik":
		h.depart(x, departure{Back: back}, before)
	case again:
		h.show(x, h.openAgain(x, back, before), back)
	case h.Relay != nil && query.Has(OnPage):
		h.show(x, h.Relay.Exit(x, back), back)
	default:
		h.open(x, back)
	}
}

// open shows the first challenge of a new visit.
func (h *Handler) open(x *exchange.Exchange, back string) {
	out := h.Open(x, back)
	switch {
	case h.onlySource(x, out):
		h.depart(x, departure{Back: back}, nil)
	case h.Relay != nil && !x.JSON():
		h.Relay.Enter(x, out, back)
	default:
		h.show(x, out, back)
	}
}

// demand returns this gate's demand on a sign-in, together with that of the
// rules for the original request.
func (h *Handler) demand(x *exchange.Exchange) authn.Demand {
	if h.OIDC == nil && h.Host == nil {
		return authn.Demand{}
	}
	return h.Demand.And(authn.DemandIn(x.At.Asked.Query()))
}

// demanded returns the session of a visitor who is signed in, may use the
// application, and has to sign in again to meet a demand.
func (h *Handler) demanded(x *exchange.Exchange) (s *session.Session, demanded bool) {
	s, found, err := x.Session()
	if !found || err != nil || !h.demand(x).Unmet(s.SignIn, h.Now()) {
		return nil, false
	}
	if v := x.Access(s); v.Pass || v.StepUp {
		return s, true
	}
	return nil, false
}

// already redirects a visitor who has a session to the address that they asked
// for, or shows why it cannot. It reports whether it has answered.
func (h *Handler) already(x *exchange.Exchange, back string) bool {
	s, found, err := x.Session()
	if err != nil {
		x.Fail(fault.From(err), back)
		return true
	}
	return found && h.onward(x, s, back)
}

// onward redirects the user of a session to the address that they asked for, or
// shows why it cannot. It reports whether it has answered: it has not if
// authentik has ended the session.
func (h *Handler) onward(x *exchange.Exchange, s *session.Session, back string) bool {
	v, found, err := x.Verdict()
	switch {
	case err != nil:
		x.Fail(fault.From(err), back)
	case !found:
		return false
	case v.Pass:
		x.Lead(back, back)
	case v.Err != nil:
		x.TurnAway(s, v.Err, back)
	default:
		return false
	}
	return true
}

// Request returns the request of a new visit to the authorize endpoint, or nil
// without OpenID Connect.
func (h *Handler) Request(x *exchange.Exchange) *authn.Request {
	if h.OIDC == nil {
		return nil
	}
	request := authn.NewRequest(x.RedirectURI())
	request.Demand = h.demand(x)
	return &request
}

// Open begins a visit. It asks authentik for the first challenge, with only
// those cookies by which authentik recognizes the device.
func (h *Handler) Open(x *exchange.Exchange, back string) Outcome {
	x = x.Uncanceled()
	return h.begin(x, Visit{Begun: h.Now(), Back: back, Request: h.Request(x)}, x.Visitor(h.device(x)))
}

// begin fetches the first challenge of a visit from authentik.
func (h *Handler) begin(x *exchange.Exchange, vis Visit, v flowclient.Visitor) Outcome {
	opening, err := h.Source.Begin(x.Context(), v, vis.Request)
	if err != nil {
		return Outcome{Err: fault.From(err)}
	}
	vis.First, vis.Opening, vis.Request = opening.Flow, opening.Step.Challenge.Component(), opening.Request
	vis = vis.at(opening.Step)
	vis.copy = h.copies.Of(v, opening.Step)
	return denied(h.Settle(x, vis), vis.Step)
}

// denied returns the outcome of a flow that ends with its first step: a new visit
// would end the same way.
func denied(out Outcome, step flowclient.Step) Outcome {
	if out.Ended() && !elsewhere(step) {
		return Outcome{Err: fault.New(fault.DeniedByFlow, authn.ErrNotSignedIn)}
	}
	return out
}

// openAgain begins a visit of a user who is signed in and has to sign in again
// to meet the application's demand: with a second factor, or recently. The
// visit runs in the authentik session that the gate holds, and its result is
// checked at the end. If that session has ended, openAgain opens an ordinary
// visit: otherwise the visitor would have to sign in twice.
func (h *Handler) openAgain(x *exchange.Exchange, back string, s *session.Session) Outcome {
	x = x.Uncanceled()
	rec, found, err := x.Record(s)
	switch {
	case err != nil:
		return Outcome{Err: fault.From(err)}
	case !found:
		return h.Open(x, back)
	}
	v := x.Visitor(rec.Cookies)
	switch _, err := h.Client.User(x.Context(), v); {
	case errors.Is(err, authn.ErrNotSignedIn):
		return h.Open(x, back)
	case err != nil:
		return Outcome{Err: fault.From(err)}
	}
	request := h.Request(x).Again(rec.SignIn, h.Now())
	return h.begin(x, Visit{Begun: h.Now(), Back: back, Request: &request}, v)
}
