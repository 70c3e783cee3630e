package proxy

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/throttle"
)

// relayAttempt throttles answers as those of the gate's own page are. The interface is told to wait.
func (g *Gate) relayAttempt(ctx context.Context, at Resolved, d relay, body []byte) (*throttle.Attempt, time.Duration) {
	if d.as != relayExecutor || body == nil {
		return nil, 0
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return nil, 0 // authentik refuses it, too
	}
	return g.throttle.Begin(ctx, guess(at.Client, d.visit.Pending, flowclient.RawAnswer{Fields: fields}))
}

// watched looks at what the executor says. Where a flow has ended it is asked who has signed in; so authentik's interface
// learns of an end what the gate makes of it. A flow that a question leads to may be run from then on.
func (g *Gate) watched(ctx context.Context, r *http.Request, at Resolved, d relay, v *relayVisit, got *flowclient.RelayReply, attempt *throttle.Attempt) (*admission, *fault.Error) {
	flow := flowclient.Flow{Slug: d.slug, Query: at.Asked.Query().Get("query")}
	step, err := stepAt(flow, got.Body, v.Cookies, g.rootAt(at))
	if err != nil || step.Challenge == nil {
		return nil, nil //nolint:nilerr // what is no challenge is the interface's to show
	}
	base := step.Challenge.Common()
	v.At, v.Pending = flow, base.PendingUser
	g.cfg.Metrics.Step(string(step.Challenge.Component()), "asked")
	if r.Method == http.MethodPost && base.Errors != nil {
		attempt.Fail(base.PendingUser)
	}
	for _, link := range linksOf(step.Challenge) {
		if flow, ok := step.FlowAt(link); ok && link != "" {
			v.sentTo(flow)
		}
	}
	if g.foreignKey(at, step.Challenge) {
		got.Body = challengeTo(g.ownPage(*v))
		return nil, nil
	}
	to, ended := step.Challenge.(flowclient.Redirect)
	if !ended {
		return nil, nil
	}
	if flow, goesOn := to.Flow(); goesOn {
		v.sentTo(flow)
		return nil, nil
	}
	return g.over(ctx, r, at, v, step, got)
}

// over is the end of a flow, or what comes after it.
func (g *Gate) over(ctx context.Context, r *http.Request, at Resolved, v *relayVisit, step flowclient.Step, got *flowclient.RelayReply) (*admission, *fault.Error) {
	out := g.settle(ctx, r, at, v.visit(step))
	switch next := out.visit.Step; {
	case out.err != nil:
		return nil, out.err
	case out.admitted != nil:
		return out.admitted, nil
	case !out.nobody(): // another flow comes first, such as one for consent
		v.Cookies, v.Request = next.Cookies, out.visit.Request
		v.sentTo(next.Flow)
		got.Body = challengeTo(g.flowPage(next.Flow))
	case sourceOf(step): // its way back leads to authentik's own host
		got.Body = challengeTo(g.ownPage(*v))
	case elsewhere(step):
	default:
		got.Body = challengeTo(g.anew(*v))
	}
	return nil, nil
}

// foreignKey reports whether a question wants a security key of authentik's own host and nothing else: no browser uses one on a
// page of another.
func (g *Gate) foreignKey(at Resolved, c flowclient.Challenge) bool {
	if g.cfg.PageHost || hostname(at.Host) == hostname(hostOf(g.cfg.Client.Root())) {
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

// sourceOf reports whether a flow sends the visitor to another provider.
func sourceOf(step flowclient.Step) bool {
	to, ok := step.Challenge.(flowclient.Redirect)
	return ok && to.Class() == flowclient.RedirectSource
}

// linksOf are the ways that a question offers into other flows.
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
