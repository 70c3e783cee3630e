package loginhost

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/audit"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/host"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// maxReturns is how often authentik may send back a visitor who has not signed
// in.
const maxReturns = 2

// suspectLogin names the message for visitors who come back without a session.
const suspectLogin = "returned_unsigned"

var (
	errNoPageLoad = errors.New("only a page load can be redirected to a sign-in")
	errNoRequest  = errors.New("the address has no request of a gate, or one that was cut short")
	errRequest    = errors.New("the request was not sealed by a gate with the same key and of the same version, or for another login host")
	errSeen       = errors.New("list the proxy in front in trusted_proxies, so that it can say what browsers ask for, or set site at the login host")
	errBrowser    = errors.New("the visit at the login host was begun in another browser, or this one has lost its cookie")
	errGate       = errors.New("no gate is registered at this login host that has asked for this, or not for this site")
	errSeveral    = errors.New("the browser has sent cookies of several authentik sessions")
	errClock      = errors.New("the clock of the site's server differs from this server's clock")
	errReturned   = errors.New("authentik's flow has sent the visitor back without signing them in")
)

// SignIn answers GET sign-in, to which a browser brings a gate's request, or
// comes back from authentik's flow. A signed-in user who may use the gate's
// application is sent there with a ticket, and any other visitor to the flow.
func (h *Handler) SignIn(x *exchange.Exchange) {
	if !loads(x) {
		x.Fail(fault.New(fault.BadRequest, errNoPageLoad), "/")
		return
	}
	records := h.records(x.Origin())
	vis, returned, age := records.Open(x.At.Asked.Query().Get("request"))
	switch {
	case age == host.None:
		x.Fail(fault.New(fault.BadRequest, errNoRequest), "/")
		return
	case age == host.Unknown && returned:
		x.Fail(fault.New(fault.VisitLost, errRequest), "/")
		return
	case age == host.Unknown:
		x.Fail(fault.New(fault.LoginHostUnknown, h.whyUnknown(x)), "/")
		return
	case age == host.Early, age == host.Expired && !returned && vis.Request.Second:
		x.Fail(fault.New(fault.ClockSkew, fmt.Errorf("%w: its request was made at %v, and here it is %v",
			errClock, vis.Request.Made.UTC().Format(time.DateTime), h.Now().UTC().Format(time.DateTime))), "/")
		return
	case returned && !h.begunHere(x, records, vis):
		h.begunElsewhere(x, vis)
		return
	}
	gate, found, err := records.Registered(x.Context(), vis.Request.Gate)
	switch {
	case err != nil:
		x.Fail(fault.From(err), h.here(x))
	case (!found || age == host.Expired) && returned: // the site then sends the browser here again, with its present configuration
		leads(x, vis.Request.Origin+exchange.LocalPath(vis.Request.Back))
	case found && gate.Format != host.Format:
		x.Fail(fault.New(fault.LoginHostUnknown, fmt.Errorf("%w (formats %d and %d, at %s)", host.ErrFormat, host.Format, gate.Format, vis.Request.Origin)), "/")
	case !found || !gate.Serves(vis.Request.Origin):
		x.Fail(fault.New(fault.LoginHostUnknown, errGate), "/")
	case age == host.Expired: // the site then sends the browser here again, and tells the visitor
		leads(x, callback(vis.Request, gate, ""))
	default:
		h.answer(x, records, vis, gate)
	}
}

// whyUnknown says why a request cannot be opened: it may be for an address of this
// login host that the server does not recognize behind another proxy.
func (h *Handler) whyUnknown(x *exchange.Exchange) error {
	for _, origin := range h.Origins {
		if _, _, age := h.records(origin).Open(x.At.Asked.Query().Get("request")); age != host.Unknown {
			return fmt.Errorf("browsers have come to %s, and this server reads that as %s: %w", origin, x.Origin(), errSeen)
		}
	}
	return errRequest
}

