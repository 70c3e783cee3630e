package proxy

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// The notices of our own that stand above a question.
const (
	noticeExpired = "That took a while, so your sign-in has begun again."
	noticeLost    = "authentik has not kept your last answer. Please go on from here."
	noticeDone    = "That is done. Now you can sign in."
)

// serve answers the gate's own addresses. What is not one of them is
// nobody's: it never reaches the application.
func (g *Gate) serve(w http.ResponseWriter, r *http.Request, at Resolved) {
	path := at.Asked.Path[len(g.cfg.Prefix):]
	route, known := g.route(path)
	if !known {
		g.fail(w, r, at, failure(CodeNotFound, nil), "/")
		return
	}
	answer, allowed := route[method(r)]
	if !allowed {
		g.fail(w, r, at, failure(CodeMethodNotAllowed, nil), "/")
		return
	}
	if r.Method == http.MethodPost {
		if err := g.forgery.Check(r); err != nil {
			g.fail(w, r, at, failure(CodeCrossSite, err), "/")
			return
		}
	}
	answer(w, r, at)
}

// An ownPage answers one address of the gate.
type ownPage func(http.ResponseWriter, *http.Request, Resolved)

// route returns what answers an address below the prefix, by method.
func (g *Gate) route(path string) (map[string]ownPage, bool) {
	switch path {
	case "/login":
		return map[string]ownPage{http.MethodGet: g.begin, http.MethodPost: g.proceed}, true
	case "/logout":
		return map[string]ownPage{http.MethodGet: g.farewell, http.MethodPost: g.leave}, true
	case "/session":
		return map[string]ownPage{http.MethodGet: g.whoami}, true
	}
	switch {
	case len(path) > len("/assets/") && path[:len("/assets/")] == "/assets/":
		return map[string]ownPage{http.MethodGet: g.asset}, true
	case len(path) > len("/brand/") && path[:len("/brand/")] == "/brand/":
		return map[string]ownPage{http.MethodGet: g.picture}, true
	}
	return nil, false
}

// method takes HEAD for the GET it stands for.
func method(r *http.Request) string {
	if r.Method == http.MethodHead {
		return http.MethodGet
	}
	return r.Method
}

func (g *Gate) asset(w http.ResponseWriter, r *http.Request, at Resolved) {
	g.pages.assets().ServeHTTP(w, asked(r, at))
}

func (g *Gate) picture(w http.ResponseWriter, r *http.Request, at Resolved) {
	g.pictures.ServeHTTP(w, asked(r, at))
}

// asked returns the request as it was before any rewriting.
func asked(r *http.Request, at Resolved) *http.Request {
	r = r.Clone(r.Context())
	r.URL = at.Asked
	return r
}

// show draws what has come of a step.
func (g *Gate) show(w http.ResponseWriter, r *http.Request, at Resolved, out outcome, back string) {
	switch {
	case out.err != nil:
		g.fail(w, r, at, out.err, back)
	case out.admitted != nil:
		g.welcome(w, r, at, out.admitted)
	default:
		g.draw(w, r, at, out.visit, out.notice, nil)
	}
}

// showMistake draws the same question again, with what was wrong about the form.
func (g *Gate) showMistake(w http.ResponseWriter, r *http.Request, at Resolved, vis visit, mistake *formError) {
	g.draw(w, r, at, vis, "", mistake)
}

// draw draws the question of a visit, sealed for the browser that asks.
func (g *Gate) draw(w http.ResponseWriter, r *http.Request, at Resolved, vis visit, notice string, mistake *formError) {
	s, ok := g.jar.visitOf(r, at)
	if !ok {
		s = newSecret()
		g.jar.setVisit(w, at, s)
	}
	sealed, err := g.sealVisit(s, at, vis)
	if err != nil {
		g.fail(w, r, at, failure(CodeAuthentikUnexpected, err), vis.Back)
		return
	}
	brand, _ := g.brands.of(r.Context(), g.visitor(r, at, nil)) // without its brand the question is still authentik's
	component := vis.Step.Challenge.Component()
	g.cfg.Metrics.Step(string(component), "asked")
	err = g.pages.ask(w, r, question{
		Step: vis.Step, Brand: brand, Visit: sealed, Back: vis.Back, Notice: notice, Mistake: mistake,
		Elsewhere: g.elsewhere(vis), Language: r.Header.Get("Accept-Language"),
	})
	if err != nil {
		g.log(at).ErrorContext(r.Context(), "a page could not be drawn", "error", err, "component", component)
	}
}

