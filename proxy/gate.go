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
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/group"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/headers"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/lateform"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/loginhost"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/pictures"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/programs"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signon"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// sweepEvery is how often the gate forgets what has expired.
const sweepEvery = time.Minute

// A Next is what stands behind the gate. It may fail, as Caddy's handlers do.
type Next func(http.ResponseWriter, *http.Request) error

// A Gate stands before an application and lets in users whom authentik knows. It
// is safe for concurrent use. Close ends its background work.
type Gate struct {
	cfg        Config
	headers    *headers.Headers
	sessions   *session.Registry
	member     *group.Member      // the rooms that gates beside this one use as well
	loginHost  *loginhost.Handler // nil if this gate is no login host
	lateForms  *lateform.Handler
	pictures   *pictures.Pictures
	forgery    *http.CrossOriginProtection
	background *background.Group
	access     access.Policy
	signOn     *signon.Handler // nil if the gate signs in at no application
	closing    sync.Once
	closed     chan struct{}
	leave      []func() // the family, and the group
}

// New returns a gate, or reports everything that is wrong with its configuration.
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
	key := seal.NewKey(cfg.Key)
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
	g.register()
	g.sessions.Open()
	return g, nil
}

// Close ends what the gate does in the background and waits until it has ended.
// Requests are still answered.
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

// Closed returns a channel that is closed once the gate does nothing any more:
// after Close, and after the last request that was running then.
func (g *Gate) Closed() <-chan struct{} { return g.closed }

// Guard is the whole gate. It lets the request pass to next, or answers it
// itself. An error comes only from next. Next gets the response writer as it is,
// except that with CachePrivate the header of a response to a signed-in visitor is
// marked on its way.
func (g *Gate) Guard(w http.ResponseWriter, r *http.Request, next Next) error {
	x := exchange.Exchange{W: w, R: r, At: g.resolve(r), Shared: g.member.Shared, Sent: g.member.Sent(r)}
	left := g.prepare(&x)
	d := g.redirected(&x, left, g.settle(&x, g.decide(&x)))
	g.cfg.Metrics.Decision(d.kind())
	if g.cfg.Debug != "" {
		g.debug(&x, d)
	}
	p, signedIn := d.(pass)
	o, isOpen := d.(open)
	if signedIn || isOpen {
		if g.loginHost != nil {
			return g.passToAuthentik(x, next)
		}
		if o.bare {
			exchange.StripCredentials(r.Header)
		}
		if signedIn && !p.session.IsProgram() && (g.signOn.Takes(&x) || g.member.SignOut.Takes(&x)) {
			return g.accompany(x, p.session, next)
		}
		request, running := g.introduce(&x, p.session, o.hidden)
		defer running.Finish()
		err := next(g.marked(w, request, running), request)
		if err == nil && running != nil {
			running.Response.Finish()
		}
		return err
	}
	if g.cfg.Writer != nil {
		x.W = g.cfg.Writer(w)
	}
	if x.Needs != 0 && g.cfg.OIDC.used() {
		x.Asking = g.access.Demanded(access.Needs(x.Needs)).Query()
	}
	answered := x // so that x stays off the heap for requests that pass
	g.answer(&answered, d)
	return nil
}

// prepare reads what a request shows, and then strips the identity headers that
// the client has made up. It returns the gate from whose relay the request is left
// over, or nil.
func (g *Gate) prepare(x *exchange.Exchange) (left *group.Member) {
	// This must come first: Strip removes the header that left-over requests are
	// known by, and then their password would reach the application.
	left, _ = g.member.LeftOver(x.R, x.At)
	x.Authorization = g.member.Authorization(x.R) // likewise
	if g.member.Shared.Programs != nil {
		x.Credential = programs.Read(x.Authorization)
	}
	g.headers.Strip(x.R)
	return left
}

// redirected returns the decision about a request that may be left over from a
// relay, or be at a host that authentik must not be told.
func (g *Gate) redirected(x *exchange.Exchange, left *group.Member, d decision) decision {
	if left != nil && noVisit(d) {
		x.Trace.Note("the request is left over from authentik's own interface, and its sign-in begins again")
		d = leftOver{left}
	}
	if g.misdirected(x, d) {
		x.Trace.Note("a sign-in would have to tell authentik a host that the site does not have")
		d = refuse{fault.New(fault.HostUnknown, nil)}
	}
	return d
}

