package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/access"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/background"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/decision"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/group"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/headers"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intake"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intent"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/lateform"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/loginhost"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/pictures"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/programs"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signon"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/upstream"
)

// sweepEvery is how often the gate drops what has expired.
const sweepEvery = time.Minute

// A Next is the handler behind the gate. It may return an error, as Caddy's
// handlers do.
type Next func(http.ResponseWriter, *http.Request) error

// A Gate guards an application: it admits users who have signed in at
// authentik. It is safe for concurrent use. Close ends its background work.
type Gate struct {
	cfg        Config
	headers    *headers.Headers
	sessions   *session.Registry
	member     *group.Member      // the internal packages that neighbouring gates use as well
	loginHost  *loginhost.Handler // nil if this gate is no login host
	lateForms  *lateform.Handler
	pictures   *pictures.Pictures
	forgery    *http.CrossOriginProtection
	background *background.Group
	access     *access.Policy
	decisions  *decision.Maker
	upstream   *upstream.Introducer
	signOn     *signon.Handler // nil if the gate signs in at no application
	closing    sync.Once
	closed     chan struct{}
	leave      []func() // the family, and the group
}

// New returns a gate, or an error with all mistakes in its configuration. It does
// not wait for authentik or the store. It starts background work, which Close
// ends.
func New(cfg Config) (*Gate, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	g := &Gate{cfg: cfg, headers: headers.New(cfg.headers()), forgery: http.NewCrossOriginProtection(), background: background.New(), closed: make(chan struct{})}
	if cfg.Site != nil {
		if err := g.forgery.AddTrustedOrigin(cfg.Site.Scheme + "://" + cfg.Site.Host); err != nil {
			return nil, fmt.Errorf("proxy: site: %w", err)
		}
	}
	g.access = cfg.access()
	g.member = cfg.Group.members.NewMember()
	g.member.Shared, g.member.Hosts, g.member.Resolve = &exchange.Shared{Prefix: cfg.Prefix, Identity: cfg.identity()}, cfg.hosts(), g.resolve
	g.member.Repeats = cfg.Repeats
	g.member.OwnHeaders = g.headers.Own()
	key := seal.NewKey(cfg.Key)
	g.decisions = &decision.Maker{
		Member: g.member, Access: g.access, LoginHost: cfg.LoginHost != nil,
		Preflight: cfg.Preflight, Open: cfg.Open, DangerouslyOpen: cfg.DangerouslyOpen,
	}
	g.upstream = &upstream.Introducer{Member: g.member, Headers: g.headers, Access: g.access, Private: cfg.Cache == CachePrivate}
	pages, fetched, err := cfg.openPages(key, g.member.Shared.LoginAt, g.background.Go)
	if err != nil {
		return nil, err
	}
	g.pictures = fetched
	g.build(key, pages)
	g.leave = []func(){cfg.Family.members.Join(cfg.Cookie.Name, cfg.Lifetime), g.member.Join()}
	g.background.Go(g.sessions.Watch)
	g.background.Every(sweepEvery, func(context.Context) {
		g.sessions.Sweep()
		g.member.SignIn.Sweep()
		g.pictures.Sweep()
		g.member.Shared.Programs.Sweep()
	})
	switch { // they know each other before a visitor comes
	case g.loginHost != nil:
		g.leave = append(g.leave, cfg.Family.neighbours.Join(g.loginHost.Announce))
		g.background.Go(g.loginHost.Stay)
	case g.member.SignIn.Host != nil:
		g.background.Go(func(backgroundCtx context.Context) { g.member.SignIn.Host.Gate.Stay(backgroundCtx, g.cfg.Logger) })
	}
	g.sessions.Open()
	return g, nil
}

// Close ends the gate's background work and waits until it has ended. Requests
// are still answered.
//
// If requests of signed-in users are running, Close does not wait for them: the
// gate stays active for as long as they run, since they have to end with their
// session. Closed says when all have ended. Until then the store is in use.
func (g *Gate) Close() error {
	g.closing.Do(func() {
		for _, leave := range g.leave {
			leave()
		}
		g.sessions.Close(func() {
			g.background.Close()
			close(g.closed)
		})
	})
	return nil
}

// Closed returns a channel that is closed once the gate has stopped completely:
// after Close, and after the last request that was running then.
func (g *Gate) Closed() <-chan struct{} { return g.closed }