// elsewhere is the address of the flow on authentik's own pages.
func (g *Gate) elsewhere(vis visit) string {
	address, _ := g.cfg.Client.PublicURL("/if/flow/" + vis.Step.Flow.Slug + "/")
	return address
}

// welcome gives the browser its session, and new secrets all round: pages of
// whoever used this browser before are dead from here on. One hop shows whether the cookie comes back.
func (g *Gate) welcome(w http.ResponseWriter, r *http.Request, at Resolved, a *admission) {
	if before, err := g.sessionOf(r, at); err == nil && before != nil && before.name != a.session.name {
		_ = g.finish(r, at, before, "replaced") // logged; the new session is good all the same
	}
	g.jar.setSession(w, at, a.secret)
	g.jar.setVisit(w, at, newSecret())
	if a.browser != nil {
		g.jar.setBrowser(w, at, *a.browser)
	}
	g.redirect(w, g.cfg.Prefix+"/login?signed-in=1&to="+url.QueryEscape(a.back))
}

// turnAway tells a signed-in visitor that the application is not for them.
func (g *Gate) turnAway(w http.ResponseWriter, r *http.Request, at Resolved, s *Session, e *Error, back string) {
	if e.Code != CodeNotAllowed {
		g.fail(w, r, at, e, back)
		return
	}
	g.log(at).InfoContext(r.Context(), "refused", "code", e.Code, "user", s.User.Username, "session", s.id)
	brand, _ := g.brands.of(r.Context(), g.visitor(r, at, nil))
	g.pages.forbid(w, r, s.User.Username, nil, back, brand)
}

// lead sends a page load to the sign-in page.
func (g *Gate) lead(w http.ResponseWriter, r *http.Request, at Resolved) {
	g.expireUnreadable(w, r, at)
	w.Header().Set("Vary", "Cookie, Sec-Fetch-Mode, Accept")
	g.redirect(w, g.cfg.Prefix+"/login?to="+url.QueryEscape(g.wayBack(at.Asked.RequestURI())))
}

// expireUnreadable takes a session cookie from the browser that no gate has
// written. One that only opens nothing is left alone: by the time the answer
// arrives, another tab may have put a good one in its place.
func (g *Gate) expireUnreadable(w http.ResponseWriter, r *http.Request, at Resolved) {
	for value := range cookieValues(r.Header["Cookie"], g.jar.session.in(at.Scheme)) {
		if _, ok := parseSecret(value); !ok {
			g.jar.endSession(w, at)
			return
		}
	}
}

// redirect sends the browser to an address on this site.
func (g *Gate) redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// refuse answers a request for the application that may not pass. A page load gets
// a page, everything else a document that programs read.
func (g *Gate) refuse(w http.ResponseWriter, r *http.Request, at Resolved, e *Error) {
	w.Header().Add("Vary", "Cookie, Sec-Fetch-Mode, Accept")
	if !navigates(r) {
		g.expireUnreadable(w, r, at)
		g.problem(w, r, at, e)
		return
	}
	back := g.wayBack(at.Asked.RequestURI())
	if session, err := g.sessionOf(r, at); err == nil && session != nil {
		g.turnAway(w, r, at, session, e, back)
		return
	}
	g.fail(w, r, at, e, back)
}

// fail reports a failure, on a page or as a document.
func (g *Gate) fail(w http.ResponseWriter, r *http.Request, at Resolved, e *Error, back string) {
	if r.Method == http.MethodGet && !navigates(r) {
		g.problem(w, r, at, e)
		return
	}
	g.report(r, at, e)
	brand, _ := g.brands.of(r.Context(), g.visitor(r, at, nil))
	g.pages.fail(w, r, e, back, brand)
}

