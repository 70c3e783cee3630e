package proxy

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/pictures"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/throttle"
	"golang.org/x/sync/singleflight"
)

// sweepEvery is how often the gate forgets what is over.
const sweepEvery = time.Minute

// A Next is what stands behind the gate. It may fail, as Caddy's handlers do.
type Next func(http.ResponseWriter, *http.Request) error

// A Gate stands before an application and lets those in whom authentik knows.
// It is safe for concurrent use. Close ends what it does in the background.
type Gate struct {
	cfg      Config
	jar      jar
	keys     seal.Key
	identity *identity
	sessions *sessions
	browsers *browsers
	brands   *brands
	answers  *submissions
	waits    *waits
	copies   *copies
	throttle *throttle.Throttle
	pages    *page.Pages
	// relayBase is the path that authentik lies below, with a slash at its end: on this site's host, too.
	relayBase string
	pictures  *pictures.Pictures
	forgery   *http.CrossOriginProtection
	way       way
	provider  *provider // at authentik, where sign-ins rest on OpenID Connect
	rechecks  *rechecks
	streams   *streams
	weighing  singleflight.Group
	close     context.CancelFunc
}

// New makes a gate, or reports everything that is wrong with its configuration.
func New(cfg Config) (*Gate, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	g := &Gate{cfg: cfg, jar: newJar(cfg), keys: seal.NewKey(cfg.Key), identity: newIdentity(cfg.Headers)}
	g.sessions = &sessions{cfg: cfg, keys: g.keys, id: g.identity, rolls: newRolls(cfg, g.keys), cache: newCache(cfg.Now, cacheEntries, cacheBytes), misses: newMisses()}
	g.browsers = &browsers{cfg: cfg, keys: g.keys}
	g.brands = newBrands(cfg.Client, cfg.Now)
	g.answers, g.waits = newSubmissions(cfg.Now), newWaits(cfg.Now)
	g.copies, g.throttle = newCopies(cfg.Now), newThrottle(g.keys, cfg.Now)
	g.rechecks, g.streams = newRechecks(), newStreams()
	g.relayBase = basePath(cfg.Client.Root())
	g.provider, g.way = newProvider(cfg), g.newWay()
	g.forgery = http.NewCrossOriginProtection()
	if cfg.Site != nil {
		if err := g.forgery.AddTrustedOrigin(cfg.Site.Scheme + "://" + cfg.Site.Host); err != nil {
			return nil, fmt.Errorf("proxy: site: %w", err)
		}
	}
	if err := g.furnish(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	g.close = cancel
	go g.listen(ctx)
	go g.sweep(ctx)
	go g.review(ctx)
	return g, nil
}

// furnish makes the pages.
func (g *Gate) furnish() (err error) {
	address, _ := g.cfg.Client.PublicURL("/")
	farewell := ""
	if g.cfg.OIDC.used() {
		farewell = g.cfg.Client.Root()
	}
	g.pictures = pictures.New(pictures.Options{
		Source: g.cfg.Client, Key: g.keys.Derive(nil, string(seal.KindPicture), sha256.Size), Now: g.cfg.Now,
	})
	g.pages, err = page.New(page.Config{
		SignOutURL: farewell,
		Prefix:     g.cfg.Prefix, Title: g.cfg.Page.Title, Logo: g.cfg.Page.Logo, PublicHost: hostOf(address), Root: g.cfg.Client.Root(), MailLinksHere: g.cfg.PageHost,
		Style: g.cfg.Page.Style, Templates: g.cfg.Page.Templates, Language: g.cfg.Page.Language,
		Seal: g.pictures.Name,
	})
	return err
}

// Close ends what the gate does in the background. Requests are still answered.
func (g *Gate) Close() error {
	g.close()
	return nil
}

// listen hears which sessions have ended elsewhere. While it cannot, what is
// remembered is believed for a short while and no longer.
func (g *Gate) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := g.cfg.Store.Watch(ctx, g.hear)
		if ctx.Err() != nil {
			return
		}
		g.sessions.cache.deafen()
		g.cfg.Logger.WarnContext(ctx, "sessions that end elsewhere are not heard of", "error", err, "refused_after", deafFor)
		wait(ctx, time.Second)
	}
}

