package signin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// FlowPages is the path of authentik's flow pages. Links to them lead to this
// site's host if authentik is told that host.
const FlowPages = "/if/flow/"

// maxQuery is the maximum length of a link's query, in bytes.
const maxQuery = 4 << 10

// Notices for a visitor whose link may have been used or may have expired: with
// the first challenge of the flow, and where authentik denies access.
const (
	noticeLink       = "notice_link"
	noticeInvitation = "notice_invitation"
)

// maxResumed is the maximum length of the address of a page that is loaded again.
// Proxies often refuse addresses of more than 8 KB, and such a page could not be
// loaded at all.
const maxResumed = 4 << 10

// A Link is the flow in a link that authentik has made.
type Link = flowclient.Flow

// LinkAt reads a link that authentik has made on this site's own host: one in a
// mail, an invitation, or one that an administrator gives out. authentik makes
// such links only if it is told this host. The Link of any other address is not
// valid.
func LinkAt(pageHost bool, asked *url.URL) Link {
	slug, below := strings.CutPrefix(asked.EscapedPath(), FlowPages)
	slug, whole := strings.CutSuffix(slug, "/")
	flow := flowclient.Flow{Slug: slug, Query: asked.RawQuery}
	if !pageHost || !below || !whole || !flow.Valid() || !passable(flow.Query) {
		return Link{}
	}
	return flow
}

// passable reports whether a query may be sent to authentik unchanged. Some
// databases do not accept control characters.
func passable(query string) bool {
	if len(query) > maxQuery || strings.ContainsFunc(query, control) {
		return false
	}
	values, _ := url.ParseQuery(query) // authentik decides about malformed escapes
	for name, all := range values {
		if strings.ContainsFunc(name+strings.Join(all, ""), control) {
			return false
		}
	}
	return true
}

func control(c rune) bool { return c < ' ' || c == 0x7f }

// linkTo returns the address at which the gate follows a link. The link is
// sealed in it for this browser. So its token does not appear in the address
// bar, in the history, or in the Referer of later requests. A client that does
// not come back with the cookie, such as most mail scanners, does not use the
// link up.
func (h *Handler) linkTo(x *exchange.Exchange, link Link) (string, error) {
	s := x.EnsureVisit()
	sealed, err := x.Box(seal.KindLink, s).SealText(link)
	return h.LoginAt("link=" + h.Identity.Sign(sealed)), err
}

// resumedAt returns the address at which the page of a visit is loaded again, or ""
// if that begins a new sign-in. A visitor who came by a link may have used it up,
// and one who has to read a mail, or to write a secret into an app, goes away: a
// telephone then loads the page again. The visit is sealed into the address,
// without the challenge, which may be long.
func (h *Handler) resumedAt(x *exchange.Exchange, vis Visit) (string, error) {
	if !vis.begun() || !vis.Linked && vis.Aside == "" && !leavesFor(vis.Step.Challenge) {
		return "", nil
	}
	vis.Step.Challenge = nil
	sealed, err := vis.seal(x, x.EnsureVisit())
	at := h.LoginAt("visit=" + sealed + "&to=" + url.QueryEscape(vis.Back))
	if len(at) > maxResumed {
		return "", err
	}
	return at, err
}

// leavesFor reports whether a visitor goes away to meet a challenge that authentik
// shows again as it was.
func leavesFor(c flowclient.Challenge) bool {
	switch c.Component() {
	case flowclient.ComponentEmail, flowclient.ComponentAuthenticatorTOTP, flowclient.ComponentAuthenticatorStatic:
		return true
	default:
		return false
	}
}

// resume answers GET login for the page of a visit that is loaded again: it shows
// where the visit stands at authentik. A visit that cannot be opened begins anew.
func (h *Handler) resume(x *exchange.Exchange, sealed, back string) {
	vis, err := h.unsealed(x, sealed)
	switch {
	case errors.Is(err, errVisitExpired):
		h.show(x, h.anew(x, vis), vis.Back)
	case err != nil:
		h.open(x, back)
	default:
		out := h.Look(x, vis, vis.Step.Flow)
		if vis.Linked && out.Visit.Step.Challenge != nil && out.Visit.Step.Challenge.Component() == flowclient.ComponentAccessDenied {
			out.notice = stale(vis.First, out.Visit.Step)
		}
		h.show(x, out, vis.Back)
	}
}

