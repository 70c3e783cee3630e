package relay

import (
	"net/url"
	"slices"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/audit"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/throttle"
)

// try throttles answers like the gate's own page. It returns how long to wait,
// or the attempt that the caller must end. For a request that is not an answer
// it returns neither.
func (h *Handler) try(x *exchange.Exchange, t Target, s message) (*throttle.Attempt, time.Duration) {
	if s.fields == nil {
		return nil, 0
	}
	return h.SignIn.Try(x, flowclient.RawAnswer{Fields: s.fields}, t.visit.Cookies, t.visit.Pending)
}

// watch examines a response of the executor. If a flow has ended, it asks
// authentik who has signed in, and answers the interface with a redirect. If
// the response is a challenge, the visit may then also run the flows to which
// it links.
func (h *Handler) watch(x *exchange.Exchange, t Target, v *visit, got *flowclient.RelayReply, given submitted) (*signin.Admission, *fault.Error) {
	flow := flowclient.Flow{Slug: t.slug, Query: x.At.Asked.Query().Get("query")}
	root := h.rootAt(x.At)
	challenge, err := flowclient.DecodeAt(got.Body, root)
	if err != nil {
		return nil, nil //nolint:nilerr // not a challenge: the interface shows it
	}
	step := flowclient.Step{Flow: flow, Challenge: challenge, Cookies: v.Cookies, Root: root}
	base := step.Challenge.Common()
	v.At, v.Pending, v.Named = flow, base.PendingUser, v.Named || base.PendingUser != ""
	h.SignIn.KeepForMail(x, step.Challenge.Component(), v.Back)
	h.SignIn.Remember(v.Cookies, base.PendingUser)
	h.Metrics.Step(string(step.Challenge.Component()), "asked")
	if given.settle(*v, flow, step) {
		x.Witness(audit.Line{Event: audit.WrongAnswer, Component: string(step.Challenge.Component())})
	}
	x.Mention("component", string(step.Challenge.Component()))
	if offered := h.SignIn.Offered(step); len(offered.Challenge.Common().Raw) != len(base.Raw) {
		step, got.Body = offered, offered.Challenge.Common().Raw
	}
	for _, link := range linksOf(step.Challenge) {
		if flow, ok := step.FlowAt(link); ok && link != "" {
			v.sentTo(flow)
		}
	}
	if h.foreignKey(x.At, step.Challenge) {
		got.Body = redirectTo(h.ownPage(*v))
		return nil, nil
	}
	to, ended := step.Challenge.(flowclient.Redirect)
	if !ended {
		return nil, nil
	}
	if next, goesOn := to.Flow(); goesOn {
		v.sentTo(next)
		if to.Class() == flowclient.RedirectFlow {
			v.ledFrom(flow, next)
		}
		return nil, nil
	}
	admitted, failed := h.end(x, v, step, got)
	if admitted != nil {
		given.attempt.Accept(admitted.Username())
	}
	return admitted, failed
}

// end handles the end of a flow.
func (h *Handler) end(x *exchange.Exchange, v *visit, step flowclient.Step, got *flowclient.RelayReply) (*signin.Admission, *fault.Error) {
	out := h.SignIn.Settle(x, v.at(step))
	switch next := out.Visit.Step; {
	case out.Err != nil:
		return nil, out.Err
	case out.Admitted != nil:
		return out.Admitted, nil
	case !out.Ended(): // another flow follows first, such as one for consent
		v.Cookies, v.Request = next.Cookies, out.Visit.Request
		v.sentTo(next.Flow)
		got.Body = redirectTo(h.flowPage(next.Flow))
	case leadsTo(step, flowclient.RedirectSource): // its way back is at authentik's own host
		got.Body = redirectTo(h.ownPage(*v))
	case leadsTo(step, flowclient.RedirectExternal):
	default:
		got.Body = redirectTo(h.anew(*v))
	}
	return nil, nil
}

// leadsTo reports whether a step is a redirect of a given class.
func leadsTo(step flowclient.Step, class flowclient.RedirectClass) bool {
	to, ok := step.Challenge.(flowclient.Redirect)
	return ok && to.Class() == class
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// foreignKey reports whether a challenge can be answered only with a security
// key for authentik's own host. No browser uses such a key on a page of another
// host.
func (h *Handler) foreignKey(at exchange.Resolved, c flowclient.Challenge) bool {
	if h.PageHost || session.Hostname(at.Host) == session.Hostname(hostOf(h.Root)) {
		return false
	}
	switch c := c.(type) {
	case flowclient.AuthenticatorWebAuthn:
		return true
	case flowclient.AuthenticatorValidate:
		return len(c.Devices) > 0 && !slices.ContainsFunc(c.Devices, func(d flowclient.DeviceChallenge) bool { return d.Class != "webauthn" })
	default:
		return false
	}
}

// linksOf returns the links to other flows in a challenge.
func linksOf(c flowclient.Challenge) []string {
	switch c := c.(type) {
	case flowclient.Identification:
		return []string{c.RecoveryURL, c.EnrollURL, c.PasswordlessURL}
	case flowclient.Password:
		return []string{c.RecoveryURL}
	case flowclient.SessionEnd:
		return []string{c.InvalidationFlowURL}
	default:
		return nil
	}
}