// report logs a failure once, with its cause.
func (g *Gate) report(r *http.Request, at Resolved, e *Error) {
	log := g.log(at)
	switch {
	case e.Code == CodeSignInRequired:
	case e.Status >= http.StatusInternalServerError:
		log.ErrorContext(r.Context(), "refused", "code", e.Code, "error", errors.Unwrap(e))
	default:
		log.InfoContext(r.Context(), "refused", "code", e.Code, "error", errors.Unwrap(e))
	}
}

// problem answers with a problem document (RFC 9457).
func (g *Gate) problem(w http.ResponseWriter, r *http.Request, at Resolved, e *Error) {
	g.report(r, at, e)
	login := g.cfg.Prefix + "/login"
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	retryAfter(h, e)
	document := problem{Type: "about:blank", Title: e.Public, Status: e.Status, Code: e.Code}
	if e.Code == CodeSignInRequired {
		h.Set("WWW-Authenticate", `authentik login_url="`+login+`"`)
		document.LoginURL = login
	}
	w.WriteHeader(e.Status)
	_ = json.NewEncoder(w).Encode(document) // a visitor who has gone away needs no answer
}

// problem is a failure for programs to read.
type problem struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Code     Code   `json:"code"`
	LoginURL string `json:"login_url,omitempty"`
}

func retryAfter(h http.Header, e *Error) {
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(e.RetryAfter.Round(time.Second)/time.Second)))
	}
}

// whoami answers GET session: who is signed in, and until when.
func (g *Gate) whoami(w http.ResponseWriter, r *http.Request, at Resolved) {
	session, err := g.sessionOf(r, at)
	switch {
	case err != nil:
		g.problem(w, r, at, asError(err))
		return
	case session == nil:
		g.problem(w, r, at, failure(CodeSignInRequired, nil))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"user": session.User.Username, "name": session.User.Name, "email": session.User.Email,
		"groups": session.User.Groups, "session": session.id,
		"begun": session.Begun.UTC(), "until": session.Until.UTC(), "limit": "lifetime",
	})
}

// farewell answers GET logout: a button, since a link alone must not end a session.
func (g *Gate) farewell(w http.ResponseWriter, r *http.Request, at Resolved) {
	session, err := g.sessionOf(r, at)
	if err != nil {
		g.fail(w, r, at, asError(err), "/")
		return
	}
	brand, _ := g.brands.of(r.Context(), g.visitor(r, at, nil))
	if session == nil {
		g.pages.signedOut(w, r, brand)
		return
	}
	g.pages.signOut(w, r, session.User.Username, brand)
}

// leave answers POST logout: it ends the session, and begins a new sign-in for
// who wants to switch the account.
func (g *Gate) leave(w http.ResponseWriter, r *http.Request, at Resolved) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		g.fail(w, r, at, failure(CodeBadRequest, err), "/")
		return
	}
	session, err := g.sessionOf(r, at)
	if err == nil && session != nil {
		err = g.finish(r, at, session, "signed-out")
	}
	if err != nil { // the cookie stays, so that the visitor can try again
		g.fail(w, r, at, asError(err), "/")
		return
	}
	g.jar.endSession(w, at)
	g.jar.setVisit(w, at, newSecret())
	if r.PostForm.Has("switch") {
		g.redirect(w, g.cfg.Prefix+"/login?to="+url.QueryEscape(g.wayBack(r.PostForm.Get("to"))))
		return
	}
	g.redirect(w, g.cfg.Prefix+"/logout")
}

// finish ends a session for good.
func (g *Gate) finish(r *http.Request, at Resolved, s *Session, reason string) error {
	if err := g.sessions.end(r.Context(), s); err != nil {
		g.log(at).ErrorContext(r.Context(), "a session could not be ended", "error", errors.Unwrap(err), "session", s.id)
		return err
	}
	g.cfg.Metrics.Ended(reason)
	g.log(at).InfoContext(r.Context(), "session ended", "reason", reason, "user", s.User.Username, "session", s.id)
	return nil
}
