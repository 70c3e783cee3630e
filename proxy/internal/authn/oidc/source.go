package oidc

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// maxRounds bounds how often one visit asks the authorize endpoint. Each flow
// that ends leads there once.
const maxRounds = 8

// silentEvery is how often a browser that holds authentik's session itself is
// sent to authentik again if there is no refresh token. Only then does
// authentik evaluate its policies. The visitor does not notice.
const silentEvery = time.Hour

var errRounds = errors.New("authentik's authorize endpoint leads to flows that lead back to it, again and again")

// Authentik is the part of authentik that is asked about clients and their
// users.
type Authentik interface {
	authn.Authentik
	Authorize(ctx context.Context, v flowclient.Visitor, parameters url.Values) (flowclient.Step, error)
	Relay() *flowclient.Relay
	Root() string
}

// Options are the gate's registration as a client at authentik.
type Options struct {
	Authentik    Authentik
	Application  string // the application's slug, for discovery
	ClientID     string
	ClientSecret string // empty for a public client
	Scopes       []string
	SignOutBack  bool // true if the address of the sign-out page is registered
	Now          func() time.Time
	Logger       *slog.Logger
	// Go runs fetches that several visitors wait for in the background of the
	// gate, which waits for them in Close. Default: a goroutine of its own.
	Go func(work func(context.Context)) bool
}

// A Source identifies visitors by OpenID Connect. It is safe for concurrent
// use.
type Source struct {
	Options
	root string // authentik's public address, with a slash at its end

	discovering *cache.Cache[string, *metadata] // a cache of nothing: concurrent renewals share one request
	mu          sync.Mutex
	known       *metadata
	published   *publishedKeys
	asked       time.Time // the last discovery, successful or not
}

var _ authn.Source = (*Source)(nil)

// New returns a source. It does not ask authentik yet.
func New(o Options) *Source {
	return &Source{Options: o, root: o.Authentik.Root(), discovering: cache.New(cache.Options[string, *metadata]{Now: o.Now, Go: o.Go})}
}

// Name implements [authn.Source].
func (*Source) Name() string { return "oidc" }

// Begin implements [authn.Source].
func (p *Source) Begin(ctx context.Context, v flowclient.Visitor, request *authn.Request) (authn.Opening, error) {
	step, asked, err := p.authorize(ctx, v, *request)
	if err != nil {
		return authn.Opening{}, err
	}
	return authn.Opening{Flow: step.Flow, Step: step, Request: &asked}, nil
}

// authorize asks the authorize endpoint for a code. It returns the code, or the
// step that authentik wants first, and the updated request.
func (p *Source) authorize(ctx context.Context, v flowclient.Visitor, request authn.Request) (flowclient.Step, authn.Request, error) {
	if request.Rounds++; request.Rounds > maxRounds {
		return flowclient.Step{}, request, fault.New(fault.AuthentikUnexpected, errRounds)
	}
	m, err := p.metadata(ctx)
	if err != nil {
		return flowclient.Step{}, request, err
	}
	step, err := p.Authentik.Authorize(ctx, v, parameters(request, p.config(m, request.Redirect)))
	return step, request, err
}

// Prove redeems the code with which a flow ended. If the flow ended without
// one, it asks the authorize endpoint again.
func (p *Source) Prove(ctx context.Context, v flowclient.Visitor, step flowclient.Step, request *authn.Request) (authn.Result, error) {
	if request == nil {
		return nil, authn.ErrNotSignedIn
	}
	asked := *request
	if to, ok := step.Challenge.(flowclient.Redirect); ok && !asked.AnsweredBy(to.To) {
		if away(to) && !step.Authenticated() {
			return nil, authn.ErrNotSignedIn
		}
		var err error
		if step, asked, err = p.authorize(ctx, v, asked); errors.Is(err, flowclient.ErrDenied) {
			return p.denied(ctx, v, step)
		} else if err != nil {
			return nil, err
		}
	}
	to, ok := step.Challenge.(flowclient.Redirect)
	if !ok {
		return authn.Next{Step: step, Request: &asked}, nil
	}
	if !asked.AnsweredBy(to.To) {
		return nil, authn.ErrNotSignedIn
	}
	who, err := p.redeemAt(ctx, v, step.Cookies, asked, to.To)
	return authn.Proved{Proof: who}, err
}

// denied returns an error that names the user, who is signed in and may not use
// the application.
func (p *Source) denied(ctx context.Context, v flowclient.Visitor, step flowclient.Step) (authn.Result, error) {
	v.Cookies = step.Cookies
	who, err := authn.Me(ctx, p.Authentik, v, false)
	return authn.Proved{Proof: who}, err
}

// away reports whether a redirect sends the visitor somewhere else first.
func away(to flowclient.Redirect) bool {
	return to.Class() == flowclient.RedirectExternal || to.Class() == flowclient.RedirectSource
}

