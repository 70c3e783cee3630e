package loginhost

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/host"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/background"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

const (
	// seenWait is how long the gate waits for the note of a sign-in in a flow:
	// a browser that comes back from the flow can be faster than the store.
	seenWait = 2 * time.Second
	seenPoll = 20 * time.Millisecond
)

var errUnproven = errors.New("the visitor has come back from the flow, and authentik has not signed them in there")

// signInOf returns how a user signed in, as far as this login host has seen
// authentik's answer. A sign-in that it has not seen has no time and no second
// factor. It waits for the note of a sign-in only if something is demanded.
func (h *Handler) signInOf(x *exchange.Exchange, records host.Records, vis host.Visit, who session.Proof) (session.SignIn, error) {
	waiting, cancel := context.WithTimeout(x.Context(), seenWait)
	defer cancel()
	for {
		seen, found, err := records.Seen(x.Context(), who.SID)
		switch {
		case err != nil:
			return session.SignIn{}, err
		case found:
			return h.counts(x, seen, who)
		case vis.Request.Demand == authn.Demand{}, !vis.Again && vis.Returns == 0, vis.SID == who.SID, !background.Sleep(waiting, seenPoll):
			return session.SignIn{}, nil
		}
	}
}

// counts returns what a sign-in that was seen proves about a user. authentik
// also renews the session of a user who sets a password. So a sign-in in a
// session that the user had before counts only if its flow is one to which this
// login host sends visitors.
func (h *Handler) counts(x *exchange.Exchange, seen host.Seen, who session.Proof) (session.SignIn, error) {
	in := session.SignIn{At: seen.At}
	if at, ok := seen.By(h.StepUp, h.Now()); ok {
		in.MFA = true
		if seen.Flow != h.StepUp {
			in.Factor = at
		}
	}
	switch {
	case seen.UID != who.User.UID: // an administrator acts as this user
		return session.SignIn{}, nil
	case seen.Flow == h.StepUp && h.StepUp != "", !seen.Again:
		return in, nil
	}
	first, err := h.First(x.Context(), x.Visitor(nil))
	if err != nil || first.Slug != seen.Flow {
		return session.SignIn{}, err
	}
	return in, nil
}

// again sends a signed-in visitor to the flow that meets the gate's demand.
// Only authentik's answer there shows that the visitor has met it; that the
// browser comes back shows nothing. A visitor who comes back without such an
// answer is refused.
func (h *Handler) again(x *exchange.Exchange, records host.Records, vis host.Visit, gate host.Registration, who session.Proof) {
	tried, before := vis.Again, vis.SID
	vis.Again, vis.SID = !tried, who.SID
	next, err := records.SealVisit(vis)
	if err != nil {
		x.Fail(fault.New(fault.AuthentikUnexpected, err), "/")
		return
	}
	demand := vis.Request.Demand
	switch {
	case demand.MFA && h.StepUp == "":
		h.turnAway(x, who, gate, fault.New(fault.StepUpRefused, host.ErrNoStepUp), h.at(next))
		return
	}
	flow, err := h.flowFor(x, demand)
	switch {
	case err != nil:
		x.Fail(fault.From(err), h.at(next))
		return
	case tried:
		h.warnUnseen(x, records, vis, flow, before, who.SID)
		h.turnAway(x, who, gate, fault.New(fault.StepUpRefused, errUnproven), h.at(next))
		return
	}
	leads(x, h.flowAt(flow, h.at(next)))
}

// unseen says why the sign-in of a visitor may not have been seen, although
// they come back with another session at authentik, and what to do about it.
func unseen(x *exchange.Exchange) (cause, remedy string) {
	if len(x.Authorization) > 0 {
		return "the browser sends the header Authorization to authentik's address, which may stand for another user",
			"leave out other sign-ins there, such as basic_auth, or remove the header before the gate"
	}
	return "the browser has several cookies of the name authentik_session, or authentik's answers do not pass through this gate as they are",
		"give applications that you do not trust a domain of their own, and let all requests for this host pass through the gate with the path that browsers ask for"
}

