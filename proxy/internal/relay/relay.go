// Package relay shows authentik's own interface on this host, to visitors who are
// signing in. It passes on only the requests that the interface needs, by an
// allow-list.
//
//   - paths.go: the allow-list
//   - visit.go: a visit, sealed in a cookie
//   - message.go: what the interface may send
//   - relay.go, rewrite.go: requests passed on, and addresses in their answers
//   - follow.go: whether authentik has refused a proof
//   - watch.go: noticing the end of a flow in the executor's answers
package relay

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intent"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
)

// Authentik passes on requests of authentik's own interface.
type Authentik interface {
	Send(context.Context, flowclient.Visitor, flowclient.RelayRequest) (flowclient.RelayReply, error)
}

// A Handler relays authentik's interface. It is safe for concurrent use.
type Handler struct {
	*exchange.Shared
	SignIn    *signin.Handler
	Authentik Authentik
	Root      string // authentik's public address, with a slash at its end
	// Base is authentik's path, with a slash at its end. On this site's host
	// the path is the same.
	Base    string
	Forgery *http.CrossOriginProtection
}

var _ signin.Relay = (*Handler)(nil)

// A Target is the resource that a request of authentik's interface asks for.
type Target struct {
	path  string // the path below authentik's root
	kind  kind
	slug  string // the slug of the flow, if it is about one
	visit visit
}

// Target returns the target of a request, if the browser has a visit, which may
// have expired, and authentik's interface needs the requested address. For all
// other requests ok is false: they are for the application, or refused.
func (h *Handler) Target(x *exchange.Exchange) (t Target, ok bool) {
	path, below := h.path(x.At)
	if !below {
		return Target{}, false
	}
	kind, slug, ok := lookup(x.R.Method, path)
	if !ok && !own.MatchString(path) {
		return Target{}, false
	}
	v, begun := h.visitOf(x)
	if !ok { // authentik has redirected the browser to an address that is not relayed
		return Target{kind: expired, visit: v}, v.Back != "" && intent.Navigates(x.R)
	}
	if first := (flowclient.Flow{Slug: slug, Query: x.At.Asked.RawQuery}); kind == page && !begun && first == v.First {
		return Target{kind: expired, visit: v}, true // not a link: the visit knows where to lead back to
	}
	if kind == page && !v.allows(slug) {
		return Target{kind: expired, visit: v}, v.Back != "" && !h.PageHost && intent.Navigates(x.R) // other page loads may be links
	}
	return Target{path: path, kind: kind, slug: slug, visit: v}, begun
}

// Enter begins a visit that authentik's own interface shows on this site's host.
func (h *Handler) Enter(x *exchange.Exchange, out signin.Outcome, back string) {
	if _, ended := out.Visit.Step.Challenge.(flowclient.Redirect); out.Err != nil || out.Admitted != nil || ended {
		h.SignIn.Show(x, out, back)
		return
	}
	vis := out.Visit
	v := visit{Begun: vis.Begun, Back: vis.Back, Cookies: vis.Step.Cookies, Request: vis.Request, First: vis.Step.Flow, Opening: vis.Opening, Login: vis.Login}
	v.sentTo(vis.Step.Flow)
	if !h.keep(x, v) {
		x.Fail(fault.New(fault.AuthentikUnexpected, errLarge), back)
		return
	}
	x.Redirect(h.flowPage(vis.Step.Flow))
}

var errLarge = errors.New("authentik, or a proxy in front of it, has set too many or too large cookies for the visit's cookie of 4 KB")

// flowPage returns where authentik's interface shows a flow on this site's host.
func (h *Handler) flowPage(flow flowclient.Flow) string {
	to := strings.TrimSuffix(h.Base, "/") + signin.FlowPages + flow.Slug + "/"
	if flow.Query != "" {
		to += "?" + flow.Query
	}
	return to
}

// Pass answers a request of authentik's interface with authentik's response.
func (h *Handler) Pass(x *exchange.Exchange, t Target) {
	switch {
	case t.kind == away:
		x.Redirect(h.ownPage(t.visit))
		return
	case t.kind == expired, t.kind == page && h.spent(t):
		x.Redirect(h.anew(t.visit))
		return
	case t.kind == executor && h.spent(t):
		h.Resume(x)
		return
	}
	if err := h.permit(x.R, t); err != nil {
		x.Problem(fault.From(err))
		return
	}
	said, err := read(x, t)
	defer said.release()
	if err != nil {
		x.Problem(reply.Unreadable(err))
		return
	}
	x = x.Uncanceled()
	attempt, wait := h.try(x, t, said)
	if wait > 0 {
		e := fault.New(fault.TooManyAttempts, nil)
		e.RetryAfter = wait
		x.Problem(e)
		return
	}
	defer attempt.End()
	got, err := h.send(x, t, said)
	if err != nil {
		h.fail(x, t, fault.From(err))
		return
	}
	if attempt != nil {
		if got, err = h.follow(x, t, got); err != nil {
			attempt.Fail(t.visit.Pending) // authentik has checked the answer, but its result is unknown
			h.fail(x, t, fault.From(err))
			return
		}
	}
	h.answer(x, t, got, submitted{attempt, flowclient.RawAnswer{Fields: said.fields}})
}