// Guard decides about a request, and lets it pass to next or answers it itself.
// The error is always one of next. With CachePrivate, the header of a response
// to a signed-in visitor is marked before it is written; apart from that, next
// gets the response writer as it is.
func (g *Gate) Guard(w http.ResponseWriter, r *http.Request, next Next) error {
	x := exchange.Exchange{W: w, R: r, At: g.resolve(r), Shared: g.member.Shared, Sent: g.member.Sent(r)}
	left := g.prepare(&x)
	d := g.decisions.Final(&x, left, g.decisions.Settle(&x, g.decisions.Decide(&x)))
	g.cfg.Metrics.Decision(decision.Kind(d))
	if g.cfg.Debug != "" {
		g.debug(&x, d)
	}
	p, signedIn := d.(decision.Pass)
	o, isOpen := d.(decision.Open)
	if signedIn || isOpen {
		if g.loginHost != nil {
			return g.passToAuthentik(x, next)
		}
		if o.Bare {
			intent.StripCredentials(r.Header)
		}
		if signedIn && !p.Session.IsProgram() && (g.signOn.Takes(&x) || g.member.SignOut.Takes(&x)) {
			return g.accompany(x, p.Session, next)
		}
		request, running := g.upstream.Introduce(&x, p.Session, o.Hidden)
		defer running.Finish()
		err := next(g.upstream.Mark(w, request, running), request)
		if err == nil && running != nil {
			running.Response.Finish()
		}
		return err
	}
	if g.cfg.Writer != nil {
		x.W = g.cfg.Writer(w)
	}
	intake.Bound(x.W, x.R)
	early, finish := intake.Early(x.W, x.R)
	x.W = early
	if x.Needs != 0 && (g.cfg.OIDC.used() || g.cfg.LoginAt != nil) {
		x.Asking = g.access.Demanded(access.Needs(x.Needs)).Query()
	}
	answered := x // so that x stays off the heap for requests that pass
	g.answer(&answered, d)
	finish()
	return nil
}

// prepare reads what a request shows, and then strips the identity headers that
// the client has sent. It returns the gate from whose relay the request is left
// over, or nil.
func (g *Gate) prepare(x *exchange.Exchange) (left *group.Member) {
	// This must come first: Strip removes the header by which left-over
	// requests are recognized, and their password would then reach the
	// application.
	left, _ = g.member.LeftOver(x.R, x.At)
	x.Authorization = g.member.Authorization(x.R) // this too, before Strip
	if g.member.Shared.Programs != nil {
		x.Credential = programs.Read(x.Authorization)
	}
	g.headers.Strip(x.R)
	g.member.Strip(x.R, x.At.Host)
	return left
}

// accompany passes a request with which a user signs in or out at the
// application itself.
func (g *Gate) accompany(x exchange.Exchange, s *session.Session, next Next) error {
	w := x.W
	x.Sent = slices.Clone(x.Sent) // which Introduce changes in place
	request, running := g.upstream.Introduce(&x, s, false)
	defer running.Finish()
	if g.cfg.Writer != nil {
		x.W = g.cfg.Writer(w)
	}
	if g.member.SignOut.Takes(&x) {
		return g.member.SignOut.AtApplication(&x, request, next)
	}
	err := g.signOn.Serve(&x, g.upstream.Mark(w, request, running), request, s, signon.Next(next))
	if err == nil {
		running.Response.Finish()
	}
	return err
}

// passToAuthentik passes a request through a login host. authentik's answer
// goes to the browser as it is; the gate only reads its header afterwards.
func (g *Gate) passToAuthentik(x exchange.Exchange, next Next) error {
	passing := g.loginHost.Passing(&x)
	request, _ := g.upstream.Introduce(&x, nil, false)
	defer func() { passing.Answered(x.W.Header()) }() // even if the browser disconnects in the middle of an answer
	return next(x.W, request)
}

// answer answers a request that does not pass.
func (g *Gate) answer(x *exchange.Exchange, d decision.Decision) {
	switch d := d.(type) {
	case decision.Own:
		by := g.member.Asker(x)
		by.Addresses.Serve(by.Received(x))
	case decision.LeftOver:
		d.By.Relay.Resume(d.By.Received(x))
	case decision.Relayed:
		exchange.Spanned("sign-in relay", func(x *exchange.Exchange) { d.By.Relay.Pass(x, d.Target) })(d.By.Received(x))
	case decision.SignIn:
		g.member.SignIn.Lead(x, d.Link)
	case decision.StepUp:
		if intent.Navigates(x.R) || intent.Framed(x.R) {
			g.member.SignIn.Lead(x, signin.Link{})
			return
		}
		g.refuse(x, fault.New(fault.SignInRequired, nil))
	case decision.Refuse:
		g.refuse(x, d.Err)
	default:
		x.Refuse(fault.New(fault.AuthentikUnexpected, errUndecided))
	}
}

// refuse answers a refused request. If the visitor only has to sign in, it
// keeps a form that the browser has sent, except in a frame.
func (g *Gate) refuse(x *exchange.Exchange, err *fault.Error) {
	switch {
	case err.Code == fault.SignInRequired && intent.Submits(x.R):
		g.lateForms.Keep(x)
	case err.Code == fault.SignInRequired && intent.SubmitsFramed(x.R):
		g.member.SignIn.Frame(x)
	default:
		x.Refuse(err)
	}
}

var errUndecided = errors.New("the recheck has decided nothing")

// Wrap puts the gate before a handler of net/http.
func (g *Gate) Wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = g.Guard(w, r, func(w http.ResponseWriter, r *http.Request) error {
			h.ServeHTTP(w, r)
			return nil
		})
	})
}
