package signin

import (
	"cmp"
	"net/http"
	"net/url"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intent"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// The gate's own notices with a challenge: their names in the message
// catalogue.
const (
	noticeExpired = "notice_expired"
	noticeLost    = "notice_lost"
	noticeDone    = "notice_done"
)

// Show shows the outcome of a step.
func (h *Handler) Show(x *exchange.Exchange, out Outcome, back string) { h.show(x, out, back) }

func (h *Handler) show(x *exchange.Exchange, out Outcome, back string) {
	switch {
	case out.Err != nil:
		h.disappoint(x, out.Err, back)
	case out.Admitted != nil:
		h.arrive(x, out.Admitted)
	default:
		h.draw(x, out)
	}
}

// draw shows the challenge of a visit. The visit is sealed for the browser that
// asks.
func (h *Handler) draw(x *exchange.Exchange, out Outcome) {
	vis := out.Visit
	sealed, err := vis.forPage(x)
	reload, failed := h.resumedAt(x, vis)
	if err = cmp.Or(err, failed); err != nil {
		x.Fail(fault.New(fault.AuthentikUnexpected, err), vis.Back)
		return
	}
	component := vis.Step.Challenge.Component()
	h.KeepForMail(x, component, vis.Back)
	h.Metrics.Step(string(component), "asked")
	x.Mention("component", string(component))
	exchange.RetryAfter(x.W.Header(), out.wait)
	q := page.Question{
		Step: h.Offered(vis.Step), Brand: x.Brand(x), Visit: sealed, Back: vis.Back, Reload: reload, Aside: vis.aside(), Notice: out.notice, Mistake: out.mistake,
		Elsewhere: h.elsewhere(vis), Origin: x.Origin(),
		Source: h.Chosen(vis), ResendAfter: vis.longestRest(h.Now()),
		Name: vis.Name, Lockout: out.wait,
	}
	if vis.copy != nil {
		q.Prints = vis.copy.Prints
	}
	if err = h.ask(x, q); err != nil {
		x.Log().ErrorContext(x.Context(), "page: cannot be drawn", "error", err, "component", component)
	}
}

// ask shows a challenge as HTML or JSON. Both have the same status: a refused
// answer has an error status for programs too.
func (h *Handler) ask(x *exchange.Exchange, q page.Question) error {
	if !x.JSON() {
		return h.Pages.Ask(x.W, x.R, q)
	}
	body, err := h.document(x.R, q)
	if err != nil {
		http.Error(x.W, "", http.StatusInternalServerError)
		return err
	}
	return x.WriteJSON(q.Status(), body)
}

// elsewhere returns the address that leads a browser to authentik's own pages.
// With OpenID Connect or a login host it starts at this site, so that the
// browser comes back signed in. Otherwise the gate does not learn what happens
// there.
func (h *Handler) elsewhere(vis Visit) string {
	if h.OIDC != nil || h.Host != nil {
		return h.LoginAt("at=authentik&to=" + url.QueryEscape(vis.Back))
	}
	if h.HandsOver { // on this very host
		return h.Base + "if/flow/" + vis.Step.Flow.Slug + "/?next=" + url.QueryEscape(vis.Back)
	}
	return h.Client.Root() + "if/flow/" + vis.Step.Flow.Slug + "/"
}

// arrive gives the browser its session. A browser is redirected once, which shows
// whether it keeps the cookie. A program gets the result in this response.
func (h *Handler) arrive(x *exchange.Exchange, a *Admission) {
	if a.cookies != nil {
		h.giveBrowser(x, a)
		return
	}
	h.Hand(x, a)
	if !x.JSON() {
		x.Redirect(h.Arrival(a))
		return
	}
	switch v := x.Access(a.session); {
	case v.Pass:
		x.Lead(a.back, a.back)
	case v.Err != nil:
		x.TurnAway(a.session, v.Err, a.back)
	default:
		x.Fail(fault.New(fault.SignInRequired, nil), a.back)
	}
}

// Arrival returns the address to which a browser goes after it was given a
// session.
func (h *Handler) Arrival(a *Admission) string {
	return h.LoginAt("signed-in=1&to=" + url.QueryEscape(a.back))
}

// Hand sets the cookies of a session that has begun. The browser gets a new
// secret for its visits, so that pages of its previous user no longer work.
func (h *Handler) Hand(x *exchange.Exchange, a *Admission) {
	if before, found, err := x.Session(); err == nil && found && before.Name() != a.session.Name() {
		_ = x.End(before, "replaced") // logged; the new session is valid in any case
	}
	x.SetSession(a.secret, a.session.Stay)
	x.RenewVisit()
	x.SetArrivals(x.Arrivals().With(h.Now()))
	x.ForUser(a.session.User.UID)
	if h.Relay != nil {
		x.ExpireRelay() // the visit may have continued on the gate's own page
	}
	if a.browser != nil {
		h.recognize(x, *a.browser)
	}
}

// recognize gives the browser the secret that seals its device cookies. It
// deletes cookies under another secret that the browser has sent.
func (h *Handler) recognize(x *exchange.Exchange, s seal.Secret) {
	if before, ok := x.Browser(); ok && before != s { // an answer that is submitted again has the new one already
		if err := h.devices.Forget(x.Context(), before, x.At.Host); err != nil {
			x.Log().WarnContext(x.Context(), "remembered device: cannot be deleted", "error", err)
		}
	}
	x.SetBrowser(s)
}

// disappoint shows why a sign-in has failed. If a step-up was refused, the page
// names the user who is signed in.
func (h *Handler) disappoint(x *exchange.Exchange, e *fault.Error, back string) {
	if s, found, err := x.Session(); err == nil && found && e.Code == fault.StepUpRefused {
		x.TurnAway(s, e, back)
		return
	}
	x.Fail(e, back)
}

// Lead sends a page load to the sign-in page, or to the page of a link, if
// valid. A page load in a frame is not redirected: it gets a page that opens
// the sign-in in a separate window. If the browser was redirected here with a
// session a moment ago, the address says so, and the sign-in page can detect a
// loop.
func (h *Handler) Lead(x *exchange.Exchange, link Link) {
	x.ExpireUnreadable()
	x.Mark()
	if intent.Framed(x.R) {
		h.Frame(x)
		return
	}
	if h.circular(x) {
		x.Fail(fault.New(fault.AuthentikBehindGate, errGated), "/")
		return
	}
	x.W.Header().Set("Vary", "Cookie, Sec-Fetch-Mode, Accept")
	if !link.Valid() {
		to := h.SignInAt(x.Shorten(x.WayBack(x.At.Asked.RequestURI()))) + x.Asking
		if len(x.Arrivals()) > 0 {
			to += "&asked=1"
		}
		x.Redirect(to)
		return
	}
	to, err := h.linkTo(x, link)
	if err != nil {
		x.Fail(fault.New(fault.AuthentikUnexpected, err), "/")
		return
	}
	x.Redirect(to)
}

// SignInAt returns the address of a sign-in at this gate that leads to an
// address of this site.
func (h *Handler) SignInAt(back string) string {
	return h.LoginAt("to=" + url.QueryEscape(back))
}

// Frame answers a page load or a form in a frame that needs a sign-in first.
// Its page opens the sign-in in a separate window. In frames of other sites
// browsers do not send the session cookie (SameSite=Lax); there the page can
// only open the application itself.
func (h *Handler) Frame(x *exchange.Exchange) {
	to := page.FrameLinks{Own: x.WayBack(x.At.Asked.RequestURI())}
	if x.R.Header.Get("Sec-Fetch-Site") != "cross-site" {
		to.SignIn = h.SignInAt(h.FramedAt()) + x.Asking
	}
	x.Invite()
	h.Pages.Framed(x.W, x.R, to, x.Brand(x))
}

// Unframe answers GET framed, in the window that a frame has opened. A visitor
// who has signed in may close it. All other visitors are redirected to the
// sign-in, which shows an error to users who have signed in but may not pass.
func (h *Handler) Unframe(x *exchange.Exchange) {
	v, found, err := x.Verdict()
	if err != nil {
		x.Fail(fault.From(err), "/")
		return
	}
	if found && v.Pass {
		s, _, _ := x.Session()
		h.Pages.SignedInFromFrame(x.W, x.R, s.User.Username, x.Brand(x))
		return
	}
	if !intent.Navigates(x.R) {
		x.Fail(fault.New(fault.SignInRequired, nil), "/")
		return
	}
	x.Redirect(h.SignInAt(h.FramedAt()))
}