// spent reports whether a request is for the flow that this gate demands,
// although another flow has already signed the user in. authentik would end or
// refuse the flow at once, and the gate does not accept such a session.
func (h *Handler) spent(t Target) bool {
	demanded := h.SignIn.Flow
	return demanded != "" && t.slug == demanded && t.visit.Login != (flowclient.Login{}) && !t.visit.Login.By(demanded)
}

// ownPage returns the address at which the gate's own page continues the visit,
// for a step that authentik's page cannot do on this host.
func (h *Handler) ownPage(v visit) string {
	return h.LoginAt(signin.OnPage + "=1&to=" + url.QueryEscape(v.Back))
}

// Exit returns the outcome of a relayed visit for the gate's own page.
func (h *Handler) Exit(x *exchange.Exchange, back string) signin.Outcome {
	v, begun := h.visitOf(x)
	if !begun || !v.At.Valid() {
		return h.SignIn.Open(x, back)
	}
	return h.SignIn.Look(x, v.at(flowclient.Step{Flow: v.At, Cookies: v.Cookies}), v.At)
}

// LeftOver reports whether a request has a header that only authentik's
// interface sends. The interface's page may still send requests after its visit
// has ended, because the user has signed in in another tab or the page was open
// for too long. Such a request may contain a password, which must not reach the
// application.
func (h *Handler) LeftOver(r *http.Request, at exchange.Resolved) bool {
	path, below := h.path(at)
	return Marked(r) && below && strings.HasPrefix(path, executorPath)
}

// Marked reports whether a request has the header that only authentik's
// interface sends.
func Marked(r *http.Request) bool { return r.Header["X-Authentik-Csrf"] != nil }

// Resume redirects a left-over page to the sign-in page. That page leads to the
// application if a user has signed in.
func (h *Handler) Resume(x *exchange.Exchange) {
	v, _ := h.visitOf(x)
	_ = x.WriteJSON(http.StatusOK, redirectTo(h.anew(v))) // fails only if the client has disconnected
}

// anew returns the address of a new visit that leads to the same address as this
// one.
func (h *Handler) anew(v visit) string {
	return h.SignIn.SignInAt(exchange.LocalPath(v.Back))
}

// answer passes authentik's response on, without the headers that are not for
// the browser, and handles the challenge in it.
func (h *Handler) answer(x *exchange.Exchange, t Target, got flowclient.RelayReply, given submitted) {
	v := t.visit.after(t, got.Cookies)
	v.Named = v.Named || h.SignIn.Knows(t.visit.Cookies)
	v.given(given.answer)
	if said, asked := given.answer.Fields["remember_me"]; asked {
		v.Stay = string(said) == "true"
	}
	if !got.SessionUntil.IsZero() {
		v.Until = got.SessionUntil
	}
	header := x.W.Header()
	for name, values := range got.Header {
		header[name] = values
	}
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "private, no-cache") // the address belongs to the application once the user is signed in
	if t.kind != file {
		header.Set("Cache-Control", "private, no-store")
	}
	var a *signin.Admission
	switch to := got.Header.Get("Location"); {
	case to != "":
		header.Set("Location", h.rewritten(x.At, &v, to))
	case t.kind == page:
		got.Body = h.rewriteHosts(x.At, got.Body)
	case t.kind == executor && got.Status == http.StatusOK:
		var end *fault.Error
		if a, end = h.watch(x, t, &v, &got, given); end != nil {
			h.fail(x, t, end)
			return
		}
	}
	switch {
	case a != nil: // and the visit has ended
		h.SignIn.Hand(x, a)
		got.Body = redirectTo(h.SignIn.Arrival(a))
	case !v.same(t.visit) && !h.keep(x, v):
		x.Problem(fault.New(fault.AuthentikUnexpected, errLarge))
		return
	}
	x.W.WriteHeader(got.Status)
	_, _ = x.W.Write(got.Body) //nolint:gosec // authentik's own page, unchanged; fails only if the client has disconnected
}

// fail reports a failure in a form that the interface can show.
func (h *Handler) fail(x *exchange.Exchange, t Target, e *fault.Error) {
	if t.kind != page {
		x.Problem(e)
		return
	}
	x.Fail(e, t.visit.Back)
}
