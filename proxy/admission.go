package proxy

import (
	"context"
	"errors"
	"net/http"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// errNobody is what authentik says of cookies that nobody is signed in with.
var errNobody = flowclient.ErrUnauthenticated

// An admission is a session that has begun, and the browser it is for.
type admission struct {
	secret  seal.Secret
	session *Session
	browser *seal.Secret // set where authentik wants the browser remembered
	back    string
}

// admit makes a session of a visit, once authentik has said who the visitor is. Where it has another question
// first, the outcome is the visit at that.
func (g *Gate) admit(ctx context.Context, r *http.Request, at Resolved, vis visit) (outcome, error) {
	v := g.visitor(r, at, vis.Step.Cookies)
	who, err := g.way.prove(ctx, v, vis)
	if err != nil {
		return outcome{}, err
	}
	if who.next != nil {
		vis.Request = who.request
		return g.settle(ctx, r, at, vis.at(*who.next)), nil
	}
	if vis.Request != nil && g.falls(*vis.Request, who) {
		return outcome{}, fault.New(fault.StepUpRefused, errStepUp)
	}
	admitted, err := g.welcomed(ctx, r, at, who, vis.Back)
	if err != nil {
		return outcome{}, err
	}
	g.log(at).InfoContext(ctx, "signed in", "user", who.user.Username, "session", admitted.session.id,
		"flow", vis.Step.Flow.Slug, "duration", g.cfg.Now().Sub(vis.Begun))
	return outcome{admitted: admitted, advanced: true}, nil
}

var errStepUp = errors.New("the sign-in is not of the kind that the application demands")

// falls reports whether a sign-in that was just made is not of the kind that the application demands: to ask for
// another would ask for the same. Who was sent to sign in again has to have done so since.
func (g *Gate) falls(request authRequest, who proved) bool {
	if !who.passing {
		return false
	}
	return g.cfg.OIDC.demand().and(request.Demand).unmet(who.signIn, g.cfg.Now()) ||
		!request.Since.IsZero() && who.signIn.At.Before(request.Since.Add(-clockLeeway))
}

// welcomed begins the session of somebody whom authentik has named.
func (g *Gate) welcomed(ctx context.Context, r *http.Request, at Resolved, who proved, back string) (*admission, error) {
	now, v := g.cfg.Now(), g.visitor(r, at, who.cookies)
	rec := record{
		Begun: now, Until: now.Add(g.cfg.Lifetime), Used: now, Redirect: g.redirectURI(at),
		Addr: v.Addr, UserAgent: v.UserAgent, Language: v.Language, Scheme: v.Scheme, Host: v.Host,
	}
	rec.take(who, now)
	if g.cfg.Application != "" {
		rec.Apps = map[string]bool{g.cfg.Application: who.passing}
	}
	browser, session, err := g.sessions.start(ctx, rec, at)
	if err != nil {
		return nil, err
	}
	g.cfg.Metrics.SignIn(g.way.name(), "admitted")
	return &admission{secret: browser, session: session, back: back, browser: g.recognise(ctx, r, at, who.cookies)}, nil
}

// recognise keeps what lets authentik know the browser again. A store that fails
// here costs a second factor next time, not this sign-in.
func (g *Gate) recognise(ctx context.Context, r *http.Request, at Resolved, cookies flowclient.Cookies) *seal.Secret {
	if len(lasting(cookies)) == 0 {
		return nil
	}
	s, ok := g.jar.browserOf(r, at)
	if !ok {
		s = seal.NewSecret()
	}
	if err := g.browsers.remember(ctx, s, at, cookies); err != nil {
		g.cfg.Logger.WarnContext(ctx, "a browser's remembered device cannot be kept", "error", err)
		return nil
	}
	return &s
}
