package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/throttle"
)

// A relay is the decision to show something of authentik's own.
type relay struct {
	path  string // below authentik's root
	as    relayKind
	slug  string // of the flow, where it is about one
	visit relayVisit
}

func (relay) kind() string { return "own" }

// onPage in an address has the gate's own page shown where authentik's interface would be.
const onPage = "page"

// relaying says whether a request is for authentik's interface: by a visitor who has begun to sign in with it, to an address that
// it needs. All others are the application's, or closed.
func (g *Gate) relaying(r *http.Request, at Resolved) (relay, bool) {
	if g.cfg.Login != LoginRelay {
		return relay{}, false
	}
	path, below := g.relayPath(at)
	if !below {
		return relay{}, false
	}
	kind, slug, ok := relayedAt(r.Method, path)
	if !ok {
		return relay{}, false
	}
	v, begun := g.relayOf(r, at)
	if first := (flowclient.Flow{Slug: slug, Query: at.Asked.RawQuery}); kind == relayPage && !begun && first == v.First {
		return relay{as: relayOver, visit: v}, true // no link: the visit knows where it was to lead
	}
	if kind == relayPage && !v.allows(slug) {
		return relay{}, false // a page load leads to the sign-in, as any other does
	}
	return relay{path: path, as: kind, slug: slug, visit: v}, begun
}

// moveIn begins a visit that authentik's own interface shows on this site's host.
func (g *Gate) moveIn(w http.ResponseWriter, r *http.Request, at Resolved, out outcome, back string) {
	if _, ended := out.visit.Step.Challenge.(flowclient.Redirect); out.err != nil || out.admitted != nil || ended {
		g.show(w, r, at, out, back)
		return
	}
	vis := out.visit
	v := relayVisit{Begun: vis.Begun, Back: vis.Back, Cookies: vis.Step.Cookies, Request: vis.Request, First: vis.Step.Flow}
	v.sentTo(vis.Step.Flow)
	if !g.keepRelay(w, r, at, v) {
		g.fail(w, r, at, fault.New(fault.AuthentikUnexpected, errRelayLarge), back)
		return
	}
	g.redirect(w, g.flowPage(vis.Step.Flow))
}

var (
	errRelayLarge = errors.New("authentik, or what stands before it, has set more cookies than one cookie can hold")
	errRelayFlow  = errors.New("authentik has not sent this visit to that flow")
	errRelayForm  = errors.New("authentik's interface sends JSON from this site's own pages, and nothing else")
)

// flowPage is where authentik's interface shows a flow on this site's host.
func (g *Gate) flowPage(flow flowclient.Flow) string {
	to := strings.TrimSuffix(g.relayBase, "/") + flowPages + flow.Slug + "/"
	if flow.Query != "" {
		to += "?" + flow.Query
	}
	return to
}

// through answers a request of authentik's interface with what authentik answers.
func (g *Gate) through(w http.ResponseWriter, r *http.Request, at Resolved, d relay) {
	switch d.as {
	case relayAway:
		g.redirect(w, g.ownPage(d.visit))
		return
	case relayOver:
		g.redirect(w, g.anew(d.visit))
		return
	default:
	}
	if err := g.mayRelay(r, d); err != nil {
		g.problem(w, r, at, fault.From(err))
		return
	}
	body, err := relayBody(w, r)
	if err != nil {
		g.problem(w, r, at, fault.From(err))
		return
	}
	ctx := context.WithoutCancel(r.Context())
	attempt, held := g.relayAttempt(ctx, at, d, body)
	if held > 0 {
		e := fault.New(fault.TooManyAttempts, nil)
		e.RetryAfter = held
		g.problem(w, r, at, e)
		return
	}
	defer attempt.End()
	path := d.path
	if at.Asked.RawQuery != "" {
		path += "?" + at.Asked.RawQuery
	}
	got, err := g.cfg.Client.Relay().Send(ctx, g.visitor(r, at, d.visit.Cookies), flowclient.RelayRequest{Method: r.Method, Path: path, Header: r.Header, Body: body})
	if err != nil {
		g.lapse(w, r, at, d, fault.From(err))
		return
	}
	g.answered(ctx, w, r, at, d, got, attempt)
}

