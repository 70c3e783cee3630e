package proxy

import (
	"context"
	"net/http"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// errNobody is what authentik says of cookies that nobody is signed in with.
var errNobody = flowclient.ErrNobody

// An admission is a session that has begun, and the browser it is for.
type admission struct {
	secret  secret
	session *Session
	browser *secret // set where authentik wants the browser remembered
	back    string
}

// admit makes a session of a visit, once authentik has said who the visitor is.
func (g *Gate) admit(ctx context.Context, r *http.Request, at Resolved, vis visit) (outcome, error) {
	v := g.visitor(r, at, vis.Step.Cookies)
	passing, user, err := g.identify(ctx, v)
	if err != nil {
		return outcome{}, err
	}
	now := g.cfg.Now()
	rec := record{
		User: user, Begun: now, Until: now.Add(g.cfg.Lifetime), Cookies: v.Cookies,
		Addr: v.Addr, UserAgent: v.UserAgent, Language: v.Language,
		Scheme: v.Scheme, Host: v.Host,
	}
	if g.cfg.Application != "" {
		rec.Apps = map[string]bool{g.cfg.Application: passing}
	}
	browser, session, err := g.sessions.start(ctx, rec, at)
	if err != nil {
		return outcome{}, err
	}
	admitted := &admission{secret: browser, session: session, back: vis.Back}
	admitted.browser = g.recognise(ctx, r, at, v.Cookies)
	g.cfg.Metrics.SignIn("session", "admitted")
	g.log(at).InfoContext(ctx, "signed in", "user", user.Username, "session", session.id,
		"flow", vis.Step.Flow.Slug, "duration", now.Sub(vis.Begun))
	return outcome{admitted: admitted, advanced: true}, nil
}

// identify asks authentik who is signed in with a visitor's cookies, and
// whether they may use the application. The user comes last: check_access also
// answers for nobody, and then with yes where nothing is bound.
func (g *Gate) identify(ctx context.Context, v flowclient.Visitor) (passing bool, who User, err error) {
	passing = true
	if g.cfg.Application != "" {
		access, err := g.cfg.Client.Access(ctx, v, g.cfg.Application)
		if err != nil {
			return false, User{}, err
		}
		passing = access.Passing
	}
	u, err := g.cfg.Client.User(ctx, v)
	if err != nil {
		return false, User{}, err
	}
	if u.Username == "" || u.UID == "" || !u.Active {
		return false, User{}, errNobody
	}
	who = User{Username: u.Username, Name: u.Name, Email: u.Email, UID: u.UID, Attributes: u.Attributes}
	for _, group := range u.Groups {
		who.Groups = append(who.Groups, group.Name)
	}
	return passing, who, nil
}

// recognise keeps what lets authentik know the browser again. A store that fails
// here costs a second factor next time, not this sign-in.
func (g *Gate) recognise(ctx context.Context, r *http.Request, at Resolved, cookies flowclient.Cookies) *secret {
	if len(lasting(cookies)) == 0 {
		return nil
	}
	s, ok := g.jar.browserOf(r, at)
	if !ok {
		s = newSecret()
	}
	if err := g.browsers.remember(ctx, s, at, cookies); err != nil {
		g.cfg.Logger.WarnContext(ctx, "a browser's remembered device cannot be kept", "error", err)
		return nil
	}
	return &s
}