// follow begins the visit of a link, in a new session at authentik. In an
// existing session another user may be pending, and releases differ in which
// user they then treat as the visitor.
//
// A user who sends another person their own link may get that person into the
// user's account. A link to authentik itself has the same risk. Before a mailed
// link takes effect, authentik asks for consent and names the account; other
// links ask what their flow asks.
func (h *Handler) follow(x *exchange.Exchange, sealed string) {
	link, err := h.openLink(x, sealed)
	switch {
	case err != nil:
		x.Fail(fault.New(fault.VisitLost, err), "/")
	case x.R.Method == http.MethodHead: // a HEAD request asks about the page and must not use the link up
		x.W.Header().Set("Cache-Control", "no-store")
		x.W.WriteHeader(http.StatusOK)
	default:
		back := h.mailedBack(x, link)
		h.show(x, h.enter(x, link, back), back)
	}
}

// openLink opens a link that linkTo has sealed.
func (h *Handler) openLink(x *exchange.Exchange, sealed string) (flowclient.Flow, error) {
	var link flowclient.Flow
	_, sealed = exchange.Signed(sealed)
	err := x.OpenVisit(seal.KindLink, sealed, &link)
	if err == nil && !link.Valid() {
		err = seal.ErrSealed
	}
	return link, err
}

// enter begins a visit in the flow of a link. If the gate demands another flow,
// the visitor has to sign in afterwards.
func (h *Handler) enter(x *exchange.Exchange, link flowclient.Flow, back string) Outcome {
	x = x.Uncanceled()
	step, err := h.Client.Ask(x.Context(), x.Visitor(h.device(x)), link)
	if errors.Is(err, flowclient.ErrFlowNotFound) {
		return Outcome{Err: fault.New(fault.NotFound, err)}
	}
	if err != nil {
		return Outcome{Err: fault.From(err)}
	}
	vis := Visit{Begun: h.Now(), Back: back, First: link, Linked: true, Request: h.Request(x)}
	out := h.Settle(x, vis.at(step))
	if out.Ended() && !elsewhere(step) {
		return h.reopen(x, back)
	}
	out.notice = stale(link, step)
	return out
}

// stale returns the notice for a visitor whose link may have been used.
// authentik deletes used tokens, and then starts the flow from its first stage
// without a message. A valid link starts with the consent, or in the middle of
// the flow. Without a valid invitation the flow ends, and authentik's message
// does not say what to do.
func stale(link flowclient.Flow, step flowclient.Step) string {
	query, _ := url.ParseQuery(link.Query)
	switch step.Challenge.(type) {
	case flowclient.Identification, flowclient.Prompt:
		if query.Get("flow_token") != "" {
			return noticeLink
		}
	case flowclient.AccessDenied:
		if query.Get("itoken") != "" {
			return noticeInvitation
		}
	}
	return ""
}

// KeepForMail stores the way back of a visit in the browser, if authentik has
// sent a mail in that visit. The link in the mail begins a separate visit,
// which would otherwise end at the root of the site. Only the last such visit
// is stored.
func (h *Handler) KeepForMail(x *exchange.Exchange, shown flowclient.Component, back string) {
	if !h.PageHost || shown != flowclient.ComponentEmail || back == "/" {
		return
	}
	sealed, err := x.Box(seal.KindMailed, x.EnsureVisit()).SealText(x.Shorten(back))
	if err == nil {
		x.SetMailed(sealed)
	}
}

// mailedBack returns the way back of the visit in which a link was mailed, if
// this browser has stored it.
func (h *Handler) mailedBack(x *exchange.Exchange, link Link) string {
	query, _ := url.ParseQuery(link.Query)
	if query.Get("flow_token") == "" {
		return "/"
	}
	for sealed := range x.Mailed() {
		var back string
		if x.OpenVisit(seal.KindMailed, sealed, &back) == nil {
			return x.WayBack(back)
		}
	}
	return "/"
}