// ownPage is where the visit goes on at the gate's own page, which knows a way on for what authentik's cannot do on this host.
func (g *Gate) ownPage(v relayVisit) string {
	return g.cfg.Prefix + "/login?" + onPage + "=1&to=" + url.QueryEscape(v.Back)
}

// moveOut goes on with a relay's visit at the gate's own page.
func (g *Gate) moveOut(r *http.Request, at Resolved, back string) outcome {
	v, begun := g.relayOf(r, at)
	if !begun || !v.At.Valid() {
		return g.open(r, at, back)
	}
	vis := v.visit(flowclient.Step{Flow: v.At, Cookies: v.Cookies})
	return g.look(r, at, vis, v.At)
}

// A leftover is what a page of authentik's still asks for when its visit is over: somebody has signed in in another tab, or the
// page was left for too long. A password may be in it, and it is none of the application's.
type leftover struct{}

func (leftover) kind() string { return "own" }

// leftOver knows what authentik's interface sends by a header that nobody else does.
func (g *Gate) leftOver(r *http.Request, at Resolved) bool {
	if g.cfg.Login != LoginRelay || r.Header["X-Authentik-Csrf"] == nil {
		return false
	}
	path, below := g.relayPath(at)
	return below && strings.HasPrefix(path, executorPath)
}

// outlived reports whether a decision about what a page of authentik's asks for says that there is no visit.
func outlived(d decision) bool {
	if no, refused := d.(refuse); refused {
		return no.err.Code == fault.SignInRequired
	}
	_, passes := d.(pass)
	return passes
}

// goOn has a page that is left over go on: as whoever has signed in, or with a new visit to where the old one was to lead.
func (g *Gate) goOn(w http.ResponseWriter, r *http.Request, at Resolved) {
	v, _ := g.relayOf(r, at)
	_ = tell(w, http.StatusOK, challengeTo(g.anew(v))) // a visitor who has gone away needs no answer
}

// anew is where another visit begins that leads to where this one was to.
func (g *Gate) anew(v relayVisit) string {
	return g.signInFor(localPath(v.Back))
}

// mayRelay refuses what authentik would, were it asked in the browser's own name: other sites' requests, forms, and flows that
// nobody was sent to.
func (g *Gate) mayRelay(r *http.Request, d relay) error {
	site := r.Header.Get("Sec-Fetch-Site")
	switch {
	case r.Header.Get("Service-Worker") != "":
		return fault.New(fault.NotFound, errRelayForm) // none of authentik's outlives the sign-in
	case d.as != relayPage && site != "" && site != "same-origin" && site != "none":
		return fault.New(fault.CrossSite, errRelayForm)
	case d.slug != "" && !d.visit.allows(d.slug):
		return fault.New(fault.NotAllowed, errRelayFlow)
	}
	if r.Method != http.MethodPost {
		return nil
	}
	if err := g.forgery.Check(r); err != nil {
		return fault.New(fault.CrossSite, err)
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return fault.New(fault.BadRequest, errRelayForm)
	}
	return nil
}

// relayBody reads what a POST brings.
func relayBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Method != http.MethodPost {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		return nil, unreadable(err)
	}
	if body == nil {
		body = []byte{}
	}
	return body, nil
}