// begunHere reports whether a visit began in this browser.
func (h *Handler) begunHere(x *exchange.Exchange, records host.Records, vis host.Visit) bool {
	return slices.ContainsFunc(x.Visits(), func(s seal.Secret) bool { return host.Is(vis.Here, records.Nonce(s)) })
}

// begunElsewhere answers a visit that is not bound to this browser. It may belong
// to another tab: of the tabs that a browser restores at once, each gets a cookie,
// and only the last cookie stays. Or a link in a mail was opened in another
// browser. A visitor who is signed in by now goes to the site, which sends the
// browser here with a request of its own. Any other browser seems to keep no
// cookie.
func (*Handler) begunElsewhere(x *exchange.Exchange, vis host.Visit) {
	if cookies, _ := x.Authentiks(); cookies.Authenticated() {
		leads(x, vis.Request.Origin+exchange.LocalPath(vis.Request.Back))
		return
	}
	x.Fail(fault.New(fault.VisitLost, errBrowser), "/")
}

// here returns the address of the request itself, for another try.
func (h *Handler) here(x *exchange.Exchange) string {
	return h.at(x.At.Asked.Query().Get("request"))
}

// answer answers a valid request of a registered gate.
func (h *Handler) answer(x *exchange.Exchange, records host.Records, vis host.Visit, gate host.Registration) {
	vis.Here = records.Nonce(x.EnsureVisit())
	again, err := records.SealVisit(vis)
	if err != nil {
		x.Fail(fault.New(fault.AuthentikUnexpected, err), "/")
		return
	}
	cookies, sessions := x.Authentiks()
	if sessions > 1 {
		h.several(x, h.at(again))
		return
	}
	secret, known := x.Copied()
	held, err := records.Hold(x.Context(), secret, known)
	if err != nil {
		x.Fail(fault.From(err), h.at(again))
		return
	}
	asked := h.Now()
	who, err := h.signedIn(x, cookies, gate)
	if err == nil && who.Passing {
		who.SignIn, err = h.signInOf(x, records, vis, who)
	}
	switch {
	case errors.Is(err, authn.ErrNotSignedIn):
		h.lead(x, records, vis)
	case err != nil:
		x.Fail(fault.From(err), h.at(again))
	case !who.Passing:
		h.turnAway(x, who, gate, fault.New(fault.NotAllowed, nil), h.at(again))
	case due(vis).Unmet(who.SignIn, h.Now()):
		h.again(x, records, vis, gate, who)
	default:
		who.Asked = asked
		if err := h.admit(x, records, held, vis, gate, who); err != nil {
			x.Fail(fault.From(err), h.at(again))
		}
	}
}

// due returns the demand on a sign-in now. The gate checks the sign-in a little
// later, so one that is about to be too old is repeated at once. A visitor who
// comes from the flow is not sent there again for a few missing seconds.
func due(vis host.Visit) authn.Demand {
	if vis.Again || vis.Returns > 0 {
		return vis.Request.Demand
	}
	return vis.Request.Demand.Ahead()
}

// signedIn asks authentik who is signed in with the browser's cookies, and
// whether that user may use the gate's application. It asks about the user
// last: authentik answers the other question without a session too.
func (h *Handler) signedIn(x *exchange.Exchange, cookies flowclient.Cookies, gate host.Registration) (session.Proof, error) {
	if cookies[flowclient.SessionCookie] == "" {
		return session.Proof{}, authn.ErrNotSignedIn
	}
	v, passing := x.Visitor(cookies), true
	if gate.Application != "" {
		var err error
		if passing, err = authn.Access(x.Context(), h.Authentik, v, gate.Application); err != nil {
			return session.Proof{}, err
		}
	}
	return authn.Me(x.Context(), h.Authentik, v, passing)
}