// warnUnseen logs a warning if authentik has given a visitor a session whose
// beginning was not seen: then no visitor can meet the demand. It also removes
// a cookie that was planted for authentik's executor from the browser, so that
// the next try is seen.
func (h *Handler) warnUnseen(x *exchange.Exchange, records host.Records, vis host.Visit, flow flowclient.Flow, before, now string) {
	_, found, err := records.Seen(x.Context(), now)
	if found || err != nil || now == before {
		return
	}
	cause, remedy := unseen(x)
	x.Log().WarnContext(x.Context(), "login host: a sign-in was not seen; sites that demand a recent one or a second factor refuse the visitor",
		"error", cause, "remedy", remedy, "flow", flow.Slug, "for", vis.Request.Origin)
	var narrower []string
	base := strings.TrimSuffix(h.Base, "/")
	for _, path := range slices.Compact(pathsAbove(base + "/" + executor + flow.Slug + "/")) {
		if path != base && path != base+"/" {
			narrower = append(narrower, path)
		}
	}
	x.ExpireNarrower(narrower...)
}

// byStepUp reports whether the flow for a second factor meets a demand.
func (h *Handler) byStepUp(demand authn.Demand) bool { return demand.MFA && h.StepUp != "" }

// flowFor returns the flow that meets a demand.
func (h *Handler) flowFor(x *exchange.Exchange, demand authn.Demand) (flowclient.Flow, error) {
	if h.byStepUp(demand) {
		return flowclient.Flow{Slug: h.StepUp}, nil
	}
	return h.First(x.Context(), x.Visitor(nil))
}

// executor is where authentik's interface runs flows, below authentik's path.
const executor = "api/v3/flows/executor/"

// runs returns the flow whose executor a request is for, or an empty text. The
// request must be one that all servers read alike: with one spelling of the
// path, and with at most one cookie of authentik's session. So authentik's
// answer belongs to the session and the flow that are seen here. For such a
// request, cookies that only look like the session are removed.
func (h *Handler) runs(x *exchange.Exchange) string {
	path := x.R.URL.EscapedPath()
	slug, ok := strings.CutPrefix(path, h.Base+executor)
	slug, whole := strings.CutSuffix(slug, "/")
	if !ok || !whole || path != x.At.Asked.EscapedPath() || !(flowclient.Flow{Slug: slug}).Valid() ||
		x.R.Method != http.MethodGet && x.R.Method != http.MethodPost || len(x.Authorization) > 0 {
		return ""
	}
	cookies, sessions := x.Authentiks()
	if sessions > 1 || sessions == 1 && cookies[flowclient.SessionCookie] == "" {
		return ""
	}
	return slug
}

// factor returns the second factor that the user of a session has shown, if the
// flow of a request may sign this user in again: the factor then still counts,
// and is not asked for again. The session cookie by itself proves nothing,
// since the session may have ended and another person may know the password.
func (h *Handler) factor(x *exchange.Exchange, p *Passing) (uid string, shown host.Shown) {
	sid, ok := p.sent.Session()
	if !ok || h.StepUp == "" || !p.sent.Authenticated() {
		return "", host.Shown{}
	}
	first, err := h.First(x.Context(), x.Visitor(nil))
	if err != nil || first.Slug != p.flow {
		return "", host.Shown{}
	}
	seen, found, err := p.records.Seen(x.Context(), sid)
	at, ok := seen.By(h.StepUp, h.Now())
	if err != nil || !found || !ok {
		return "", host.Shown{}
	}
	uid, _, err = p.user(x.Context(), p.sent)
	if err != nil || uid != seen.UID {
		return "", host.Shown{}
	}
	return uid, host.Shown{Flow: h.StepUp, At: at}
}

// see notes a sign-in from an answer of a flow's executor.
func (p *Passing) see(ctx context.Context, now flowclient.Cookies) error {
	begun, ok := p.sent.Begun(now)
	if p.flow == "" || !ok {
		return nil
	}
	seen := host.Seen{UID: begun.UID, Flow: p.flow, Again: begun.Again}
	if begun.Again && begun.UID == p.uid {
		seen.Factor = p.shown
	}
	return p.records.See(ctx, begun.SID, seen)
}

// Witnessed notes a sign-in on the page of the login host, which has run the
// flow itself, and follows it: the browser gets another session of authentik.
func (h *Handler) Witnessed(x *exchange.Exchange, who session.Proof, login flowclient.Login) {
	h.replaced(x, who)
	if who.SID == "" || !login.By(login.Flow) {
		return
	}
	if err := h.records(x.Origin()).See(x.Context(), who.SID, host.Seen{UID: who.User.UID, Flow: login.Flow}); err != nil {
		x.Log().WarnContext(x.Context(), "login host: a sign-in cannot be noted; sites that demand a recent one ask again", "error", fault.Cause(err))
	}
}
