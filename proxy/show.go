package proxy

import (
	"net/http"
	"net/url"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

// The notices of our own that stand above a question, by name.
const (
	noticeExpired = "notice_expired"
	noticeLost    = "notice_lost"
	noticeDone    = "notice_done"
)

// show draws what has come of a step.
func (g *Gate) show(w http.ResponseWriter, r *http.Request, at Resolved, out outcome, back string) {
	switch {
	case out.err != nil:
		g.disappoint(w, r, at, out.err, back)
	case out.admitted != nil:
		g.welcome(w, r, at, out.admitted)
	default:
		g.draw(w, r, at, out)
	}
}

// draw draws the question of a visit, sealed for the browser that asks.
func (g *Gate) draw(w http.ResponseWriter, r *http.Request, at Resolved, out outcome) {
	vis := out.visit
	s := g.jar.visitFor(w, r, at)
	sealed, err := g.sealVisit(s, at, vis)
	if err != nil {
		g.fail(w, r, at, fault.New(fault.AuthentikUnexpected, err), vis.Back)
		return
	}
	component := vis.Step.Challenge.Component()
	g.cfg.Metrics.Step(string(component), "asked")
	retryAfter(w.Header(), &fault.Error{RetryAfter: out.wait})
	err = g.voice(r).ask(w, r, page.Question{
		Step: vis.Step, Brand: g.brand(r, at), Visit: sealed, Back: vis.Back, Notice: out.notice, Mistake: out.mistake,
		Elsewhere: g.elsewhere(vis), Origin: at.Scheme + "://" + at.Host,
		Source: g.chosen(vis), ResendAfter: vis.longestRest(g.cfg.Now()),
		Name: vis.Name, Lockout: out.wait,
	})
	if err != nil {
		g.log(at).ErrorContext(r.Context(), "a page could not be drawn", "error", err, "component", component)
	}
}

// elsewhere is where a browser goes on at authentik's own pages. With OpenID Connect it leaves from here, so that it comes
// back signed in; without, nothing that is done there can be known here.
func (g *Gate) elsewhere(vis visit) string {
	if g.cfg.OIDC.used() {
		return g.cfg.Prefix + "/login?at=authentik&to=" + url.QueryEscape(vis.Back)
	}
	return g.cfg.Client.Root() + "if/flow/" + vis.Step.Flow.Slug + "/"
}

// welcome gives the browser its session, and new secrets all round: pages of
// whoever used this browser before are dead from here on.
func (g *Gate) welcome(w http.ResponseWriter, r *http.Request, at Resolved, a *admission) {
	g.hand(w, r, at, a)
	g.voice(r).arrive(w, r, at, a)
}

// hand sets the cookies of a session that has begun.
func (g *Gate) hand(w http.ResponseWriter, r *http.Request, at Resolved, a *admission) {
	if before, err := g.sessionOf(r, at); err == nil && before != nil && before.name != a.session.name {
		_ = g.finish(r, at, before, "replaced") // logged; the new session is good all the same
	}
	g.jar.setSession(w, at, a.secret)
	g.jar.setVisit(w, at, seal.NewSecret())
	g.jar.setArrivals(w, at, g.jar.arrivalsOf(r, at, g.cfg.Now()).with(g.cfg.Now()))
	if g.cfg.Login == LoginRelay {
		g.jar.endRelay(w, at) // the visit may have gone on at the gate's own page
	}
	if a.browser != nil {
		g.jar.setBrowser(w, at, *a.browser)
	}
}

// disappoint tells a visitor what has gone wrong with a sign-in. Who is signed in all the same is told as whom.
func (g *Gate) disappoint(w http.ResponseWriter, r *http.Request, at Resolved, e *fault.Error, back string) {
	if session, err := g.sessionOf(r, at); err == nil && session != nil && e.Code == fault.StepUpRefused {
		g.turnAway(w, r, at, session, e, back)
		return
	}
	g.fail(w, r, at, e, back)
}

// turnAway tells a signed-in visitor that the application is not for them.
func (g *Gate) turnAway(w http.ResponseWriter, r *http.Request, at Resolved, s *Session, e *fault.Error, back string) {
	if e.Code != fault.NotAllowed && e.Code != fault.StepUpRefused {
		g.fail(w, r, at, e, back)
		return
	}
	g.log(at).InfoContext(r.Context(), "refused", "code", e.Code, "user", s.User.Username, "session", s.id)
	g.voice(r).forbid(w, r, at, e, s.User.Username, back)
}

// lead sends a page load to the sign-in page, or to the page of a link. In a frame it stays where it is, and gets a page
// that opens the sign-in beside it. Where somebody was said to be signed in a moment ago the address
// says so: the sign-in page may know them, and lead them back here, without end.
func (g *Gate) lead(w http.ResponseWriter, r *http.Request, at Resolved, d signIn) {
	g.expireUnreadable(w, r, at)
	if framed(r) {
		g.frame(w, r, at)
		return
	}
	w.Header().Set("Vary", "Cookie, Sec-Fetch-Mode, Accept")
	if !d.link.Valid() {
		to := g.signInFor(g.wayBack(at.Asked.RequestURI()))
		if len(g.jar.arrivalsOf(r, at, g.cfg.Now())) > 0 {
			to += "&asked=1"
		}
		g.redirect(w, to)
		return
	}
	to, err := g.linkTo(w, r, at, d.link)
	if err != nil {
		g.fail(w, r, at, fault.New(fault.AuthentikUnexpected, err), "/")
		return
	}
	g.redirect(w, to)
}

// signInFor is where somebody signs in who wants to go to an address of this site, as this gate demands it.
func (g *Gate) signInFor(back string) string {
	return g.cfg.Prefix + "/login?to=" + url.QueryEscape(back) + g.cfg.OIDC.demand().text()
}

// expireUnreadable takes a session cookie from the browser that no gate has
// written. One that only opens nothing is left alone: by the time the answer
// arrives, another tab may have put a good one in its place.
func (g *Gate) expireUnreadable(w http.ResponseWriter, r *http.Request, at Resolved) {
	for value := range cookieValues(r.Header["Cookie"], g.jar.session.in(at.Scheme)) {
		if _, ok := seal.ParseSecret(value); !ok {
			g.jar.endSession(w, at)
			return
		}
	}
}

// redirect sends the browser to an address on this site, or to one of authentik's.
func (g *Gate) redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}