// lead sends the browser to authentik's flow, which sends it back here. If the
// browser comes back twice without a session, the visitor gets an error.
func (h *Handler) lead(x *exchange.Exchange, records host.Records, vis host.Visit) {
	if vis.Returns >= maxReturns {
		vis.Returns = 0 // if the visitor tries again
		again, _ := records.SealVisit(vis)
		e := fault.New(fault.DeniedByFlow, errReturned)
		e.Suspect = suspectLogin
		x.Fail(e, h.at(again))
		return
	}
	vis.Returns++
	next, err := records.SealVisit(vis)
	if err != nil {
		x.Fail(fault.New(fault.AuthentikUnexpected, err), "/")
		return
	}
	demand := vis.Request.Demand
	if h.Own != nil && !h.byStepUp(demand) {
		leads(x, h.LoginAt(ask+"=1&to="+url.QueryEscape(h.at(next))))
		return
	}
	flow, err := h.flowFor(x, demand)
	if err != nil {
		x.Fail(fault.From(err), h.here(x))
		return
	}
	leads(x, h.flowAt(flow, h.at(next)))
}

// admit sends the browser to the gate with a ticket.
func (h *Handler) admit(x *exchange.Exchange, records host.Records, held host.Held, vis host.Visit, gate host.Registration, who session.Proof) error {
	x = x.Uncanceled()
	kept, err := records.Keep(x.Context(), held, host.Copy{
		UID: who.User.UID, Cookies: who.Cookies, Until: h.Now().Add(gate.Lifetime + host.TicketKept),
	})
	if err != nil {
		return err
	}
	if before, known := x.Copied(); !known || kept != before {
		x.SetCopied(kept)
	}
	ticket, err := records.Issue(x.Context(), host.Place{Gate: vis.Request.Gate, Origin: vis.Request.Origin}, host.Ticket{
		Nonce: vis.Request.Nonce, Back: vis.Request.Back, User: who.User, SID: who.SID, Copy: kept.Cookie(), Begun: vis.Request.Made, Asked: who.Asked,
		SignIn: who.SignIn,
	})
	if err != nil {
		return err
	}
	x.Log().InfoContext(x.Context(), "login host: signed in", "user", who.User.Username, "for", vis.Request.Origin)
	leads(x, callback(vis.Request, gate, ticket))
	return nil
}

// callback returns the address at which a gate receives a ticket. It also has
// the gate's demands, in case the gate has to ask once more.
func callback(request host.Request, gate host.Registration, ticket string) string {
	join := "?"
	if strings.Contains(gate.Callback, "?") {
		join = "&"
	}
	to := request.Origin + gate.Callback + join + "ticket=" + url.QueryEscape(ticket) + "&to=" + url.QueryEscape(request.Back) + request.Demand.Query()
	if request.Second {
		to += "&second=1"
	}
	return to
}

// turnAway tells a signed-in user that they may not use the application, or
// demands another kind of sign-in.
func (h *Handler) turnAway(x *exchange.Exchange, who session.Proof, gate host.Registration, e *fault.Error, again string) {
	if x.JSON() {
		x.Problem(e)
		return
	}
	x.Log().InfoContext(x.Context(), "refused", "code", string(e.Code), "error", fault.Cause(e), "user", who.User.Username, "application", gate.Application, "remedy", e.Remedy())
	x.Refused(e.Code, audit.Line{User: who.User.Username})
	h.Pages.Forbid(x.W, x.R, page.Failure{Code: string(e.Code), Status: e.Status}, who.User.Username, nil, again, x.KnownBrand(x))
}

// several tells a visitor that the browser has several sessions and that none
// of them is used.
func (h *Handler) several(x *exchange.Exchange, again string) {
	e := fault.New(fault.SeveralSessions, errSeveral)
	if x.JSON() {
		x.Problem(e)
		return
	}
	x.Report(e)
	h.Pages.Several(x.W, x.R, page.Failure{Code: string(e.Code), Status: e.Status}, again, x.KnownBrand(x))
}
