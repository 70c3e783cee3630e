package signin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// OnPage is the query parameter that asks for the gate's own page instead of
// authentik's interface.
const OnPage = "page"

// An Outcome is the result of one step, before any of it is shown. It belongs to
// a visit and not to a request: a page that is submitted twice gets it twice.
type Outcome struct {
	Visit    Visit         // the next challenge, unless one of the two below
	Admitted *Admission    // the end: a user is signed in
	Err      *fault.Error  // or something failed
	notice   string        // the name of a sentence for the next page
	mistake  *page.Mistake // what was wrong with the form; authentik was not asked
	advanced bool          // authentik has accepted the answer; no other may follow it
	wait     time.Duration // how long answers are throttled
}

// Begin answers GET login: it shows the first challenge of a new visit. A visitor
// with a session is redirected to where they wanted to go.
func (h *Handler) Begin(x *exchange.Exchange) {
	query := x.At.Asked.Query()
	back := x.WayBack(query.Get("to"))
	if !x.JSON() { // the documents of programs have room for it
		back = x.Shorten(back)
	}
	before, again := h.demanded(x)
	if h.loops(x, back) || !again && h.already(x, back) {
		return
	}
	if err := h.probe.check(x.Context()); err != nil {
		x.Fail(fault.From(err), back)
		return
	}
	switch {
	case !query.Has("signed-in") && !query.Has("link") && !again && h.renewed(x, back):
	case query.Has("signed-in") && !again:
		x.Fail(fault.New(fault.CookiesBlocked, nil), back)
	case query.Has("link"):
		h.follow(x, query.Get("link"))
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

// demand returns what this gate demands of a sign-in, together with the demand of
// the rule that the original request matched.
func (h *Handler) demand(x *exchange.Exchange) authn.Demand {
	if h.OIDC == nil {
		return authn.Demand{}
	}
	return h.Demand.And(authn.DemandIn(x.At.Asked.Query()))
}

// demanded returns the session of a visitor who is signed in, may use the
// application, and has to sign in again.
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

// already redirects a visitor who has a session to where they wanted to go, or
// shows why it cannot. It reports whether it has answered.
func (h *Handler) already(x *exchange.Exchange, back string) bool {
	s, found, err := x.Session()
	if err != nil {
		x.Fail(fault.From(err), back)
		return true
	}
	return found && h.onward(x, s, back)
}

// onward redirects the user of a session to where they wanted to go, or shows why
// it cannot. It does neither if authentik has ended the session.
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

// Request returns what a new visit asks the authorize endpoint for, or nil
// without OpenID Connect.
func (h *Handler) Request(x *exchange.Exchange) *authn.Request {
	if h.OIDC == nil {
		return nil
	}
	request := authn.NewRequest(x.RedirectURI())
	request.Demand = h.demand(x)
	return &request
}

// Open begins a visit: authentik is asked for the first challenge, with nothing
// but what lets it recognize the device.
func (h *Handler) Open(x *exchange.Exchange, back string) Outcome {
	x = x.Uncanceled()
	return h.begin(x, Visit{Begun: h.Now(), Back: back, Request: h.Request(x)}, x.Visitor(h.device(x)))
}

// begin has authentik ask the first challenge of a visit.
func (h *Handler) begin(x *exchange.Exchange, vis Visit, v flowclient.Visitor) Outcome {
	opening, err := h.Source.Begin(x.Context(), v, vis.Request)
	if err != nil {
		return Outcome{Err: fault.From(err)}
	}
	vis.First, vis.Opening, vis.Request = opening.Flow, opening.Step.Challenge.Component(), opening.Request
	vis = vis.at(opening.Step)
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

// Answer answers POST login: one answer to the challenge on the page.
func (h *Handler) Answer(x *exchange.Exchange) {
	_, begun := x.Visit()
	said, release, err := reply.Read(x.W, x.R, reply.Sender{Room: x.Room, Client: x.At.Client, Begun: begun})
	defer release()
	if err != nil {
		h.unreadable(x, err)
		return
	}
	if id, _ := exchange.Signed(said.Visit); id != "" {
		h, x = h.HandOver(x, id)
	}
	if said.Poll {
		h.poll(x, said)
		return
	}
	back := x.WayBack(said.Back)
	vis, err := h.Opened(x, said.Visit)
	switch {
	case errors.Is(err, errVisitExpired):
		out := h.Open(x, vis.Back)
		out.notice = noticeExpired
		h.show(x, out, vis.Back)
	case err != nil:
		if !h.already(x, back) {
			x.Fail(fault.New(fault.VisitLost, err), back)
		}
	default:
		h.show(x, h.step(x, vis, said), vis.Back)
	}
}

// unreadable says what is wrong with a reply that could not be read. A visitor who
// has signed in in another tab needs no answer to that.
func (h *Handler) unreadable(x *exchange.Exchange, err error) {
	e := reply.Unreadable(err)
	if e.Code != fault.VisitLost || !h.already(x, "/") {
		x.Fail(e, "/")
	}
}

// step does what a reply asks for.
func (h *Handler) step(x *exchange.Exchange, vis Visit, said reply.Reply) Outcome {
	switch {
	case said.Again:
		return h.Open(x, vis.Back)
	case said.Flow != "":
		return h.aside(x, vis, said.Flow)
	case said.Source != "":
		return h.source(x, vis, said.Source)
	case said.Offer:
		vis.Detour = nil
		return Outcome{Visit: vis}
	case said.On && vis.Detour != nil:
		return h.returned(x, vis)
	case said.On:
		return h.Look(x, vis, vis.Step.Flow)
	}
	answer, mistake := said.Answer(vis.Step.Challenge)
	if mistake != nil {
		return Outcome{Visit: vis, mistake: mistake}
	}
	if vis.rest(messageOf(answer), h.Now()) > 0 {
		return Outcome{Visit: vis, notice: noticeRest}
	}
	if duo, ok := vis.Step.Challenge.(flowclient.AuthenticatorDuo); ok {
		return h.enrol(x, vis, duo, answer)
	}
	return h.give(x, vis, answer)
}

// give sends an answer to authentik, once.
func (h *Handler) give(x *exchange.Exchange, vis Visit, answer flowclient.Answer) Outcome {
	if said, ok := answer.(flowclient.UserLoginAnswer); ok {
		vis.Stay = said.RememberMe
	}
	words, err := json.Marshal(answer)
	if err != nil {
		return Outcome{Err: fault.New(fault.BadRequest, err)}
	}
	if len(words) > reply.MaxAnswer(vis.Step.Challenge) {
		return Outcome{Err: fault.New(fault.TooLarge, nil)}
	}
	sum := sha256.Sum256(words)
	x = x.Uncanceled() // on a second click the browser cancels the first request
	return h.answers.once(x.Context(), vis.ID, string(answer.Component())+hex.EncodeToString(sum[:]), func() Outcome {
		return h.handOver(x, vis, answer)
	})
}

func (h *Handler) handOver(x *exchange.Exchange, vis Visit, answer flowclient.Answer) Outcome {
	attempt, wait := h.Try(x, answer, vis.Step.Cookies, vis.Step.Challenge.Common().PendingUser)
	if wait > 0 {
		component := vis.Step.Challenge.Component()
		h.Metrics.Step(string(component), "slowed")
		x.Log().InfoContext(x.Context(), "refused", "code", fault.TooManyAttempts, "component", component)
		return Outcome{Visit: vis, wait: wait}
	}
	defer attempt.End()
	step, err := h.Client.Answer(x.Context(), x.Visitor(vis.Step.Cookies), vis.Step.Flow, answer)
	h.count(vis.Step, step, err)
	if err != nil {
		if out, again := h.renamed(x, vis, answer, err); again {
			return out
		}
		if !errors.Is(err, flowclient.ErrUnreachable) {
			attempt.Fail("") // authentik has checked the answer, but its result is unknown
		}
		return unconfirmed(vis, answer, err)
	}
	pending := step.Challenge.Common().PendingUser
	if vis.Refused(answer, step) {
		attempt.Fail(pending)
		return h.accepted(x, vis, answer, step)
	}
	attempt.Accept(pending)
	out := h.accepted(x, vis, answer, step)
	if out.Admitted != nil {
		attempt.Accept(out.Admitted.Username())
	}
	return out
}

// accepted returns the outcome of authentik's reply to an answer.
func (h *Handler) accepted(x *exchange.Exchange, vis Visit, answer flowclient.Answer, step flowclient.Step) Outcome {
	if changed(vis, answer, step) {
		return h.afresh(x, vis, answer, step)
	}
	if wrong, ok := retryable(answer, step); ok {
		return h.retry(x, vis, step.Cookies, wrong)
	}
	out := h.Settle(x, vis.at(step).sent(messageOf(answer), vis, h.Now()))
	out.advanced = out.Err == nil && moved(vis.Step, step)
	if out.Ended() && !elsewhere(step) {
		out = h.reopen(x, vis.Back)
	}
	if step.Lost {
		out.notice = noticeLost
	}
	return out
}

// count reports the result of an answer, and visits that end without a session.
func (h *Handler) count(from, to flowclient.Step, err error) {
	component, result := string(from.Challenge.Component()), "accepted"
	switch {
	case err != nil:
		result = "failed"
		h.Metrics.SignIn(h.Source.Name(), "failed")
	case !moved(from, to):
		result = "refused"
	case to.Challenge.Component() == flowclient.ComponentAccessDenied:
		h.Metrics.SignIn(h.Source.Name(), "denied")
	}
	h.Metrics.Step(component, result)
}

// reopen begins again after a flow that was completed without a sign-in, such as
// one to choose a new password.
func (h *Handler) reopen(x *exchange.Exchange, back string) Outcome {
	out := h.Open(x, back)
	out.notice, out.advanced = noticeDone, true
	return out
}

// aside starts another flow that the challenge offers. It runs in the same
// authentik session and replaces its plan.
func (h *Handler) aside(x *exchange.Exchange, vis Visit, name string) Outcome {
	link := ""
	switch c := h.Offered(vis.Step).Challenge.(type) {
	case flowclient.Identification:
		link = map[string]string{"recovery": c.RecoveryURL, "enroll": c.EnrollURL, "passwordless": c.PasswordlessURL}[name]
	case flowclient.SessionEnd:
		link = map[string]string{"invalidation": c.InvalidationFlowURL}[name]
	case flowclient.Password:
		link = map[string]string{"recovery": c.RecoveryURL}[name]
	}
	flow, ok := vis.Step.FlowAt(link)
	if !ok || link == "" {
		return Outcome{Err: fault.New(fault.BadRequest, nil)}
	}
	vis.Via = nil
	return h.Look(x, vis, flow)
}

// Look asks authentik where the visit stands in a flow.
func (h *Handler) Look(x *exchange.Exchange, vis Visit, flow flowclient.Flow) Outcome {
	x = x.Uncanceled()
	step, err := h.Client.Ask(x.Context(), x.Visitor(vis.Step.Cookies), flow)
	if err != nil {
		return Outcome{Err: fault.From(err)}
	}
	out := h.Settle(x, vis.at(step))
	if out.Ended() && !elsewhere(step) {
		return h.reopen(x, vis.Back)
	}
	return out
}

// Settle returns the outcome of a step. A redirect may be the end of a sign-in,
// but never proves one: authentik is asked who the visitor is. A gate with a flow
// admits only users whom that very flow has signed in: a flow may skip all its
// challenges for a user who is signed in already.
func (h *Handler) Settle(x *exchange.Exchange, vis Visit) Outcome {
	h.Remember(vis.Step.Cookies, vis.Step.Challenge.Common().PendingUser)
	if _, ended := vis.Step.Challenge.(flowclient.Redirect); !ended {
		return Outcome{Visit: vis}
	}
	if h.Flow != "" && !vis.signedInBy(h.Flow) {
		if vis.Login != (flowclient.Login{}) {
			x.Log().InfoContext(x.Context(), "sign-in: by another flow than the gate demands", "flow", vis.Login.Flow, "demanded", h.Flow)
		}
		return Outcome{Visit: vis}
	}
	out, err := h.admit(x, vis)
	switch {
	case errors.Is(err, authn.ErrNotSignedIn):
		return Outcome{Visit: vis}
	case err != nil:
		return Outcome{Err: fault.From(err)}
	}
	if out.Admitted != nil {
		u := out.Admitted.session.User
		upn, _ := user.Claim(u, "attributes.upn").(string)
		h.Throttle.SignedIn(x.At.Client, u.Username, u.Email, upn)
	}
	return out
}

// Ended reports whether the flow has ended and no user is signed in.
func (o Outcome) Ended() bool {
	if o.Err != nil || o.Admitted != nil {
		return false
	}
	_, ended := o.Visit.Step.Challenge.(flowclient.Redirect)
	return ended
}

// elsewhere reports whether the flow first redirects the visitor to another place.
func elsewhere(step flowclient.Step) bool {
	to, ok := step.Challenge.(flowclient.Redirect)
	return ok && (to.Class() == flowclient.RedirectExternal || to.Class() == flowclient.RedirectSource)
}
