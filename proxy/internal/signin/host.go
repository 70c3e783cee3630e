package signin

import (
	"errors"
	"net/url"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/host"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// A LoginHost is the login host where the visitors of a gate sign in.
type LoginHost struct {
	*host.Source
	// Page says that visitors sign in on this site's page, and at the login
	// host only if authentik wants something that the page cannot do.
	Page bool
	// Gate is the registration of this gate with the login host.
	Gate *host.Member
}

var (
	errForeignHost = errors.New("the configuration does not name this host for the site, or the browser has asked for it without HTTPS")
	errSignedOut   = errors.New("the visitor has signed out since the ticket was issued")
)

// departToHost sends the browser to the login host. second says that the
// browser has come back from there before, without a valid ticket.
func (h *Handler) departToHost(x *exchange.Exchange, back string, second bool) {
	if !h.Host.Gate.Serves(x.Origin()) {
		x.Fail(fault.New(fault.HostUnknown, errForeignHost), "/")
		return
	}
	at, err := h.Host.Gate.Introduce(x.Context())
	if err != nil {
		x.Fail(fault.From(err), back)
		return
	}
	demand := h.demand(x)
	if demand.MFA && !at.StepUp {
		x.Fail(fault.New(fault.StepUpRefused, host.ErrNoStepUp), back)
		return
	}
	request, err := h.Host.SealRequest(host.Request{
		Gate: h.Host.Gate.Name, Origin: x.Origin(), Back: x.Shorten(back), Nonce: h.Host.Nonce(x.EnsureVisit()), Second: second, Demand: demand,
	})
	if err != nil {
		x.Fail(fault.New(fault.AuthentikUnexpected, err), back)
		return
	}
	x.W.Header().Set("Referrer-Policy", "no-referrer")
	x.Leave(h.Host.Origin + at.SignIn + "?request=" + url.QueryEscape(request))
}

// Arrive answers GET callback of a gate whose visitors sign in at a login host:
// the browser comes back with a ticket. If the ticket is not valid, the browser
// goes there once more, where a signed-in user need not do anything. So an
// attacker who sends a visitor here with the attacker's ticket (login CSRF)
// gains nothing: the visitor still signs in as themselves.
//
// Every response is a redirect, or a page that scripts of this site cannot
// read. So no script can read a ticket from an address.
func (h *Handler) Arrive(x *exchange.Exchange) {
	query := x.At.Asked.Query()
	back := x.WayBack(query.Get("to"))
	x.W.Header().Set("Referrer-Policy", "no-referrer")
	a, err := h.land(x, query.Get("ticket"))
	_, demanded := h.demanded(x)
	switch {
	case err == nil:
		h.arrive(x, a)
	case !demanded && fault.From(err).Code != fault.StepUpRefused && h.already(x, back): // another tab was faster, or the page was reloaded
	case fault.From(err).Code == fault.VisitLost && !query.Has("second"):
		h.departToHost(x, back, true)
	default:
		h.Metrics.SignIn(h.Source.Name(), "failed")
		h.disappoint(x, fault.From(err), back)
	}
}

// land begins a session with a ticket.
func (h *Handler) land(x *exchange.Exchange, ticket string) (*Admission, error) {
	x = x.Uncanceled()
	var nonces []string
	for _, browser := range x.Visits() {
		nonces = append(nonces, h.Host.Nonce(browser))
	}
	t, err := h.Host.Redeem(x.Context(), host.Place{Gate: h.Host.Gate.Name, Origin: x.Origin()}, ticket, nonces...)
	if err != nil {
		return nil, err
	}
	switch holds, err := h.Host.Holds(x.Context(), t); {
	case err != nil:
		return nil, err
	case !holds:
		return nil, fault.New(fault.VisitLost, errSignedOut)
	case h.Demand.Unmet(t.SignIn, h.Now()): // the login host never issues such a ticket
		return nil, fault.New(fault.StepUpRefused, errStepUp)
	}
	a, err := h.welcome(x, h.Host.Proof(t), t.Begun, x.WayBack(t.Back))
	if err != nil {
		return nil, err
	}
	x.Log().InfoContext(x.Context(), "signed in", "user", t.User.Username, "session", a.session.ID(), "at", h.Host.Origin)
	return a, nil
}

// atAuthentik returns the admission of a visitor at a login host. It gives
// authentik's cookies of the visit to the browser.
func (h *Handler) atAuthentik(x *exchange.Exchange, vis Visit, who session.Proof) *Admission {
	h.Metrics.SignIn(h.Source.Name(), "admitted")
	x.Log().InfoContext(x.Context(), "login host: signed in on the page", "user", who.User.Username,
		"flow", vis.Step.Flow.Slug, "duration", h.Now().Sub(vis.Begun))
	if h.Witness != nil {
		h.Witness(x, who, vis.Login)
	}
	return &Admission{session: &session.Session{User: who.User}, back: vis.Back, cookies: who.Cookies, until: vis.Until}
}

// giveBrowser gives the browser authentik's session, and redirects it.
func (h *Handler) giveBrowser(x *exchange.Exchange, a *Admission) {
	x.SetAuthentiks(a.cookies, a.until, h.Base)
	x.Lead(a.back, a.back)
}