// hear takes what the store tells of ends.
func (g *Gate) hear(name string) {
	g.sessions.cache.hear(name)
	g.streams.end(name)
}

func (g *Gate) sweep(ctx context.Context) {
	for ctx.Err() == nil {
		wait(ctx, sweepEvery)
		g.rechecks.sweep()
		g.sessions.cache.sweep()
		g.sessions.misses.sweep()
		g.brands.sweep()
		g.answers.sweep()
		g.waits.sweep()
		g.copies.sweep()
		g.pictures.Sweep()
		g.throttle.Sweep()
	}
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// Guard is the whole gate. It lets the request pass to next, or answers it
// itself; an error comes from next alone. Response writers reach next as they are.
func (g *Gate) Guard(w http.ResponseWriter, r *http.Request, next Next) error {
	at := g.resolve(r)
	left := g.leftOver(r, at)
	g.identity.strip(r)
	d := g.settled(r, at, g.decide(r, at))
	if left && outlived(d) {
		d = leftover{}
	}
	g.cfg.Metrics.Decision(d.kind())
	switch d := d.(type) {
	case pass:
		request, done := g.introduce(r, at, d.session)
		defer done()
		return next(w, request)
	case own:
		g.serve(w, r, at)
	case leftover:
		g.goOn(w, r, at)
	case relay:
		g.through(w, r, at, d)
	case signIn:
		g.lead(w, r, at, d)
	case stepUp:
		g.demand(w, r, at)
	case refuse:
		g.refuse(w, r, at, d.err)
	default:
		g.refuse(w, r, at, fault.New(fault.AuthentikUnexpected, fmt.Errorf("no such decision: %T", d)))
	}
	return nil
}

// settled asks authentik where a decision is still its to make.
func (g *Gate) settled(r *http.Request, at Resolved, d decision) decision {
	if undecided, ok := d.(weigh); ok {
		return g.weigh(r, at, undecided.session)
	}
	return d
}

// demand has a visitor sign in again, as far as the request can be led to it.
func (g *Gate) demand(w http.ResponseWriter, r *http.Request, at Resolved) {
	if navigates(r) || framed(r) {
		g.lead(w, r, at, signIn{})
		return
	}
	g.refuse(w, r, at, fault.New(fault.SignInRequired, nil))
}

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
	return at
}

// introduce makes the request that the application sees: without the gate's
// cookies, and with the identity of a session where there is one.
// What stays open is closed when the session ends; done says that it is closed anyhow.
func (g *Gate) introduce(r *http.Request, at Resolved, s *Session) (request *http.Request, done func()) {
	if s == nil {
		g.jar.strip(r.Header)
		return r, func() {}
	}
	g.tend(r, at, s)
	ctx, done := context.WithValue(r.Context(), sessionKey{}, s), func() {}
	if staysOpen(r) {
		value, _ := g.cookieOf(r, at, s)
		ctx, done = g.streams.open(ctx, value, at, s)
	}
	g.jar.strip(r.Header)
	g.identity.introduce(r, s)
	return r.WithContext(ctx), done
}

type sessionKey struct{}

// SessionFrom returns the session of a request that has passed the gate.
func SessionFrom(ctx context.Context) (*Session, bool) {
	s, ok := ctx.Value(sessionKey{}).(*Session)
	return s, ok
}

// weigh asks authentik about a session that nobody can be let in with before. Many requests may wait for the one
// answer, which is kept with the session.
func (g *Gate) weigh(r *http.Request, at Resolved, s *Session) decision {
	ctx := context.WithoutCancel(r.Context())
	verdict, err, _ := g.weighing.Do(s.name, func() (any, error) {
		value, ok := g.cookieOf(r, at, s)
		if !ok {
			return (*Session)(nil), nil
		}
		return g.recheck(ctx, value, at, s.name)
	})
	if err != nil {
		return refuse{fault.From(err)}
	}
	if judged, _ := verdict.(*Session); judged != nil {
		return g.judge(judged)
	}
	if navigates(r) || framed(r) {
		return signIn{}
	}
	return refuse{fault.New(fault.SignInRequired, nil)}
}

// log adds what every line about a visitor has.
func (g *Gate) log(at Resolved) *slog.Logger {
	return g.cfg.Logger.With("client_ip", at.Client.String())
}
