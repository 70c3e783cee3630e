package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// flowPages is where the pages of authentik's flows lie, on this site's host too
// where authentik is told that name.
const flowPages = "/if/flow/"

// maxQuery bounds the query of a link, in bytes.
const maxQuery = 4 << 10

// noticeLink stands above a question that a used or an old link leads to as well.
const noticeLink = "notice_link"

// link reads a link that authentik has made on this site's own host: one in a
// mail, an invitation, one that an administrator hands out. authentik makes
// them only where it is told this host's name.
func (g *Gate) link(at Resolved) flowclient.Flow {
	slug, below := strings.CutPrefix(at.Asked.EscapedPath(), flowPages)
	slug, whole := strings.CutSuffix(slug, "/")
	flow := flowclient.Flow{Slug: slug, Query: at.Asked.RawQuery}
	if !g.cfg.PageHost || !below || !whole || !flow.Valid() || !passable(flow.Query) {
		return flowclient.Flow{}
	}
	return flow
}

// passable reports whether a query may go on to authentik as it came. Control
// characters are of no use in one, and not every database takes them.
func passable(query string) bool {
	if len(query) > maxQuery || strings.ContainsFunc(query, control) {
		return false
	}
	values, _ := url.ParseQuery(query) // what is badly escaped is authentik's to judge
	for name, all := range values {
		if strings.ContainsFunc(name+strings.Join(all, ""), control) {
			return false
		}
	}
	return true
}

func control(c rune) bool { return c < ' ' || c == 0x7f }

// linkTo is the address on which a link is followed. The link is sealed into it
// for this browser: its token stands neither in the address bar, nor in the
// history, nor in the Referer of what the page loads and the application gets
// afterwards, and a reload follows it again. Who cannot come back with the cookie,
// as most scanners of mails, uses nothing up.
func (g *Gate) linkTo(w http.ResponseWriter, r *http.Request, at Resolved, link flowclient.Flow) (string, error) {
	s := g.jar.visitFor(w, r, at)
	sealed, err := g.keys.Box(seal.KindLink, g.sessions.realm(at), s).SealText(link)
	return g.cfg.Prefix + "/login?link=" + sealed, err
}

// follow begins the visit that a link leads to. It is the flow's first page for
// whoever opens it: an authentik session of its own, since another user may be
// pending in one that is on its way, and releases differ in whom they then take
// the visitor for.
//
// Whoever sends somebody else their own link may get them into the sender's
// account, as with a link to authentik itself. Before a mailed link takes effect
// authentik asks for consent and names the account; other links ask what their
// flow asks.
func (g *Gate) follow(w http.ResponseWriter, r *http.Request, at Resolved, sealed string) {
	link, err := g.openLink(r, at, sealed)
	switch {
	case err != nil:
		g.fail(w, r, at, fault.New(fault.VisitLost, err), "/")
	case r.Method == http.MethodHead: // asks about the page, and must not use the link up
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusOK)
	default:
		g.show(w, r, at, g.enter(r, at, link), "/")
	}
}

// openLink opens what linkTo has sealed.
func (g *Gate) openLink(r *http.Request, at Resolved, sealed string) (flowclient.Flow, error) {
	s, ok := g.jar.visitOf(r, at)
	if !ok {
		return flowclient.Flow{}, seal.ErrSealed
	}
	var link flowclient.Flow
	err := g.keys.Box(seal.KindLink, g.sessions.realm(at), s).OpenText(sealed, &link)
	if err == nil && !link.Valid() {
		err = seal.ErrSealed
	}
	return link, err
}

// enter begins a visit in the flow of a link. Where the gate demands a
// flow, another one admits nobody: it leads to the sign-in.
func (g *Gate) enter(r *http.Request, at Resolved, link flowclient.Flow) outcome {
	ctx := context.WithoutCancel(r.Context())
	step, err := g.cfg.Client.Ask(ctx, g.visitor(r, at, g.device(r, at)), link)
	if errors.Is(err, flowclient.ErrFlowNotFound) {
		return outcome{err: fault.New(fault.NotFound, err)}
	}
	if err != nil {
		return outcome{err: fault.From(err)}
	}
	vis := visit{Begun: g.cfg.Now(), Back: "/", First: link, Aside: link.Slug != g.cfg.Flow, Request: g.request(at)}
	out := g.settle(ctx, r, at, vis.at(step))
	if out.nobody() && !elsewhere(step) {
		return g.reopen(r, at, "/")
	}
	out.notice = stale(link, step)
	return out
}

// stale names what to tell a visitor whose link may have been used. authentik
// forgets such tokens and begins the flow anew without a word; a link that is
// good begins with the consent, or in the middle of the flow.
func stale(link flowclient.Flow, step flowclient.Step) string {
	query, _ := url.ParseQuery(link.Query)
	if query.Get("flow_token") == "" {
		return ""
	}
	switch step.Challenge.(type) {
	case flowclient.Identification, flowclient.Prompt:
		return noticeLink
	}
	return ""
}
