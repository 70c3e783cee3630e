package proxy

import (
	"context"
	"errors"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// An oidcWay knows visitors by OpenID Connect: a visit begins and ends at authentik's authorize endpoint, in one session of
// authentik's that the gate holds.
type oidcWay struct{ *Gate }

func (oidcWay) name() string { return "oidc" }

func (w oidcWay) begin(ctx context.Context, v flowclient.Visitor, vis visit) (visit, error) {
	step, vis, err := w.authorize(ctx, v, vis)
	if err != nil {
		return vis, err
	}
	vis.First, vis.Opening = step.Flow, step.Challenge.Component()
	return vis.at(step), nil
}

// redirectURI is where authentik sends browsers, and where no flow that the gate drives ever leads one.
func (g *Gate) redirectURI(at Resolved) string {
	return at.Scheme + "://" + at.Host + g.cfg.Prefix + "/callback"
}

// request is what a new visit asks the authorize endpoint for; nothing without OpenID Connect.
func (g *Gate) request(at Resolved) *authRequest {
	if !g.cfg.OIDC.used() {
		return nil
	}
	request := newAuthRequest(g.redirectURI(at))
	request.Demand = g.demandAt(at)
	return &request
}

// authorize asks the authorize endpoint for a code, or for what comes before it.
func (w oidcWay) authorize(ctx context.Context, v flowclient.Visitor, vis visit) (flowclient.Step, visit, error) {
	request := *vis.Request
	if request.Rounds++; request.Rounds > maxRounds {
		return flowclient.Step{}, vis, fault.New(fault.AuthentikUnexpected, errRounds)
	}
	vis.Request = &request
	m, err := w.provider.metadata(ctx)
	if err != nil {
		return flowclient.Step{}, vis, err
	}
	step, err := w.cfg.Client.Authorize(ctx, v, request.parameters(w.provider.config(m, request.Redirect)))
	return step, vis, err
}

var errRounds = errors.New("authentik's authorize endpoint leads to flows that lead back to it, again and again")

// prove redeems the code that a flow has ended with, or goes on to the authorize endpoint where it has ended without.
func (w oidcWay) prove(ctx context.Context, v flowclient.Visitor, vis visit) (proved, error) {
	if vis.Request == nil {
		return proved{}, errNobody
	}
	step := vis.Step
	if to, ok := step.Challenge.(flowclient.Redirect); ok && !vis.Request.answers(to.To) {
		if elsewhere(step) && !step.Authenticated() {
			return proved{}, errNobody
		}
		var err error
		if step, vis, err = w.authorize(ctx, v, vis); errors.Is(err, flowclient.ErrDenied) {
			v.Cookies = step.Cookies
			return w.me(ctx, v, false)
		} else if err != nil {
			return proved{}, err
		}
	}
	to, ok := step.Challenge.(flowclient.Redirect)
	if !ok {
		return proved{next: &step, request: vis.Request}, nil
	}
	if !vis.Request.answers(to.To) {
		return proved{}, errNobody
	}
	return w.redeem(ctx, v, step.Cookies, *vis.Request, to.To)
}

// redeem makes of the endpoint's answer who has signed in.
func (w oidcWay) redeem(ctx context.Context, v flowclient.Visitor, cookies flowclient.Cookies, request authRequest, to string) (proved, error) {
	m, err := w.provider.metadata(ctx)
	if err != nil {
		return proved{}, err
	}
	code, err := request.code(to, m.issuer)
	if err != nil {
		return proved{}, err
	}
	who, err := w.provider.redeem(ctx, v, request, code)
	who.cookies = cookies
	return who, err
}

// recheck redeems the refresh token. Where there is none, or authentik takes it no longer, authentik is asked for a code without
// a word to the visitor, in the session that the gate holds: so whoever was killed between the two
// halves of a renewal goes on. Where the gate holds no session, the access token must still be good.
func (w oidcWay) recheck(ctx context.Context, rec *record) (proved, error) {
	v := rec.visitor()
	if rec.Tokens != nil && rec.Tokens.Refresh != "" {
		who, err := w.provider.renew(ctx, v, rec)
		switch {
		case err == nil && rec.SID != "" && who.sid == "":
			return proved{}, errNobody // the tokens outlive authentik's session, and say so by this
		case err == nil:
			return who.since(rec), nil
		case !errors.Is(err, errRefreshRefused):
			return proved{}, err
		}
	}
	if len(rec.Cookies) > 0 {
		return w.silent(ctx, v, rec)
	}
	return w.inquire(ctx, v, rec)
}

// since keeps of a session what a renewal says nothing about.
func (p proved) since(rec *record) proved {
	p.cookies = rec.Cookies
	if p.signIn.At.IsZero() {
		p.signIn.At = rec.SignIn.At
	}
	p.signIn.MFA = p.signIn.MFA || rec.SignIn.MFA
	return p
}

// silent asks for a code in the session that the gate holds (prompt=none, OpenID Connect Core 1.0, 3.1.2.1).
func (w oidcWay) silent(ctx context.Context, v flowclient.Visitor, rec *record) (proved, error) {
	request := newAuthRequest(rec.Redirect)
	request.Prompt = "none"
	vis := visit{Request: &request}
	step, vis, err := w.authorize(ctx, v, vis)
	if errors.Is(err, flowclient.ErrDenied) {
		v.Cookies = step.Cookies
		return w.me(ctx, v, false)
	}
	if err != nil {
		return proved{}, err
	}
	to, ok := step.Challenge.(flowclient.Redirect)
	if !ok || !vis.Request.answers(to.To) {
		return proved{}, errNobody // authentik wants to see the visitor
	}
	who, err := w.redeem(ctx, v, step.Cookies, *vis.Request, to.To)
	if err == nil && who.user.UID != rec.User.UID {
		return proved{}, errNobody
	}
	return who, err
}

// silentEvery is how often a browser that has authentik's session itself goes to authentik again, where there is no refresh
// token: authentik's policies are asked there alone. Nobody has to do anything for it.
const silentEvery = time.Hour

// inquire asks whether the access token is still good.
func (w oidcWay) inquire(ctx context.Context, v flowclient.Visitor, rec *record) (proved, error) {
	now := w.cfg.Now()
	if rec.Tokens == nil || !now.Before(rec.Tokens.Expiry) || now.Sub(rec.Begun) > silentEvery {
		return proved{}, errNobody
	}
	m, err := w.provider.metadata(ctx)
	if err != nil {
		return proved{}, err
	}
	claims, err := w.provider.userinfo(ctx, v, m, rec.Tokens.Access)
	if err != nil {
		return proved{}, err
	}
	user, err := userOf(textOf(claims["sub"]), claims)
	if err != nil || user.UID != rec.User.UID {
		return proved{}, errNobody
	}
	return proved{user: user, passing: true, sid: rec.SID, tokens: rec.Tokens, signIn: rec.SignIn}, nil
}

// leave revokes the tokens, and ends authentik's session where the gate holds it.
func (w oidcWay) leave(ctx context.Context, rec *record) error {
	err := w.provider.revoke(ctx, rec)
	if len(rec.Cookies) > 0 {
		err = errors.Join(err, w.invalidate(ctx, rec.visitor()))
	}
	return err
}