// accompany passes a request by which a user signs in or out at the application
// itself.
func (g *Gate) accompany(x exchange.Exchange, s *session.Session, next Next) error {
	w := x.W
	x.Sent = slices.Clone(x.Sent) // which introduce changes in place
	request, running := g.introduce(&x, s, false)
	defer running.Finish()
	if g.cfg.Writer != nil {
		x.W = g.cfg.Writer(w)
	}
	if g.member.SignOut.Takes(&x) {
		return g.member.SignOut.AtApplication(&x, request, next)
	}
	err := g.signOn.Serve(&x, g.marked(w, request, running), request, s, signon.Next(next))
	if err == nil {
		running.Response.Finish()
	}
	return err
}

// marked returns the writer for the application's response, which is marked if it
// is for one visitor.
func (g *Gate) marked(w http.ResponseWriter, request *http.Request, running *session.Stream) http.ResponseWriter {
	if running == nil || g.cfg.Cache != CachePrivate {
		return w
	}
	return running.Response.Mark(w, request)
}

// answer answers a request that does not pass.
func (g *Gate) answer(x *exchange.Exchange, d decision) {
	switch d := d.(type) {
	case own:
		by := g.member.Asker(x)
		by.Addresses.Serve(by.Received(x))
	case leftOver:
		d.by.Relay.Resume(d.by.Received(x))
	case relayed:
		exchange.Spanned("sign-in relay", func(x *exchange.Exchange) { d.by.Relay.Pass(x, d.target) })(d.by.Received(x))
	case signIn:
		g.member.SignIn.Lead(x, d.link)
	case stepUp:
		if exchange.Navigates(x.R) || exchange.Framed(x.R) {
			g.member.SignIn.Lead(x, signin.Link{})
			return
		}
		g.refuse(x, fault.New(fault.SignInRequired, nil))
	case refuse:
		g.refuse(x, d.err)
	default:
		x.Refuse(fault.New(fault.AuthentikUnexpected, errUndecided))
	}
}

// refuse answers a request that is refused. A form that a browser has sent is kept
// for a visitor who only has to sign in.
func (g *Gate) refuse(x *exchange.Exchange, err *fault.Error) {
	if err.Code == fault.SignInRequired && exchange.Submits(x.R) {
		g.lateForms.Keep(x)
		return
	}
	x.Refuse(err)
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

// resolve asks the server in front, and the operator before it.
func (g *Gate) resolve(r *http.Request) Resolved {
	at := g.cfg.Resolve(r)
	if g.cfg.Site != nil {
		at.Scheme, at.Host = g.cfg.Site.Scheme, g.cfg.Site.Host
	}
	at.Host = rules.Authority(at.Scheme, at.Host)
	return at
}

// introduce makes the request that the application sees: without the gate's
// cookies, and with the identity of a session if there is one. Its context ends
// with the session. running is nil without a session; its Finish says that the
// application has answered. The credential of a program is taken off with hidden,
// and where it has opened the session.
func (g *Gate) introduce(x *exchange.Exchange, s *session.Session, hidden bool) (request *http.Request, running *session.Stream) {
	r, next := x.R, (*group.Earlier)(nil)
	if g.member.Shares() {
		r, next = group.HandOn(x)
	}
	if hidden || s != nil && s.IsProgram() && !g.member.Shared.Programs.Passes() {
		exchange.HideCredential(r)
	}
	if s == nil {
		x.Cookies.Strip(r.Header)
		return r, nil
	}
	running = g.follow(x, r, s)
	if !s.IsProgram() {
		x.FromElsewhere(r, s.User.UID)
	}
	x.Cookies.Strip(r.Header)
	request = r.WithContext(running)
	if problems := g.headers.Set(request, s.Headers); problems != nil {
		g.sessions.ReportHeaders(s, problems)
	}
	if next != nil {
		next.Tells(g.headers.Lines(request))
	}
	return request, running
}

// mayStay returns the session that the cookie of a running request opens, and
// whether it may go on: whether a request with that cookie would still pass.
func (g *Gate) mayStay(ctx context.Context, one *session.Stream) (s *session.Session, stays bool) {
	s, found, err := g.sessions.Find(ctx, one.Cookie, one.Host)
	if !found || err != nil {
		return nil, false
	}
	verdict := g.access.Check(s, access.Needs(one.Needs), nil)
	if verdict == (exchange.Verdict{}) {
		now, found, err := g.sessions.Await(ctx, one.Cookie, one.Host, s)
		switch {
		case err != nil:
			verdict = g.access.CheckUnreachable(s, access.Needs(one.Needs), err)
		case !found:
			return nil, false
		default:
			s, verdict = now, g.access.Check(now, access.Needs(one.Needs), nil)
		}
	}
	if verdict.Pass {
		g.sessions.Touch(one.Cookie, one.Host, s)
	}
	return s, verdict.Pass
}