// redeemAt redeems the code in the endpoint's answer.
func (p *Source) redeemAt(ctx context.Context, v flowclient.Visitor, cookies flowclient.Cookies, request authn.Request, to string) (session.Proof, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return session.Proof{}, err
	}
	code, err := codeIn(request, to, m.issuer)
	if err != nil {
		return session.Proof{}, err
	}
	who, err := p.Redeem(ctx, v, request, code)
	who.Cookies = cookies
	return who, err
}

// Recheck redeems the refresh token. Without a refresh token, or if
// authentik does not accept it, the gate asks for a code with the session at authentik that it
// holds, without the visitor. So a session survives if the process was killed
// in the middle of a renewal. If the gate holds no session at authentik, the
// access token must still be valid.
func (p *Source) Recheck(ctx context.Context, rec *session.Record) (session.Proof, error) {
	v := rec.Visitor()
	if rec.Tokens != nil && rec.Tokens.Refresh != "" {
		who, err := p.Renew(ctx, v, rec)
		switch {
		case err == nil && rec.SID != "" && who.SID != rec.SID:
			// The tokens have outlived authentik's session, or belong to
			// another one, whose logout notice would not end this session.
			return session.Proof{}, authn.ErrNotSignedIn
		case err == nil:
			return keeping(who, rec), nil
		case !errors.Is(err, errRefreshRefused):
			return session.Proof{}, err
		}
		p.explainRefusal(ctx, v, rec.Tokens.Refresh)
	}
	if len(rec.Cookies) > 0 {
		return p.silent(ctx, v, rec)
	}
	return p.inquire(ctx, v, rec)
}

// explainRefusal logs that authentik refused a refresh token that is still
// active. authentik 2026.8 gives the same answer for an expired token as for a
// provider that does not allow the grant type.
func (p *Source) explainRefusal(ctx context.Context, v flowclient.Visitor, refresh string) {
	if _, err := p.introspect(ctx, v, refresh); err == nil {
		p.Logger.WarnContext(ctx, "recheck: refresh token is active, and authentik does not accept it",
			"client_id", p.ClientID, "remedy", "allow the grant type refresh token at the provider in authentik")
	}
}

// keeping returns a renewal in which missing values are those of before.
func keeping(who session.Proof, rec *session.Record) session.Proof {
	who.Cookies = rec.Cookies
	if who.SignIn.At.IsZero() {
		who.SignIn.At = rec.SignIn.At
	}
	who.SignIn.MFA = who.SignIn.MFA || rec.SignIn.MFA
	return who
}

// silent asks for a code with the session that the gate holds (prompt=none,
// OpenID Connect Core 1.0, 3.1.2.1).
func (p *Source) silent(ctx context.Context, v flowclient.Visitor, rec *session.Record) (session.Proof, error) {
	request := authn.NewRequest(rec.Redirect)
	request.Prompt = "none"
	step, request, err := p.authorize(ctx, v, request)
	if errors.Is(err, flowclient.ErrDenied) {
		v.Cookies = step.Cookies
		return authn.Me(ctx, p.Authentik, v, false)
	}
	if err != nil {
		return session.Proof{}, err
	}
	to, ok := step.Challenge.(flowclient.Redirect)
	if !ok || !request.AnsweredBy(to.To) {
		return session.Proof{}, authn.ErrNotSignedIn // authentik needs the visitor
	}
	who, err := p.redeemAt(ctx, v, step.Cookies, request, to.To)
	if err == nil && who.User.UID != rec.User.UID {
		return session.Proof{}, authn.ErrNotSignedIn
	}
	return who, err
}

// inquire asks whether the access token is still valid.
func (p *Source) inquire(ctx context.Context, v flowclient.Visitor, rec *session.Record) (session.Proof, error) {
	now := p.Now()
	if rec.Tokens == nil || !now.Before(rec.Tokens.Expiry) || now.Sub(rec.Begun) > silentEvery {
		return session.Proof{}, authn.ErrNotSignedIn
	}
	m, err := p.metadata(ctx)
	if err != nil {
		return session.Proof{}, err
	}
	claims, err := p.userinfo(ctx, v, m, rec.Tokens.Access)
	if err != nil {
		return session.Proof{}, err
	}
	who, err := user.FromClaims(user.Text(claims["sub"]), claims)
	if err != nil || who.UID != rec.User.UID {
		return session.Proof{}, authn.ErrNotSignedIn
	}
	return session.Proof{User: who, Passing: true, SID: rec.SID, Tokens: rec.Tokens, SignIn: rec.SignIn}, nil
}

// SignOut revokes the tokens and ends the session at authentik, if the gate
// holds one.
func (p *Source) SignOut(ctx context.Context, rec *session.Record) error {
	err := p.revoke(ctx, rec)
	if len(rec.Cookies) > 0 {
		err = errors.Join(err, authn.Invalidate(ctx, p.Authentik, rec.Visitor()))
	}
	return err
}