// answered sends authentik's answer on, less what is not for the browser, and acts on what it says.
func (g *Gate) answered(ctx context.Context, w http.ResponseWriter, r *http.Request, at Resolved, d relay, got flowclient.RelayReply, attempt *throttle.Attempt) {
	v := d.visit
	v.Cookies = got.Cookies
	h := w.Header()
	for name, values := range got.Header {
		h[name] = values
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, no-cache") // the address is the application's as soon as somebody is signed in
	if d.as != relayFile {
		h.Set("Cache-Control", "private, no-store")
	}
	var a *admission
	switch to := got.Header.Get("Location"); {
	case to != "":
		h.Set("Location", g.turned(at, &v, to))
	case d.as == relayPage:
		got.Body = g.homed(at, got.Body)
	case d.as == relayExecutor && got.Status == http.StatusOK:
		var end *fault.Error
		if a, end = g.watched(ctx, r, at, d, &v, &got, attempt); end != nil {
			g.lapse(w, r, at, d, end)
			return
		}
	}
	switch {
	case a != nil: // and the visit is over
		g.hand(w, r, at, a)
		got.Body = challengeTo(g.arrival(a))
	case !sameRelay(v, d.visit) && !g.keepRelay(w, r, at, v):
		g.problem(w, r, at, fault.New(fault.AuthentikUnexpected, errRelayLarge))
		return
	}
	w.WriteHeader(got.Status)
	_, _ = w.Write(got.Body) //nolint:gosec // authentik's own, as it came; a visitor who has gone away needs no answer
}

// sameRelay reports whether nothing has come to a visit.
func sameRelay(a, b relayVisit) bool {
	one, err := json.Marshal(a)
	two, other := json.Marshal(b)
	return err == nil && other == nil && bytes.Equal(one, two)
}

// homed puts this site in the place of authentik's host in a page, where authentik was told its own.
func (g *Gate) homed(at Resolved, page []byte) []byte {
	if g.cfg.PageHost {
		return page
	}
	told, here := g.cfg.Client.Root(), at.Scheme+"://"+at.Host+g.relayBase
	page = bytes.ReplaceAll(page, []byte(told), []byte(here))
	escaped := strings.ReplaceAll(told, "-", `\u002D`) // as Django writes texts into scripts
	return bytes.ReplaceAll(page, []byte(escaped), []byte(here))
}

// turned is where the browser goes when authentik sends it on: to a flow, which the visit may then run, or to begin again.
// It never leaves this site.
func (g *Gate) turned(at Resolved, v *relayVisit, to string) string {
	step, err := stepAt(flowclient.Flow{}, challengeTo(to), v.Cookies, g.rootAt(at))
	rd, ok := step.Challenge.(flowclient.Redirect)
	if err != nil || !ok {
		return g.anew(*v)
	}
	switch rd.Class() {
	case flowclient.RedirectFlow:
		flow, _ := rd.Flow()
		v.sentTo(flow)
		return g.flowPage(flow)
	case flowclient.RedirectExecutor, flowclient.RedirectDefaultFlow:
		return strings.TrimSuffix(g.relayBase, "/") + rd.Path
	default:
		return g.anew(*v)
	}
}

// rootAt is authentik's address as it was told it, by which its references are read.
func (g *Gate) rootAt(at Resolved) string {
	if g.cfg.PageHost {
		return at.Scheme + "://" + at.Host + g.relayBase
	}
	return g.cfg.Client.Root()
}

// challengeTo is a challenge that sends the browser on.
func challengeTo(to string) []byte {
	raw, _ := json.Marshal(map[string]string{"component": string(flowclient.ComponentRedirect), "to": to}) // texts can be
	return raw
}

// stepAt makes the step of a challenge that was relayed.
func stepAt(flow flowclient.Flow, raw []byte, cookies flowclient.Cookies, root string) (flowclient.Step, error) {
	text, err := json.Marshal(map[string]any{"flow": flow, "challenge": string(raw), "cookies": map[string]string(cookies), "root": root})
	if err != nil {
		return flowclient.Step{}, err
	}
	var step flowclient.Step
	err = json.Unmarshal(text, &step)
	return step, err
}

// lapse tells the interface that something has gone wrong, in the way that it can show.
func (g *Gate) lapse(w http.ResponseWriter, r *http.Request, at Resolved, d relay, e *fault.Error) {
	if d.as != relayPage {
		g.problem(w, r, at, e)
		return
	}
	g.fail(w, r, at, e, d.visit.Back)
}
