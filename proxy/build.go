package proxy

import (
	"context"
	"crypto/sha256"
	"net/url"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/addresses"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/audit"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/host"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/oidc"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/lateform"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/loginhost"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/pictures"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/relay"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signout"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/throttle"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// openPages makes the pages, and the handler of authentik's pictures. loginAt
// returns the address of a sign-in, and run fetches pictures in the background.
func (cfg Config) openPages(key seal.Key, loginAt func(query string) string, run func(func(context.Context)) bool) (*page.Pages, *pictures.Pictures, error) {
	address, _ := cfg.Client.PublicURL("/")
	signOutAt := ""
	if cfg.OIDC.used() {
		signOutAt = cfg.Client.Root()
	}
	fetched := pictures.New(pictures.Options{
		Source: cfg.Client, Key: key.Derive([]byte(cfg.Client.Root()), string(seal.KindPicture), sha256.Size), Now: cfg.Now, Go: run,
	})
	pages, err := page.New(page.Config{
		SignOutURL: signOutAt,
		Prefix:     cfg.Prefix, LoginAt: loginAt, Title: cfg.Page.Title, Logo: cfg.Page.Logo, PublicHost: hostOf(address), Root: cfg.Client.Root(), MailLinksHere: cfg.PageHost,
		Style: cfg.Page.Style, Templates: cfg.Page.Templates, Language: cfg.Page.Language,
		Seal: fetched.Name,
	})
	return pages, fetched, err
}

// build makes the values of the internal packages, from the bottom up.
func (g *Gate) build(key seal.Key, pages *page.Pages) {
	cfg := g.cfg
	issuer := cfg.Client.Root()
	*g.member.Shared = exchange.Shared{
		Prefix: cfg.Prefix, Identity: g.member.Shared.Identity, PageHost: cfg.PageHost, Hosts: exchange.NewHosts(cfg.hosts()), Language: cfg.Page.Language,
		Cookies: exchange.NewCookies(exchange.CookieOptions{
			Name: cfg.Cookie.Name, Domain: cfg.Cookie.Domain, Persistent: cfg.Cookie.Persistent, Lifetime: cfg.Lifetime, WonBy: cfg.wonBy(),
		}),
		AppCookies: cfg.appCookies(), HandedOver: cfg.SignOnForm.cookies(), ClearSiteData: cfg.ClearSiteData,
		Key: key, Pages: pages, Logger: cfg.Logger, Demands: cfg.demandAttrs(), Metrics: cfg.Metrics, Audit: audit.New(cfg.Audit), Tracer: cfg.Tracer, Now: cfg.Now, Room: &cfg.Family.room,
		Access:      func(s *session.Session) exchange.Verdict { return g.access.Check(s, 0, nil) },
		Unreachable: func(s *session.Session, cause error) exchange.Verdict { return g.access.CheckUnreachable(s, 0, cause) },
	}
	shared := g.member.Shared
	shared.Cookies.Family, shared.Cookies.BeforeAuthentik = &cfg.Family.members, cfg.LoginHost != nil
	options := signin.Options{
		Shared: shared, Client: cfg.Client, Store: cfg.Store, Issuer: issuer, Plex: cfg.Plex, Go: g.background.Go,
		Throttle: newThrottle(cfg.Now, key),
		HandOver: g.member.HandOver,
		Flow:     cfg.Flow, Application: cfg.Application, Demand: cfg.demand(), Lifetime: cfg.Lifetime, Redirect: cfg.Login == LoginRedirect,
	}
	if cfg.OIDC.used() {
		options.OIDC = oidc.New(oidc.Options{
			Authentik: cfg.Client, Application: cfg.Application, ClientID: cfg.OIDC.ClientID, ClientSecret: cfg.OIDC.ClientSecret,
			Scopes: cfg.OIDC.Scopes, SignOutBack: cfg.OIDC.SignOutBack, Now: cfg.Now, Logger: cfg.Logger, Go: g.background.Go,
		})
	}
	if cfg.LoginHost != nil {
		options.HandsOver, options.Base = true, relay.BasePath(issuer)
	}
	if cfg.LoginAt != nil {
		options.Host = g.atLoginHost(key)
	}
	g.member.SignIn = signin.New(options)
	shared.Brand, shared.KnownBrand = g.member.SignIn.Brand, g.member.SignIn.KnownBrand
	g.member.SignIn.Source = authn.Own{Authentik: cfg.Client, Application: cfg.Application, First: g.member.SignIn.First, Opening: g.member.SignIn.Opening}
	if options.OIDC != nil {
		g.member.SignIn.Source = options.OIDC
	}
	if options.Host != nil {
		g.member.SignIn.Source = cfg.hostSource(options.Host, g.member.SignIn.Source)
	}
	g.member.Assertions = cfg.assertions(key)
	g.sessions = session.New(g.sessionOptions(key, issuer))
	shared.Sessions = g.sessions
	shared.Programs = g.programs(key, options)
	g.member.SignOut = &signout.Handler{Shared: shared, Source: g.member.SignIn.Source, OIDC: options.OIDC, Store: cfg.Store, Idle: cfg.Idle, Root: cfg.Client.Root(), Paths: cfg.SignOutPaths, ClearCache: cfg.Cache == CachePrivate, All: g.member.SignOuts}
	g.signOn = cfg.signOn()
	g.lateForms = &lateform.Handler{Shared: shared, Paths: cfg.LateForms, Elsewhere: cfg.Described, SignInAt: g.member.SignIn.SignInAt}
	if cfg.Login == LoginRelay {
		g.member.Relay = &relay.Handler{
			Shared: shared, SignIn: g.member.SignIn, Authentik: cfg.Client.Relay(), Root: cfg.Client.Root(), Base: relay.BasePath(cfg.Client.Root()), Forgery: g.forgery,
		}
		g.member.SignIn.Relay, shared.NotBack = g.member.Relay, relay.Own(g.member.Relay.Base)
	}
	if cfg.LoginHost != nil {
		g.loginHost = g.newLoginHost()
	}
	g.member.Addresses = addresses.New(shared, g.pictures, g.forgery, g.routes())
}

// newThrottle makes the throttle, which counts wrong answers.
func newThrottle(now func() time.Time, key seal.Key) *throttle.Throttle {
	return throttle.New(throttle.Options{Now: now, Derive: func(kind, name string) throttle.Key {
		return throttle.Key(key.Derive([]byte(name), "v1\x00attempts\x00"+kind, len(throttle.Key{})))
	}})
}

// sessionOptions returns the options of this gate's sessions.
func (g *Gate) sessionOptions(key seal.Key, issuer string) session.Options {
	cfg := &g.cfg
	o := session.Options{
		Store: cfg.Store, Key: key, Now: cfg.Now, Logger: cfg.Logger, Metrics: cfg.Metrics, Audit: audit.New(cfg.Audit), Carry: cfg.carry(), Background: g.background,
		Issuer: issuer, WonBy: cfg.wonBy(), Flow: cfg.Flow, Client: cfg.OIDC.ClientID, Domain: cfg.Cookie.Domain,
		Application: cfg.Application, Lifetime: cfg.Lifetime, Idle: cfg.Idle, Recheck: cfg.Recheck, MaxPerUser: cfg.MaxPerUser,
		KeepAccessToken: cfg.OIDC.KeepAccessToken, Assert: asserting(g.member.Assertions, g.headers), Fits: g.access.Fits, Headers: g.headers.Prepare, TellIDToken: g.headers.TellsIDToken(),
		Ask:     g.member.SignIn.Source.Recheck,
		Longest: cfg.Family.members.Longest, Streams: &cfg.Family.members.Streams,
		Passes:  func(s *session.Session) bool { return g.access.Check(s, 0, nil).Pass },
		MayStay: g.upstream.MayStay, EndPrograms: func(name string) []*session.Session { return g.member.Shared.Programs.End(name) },
		Access: func(ctx context.Context, rec *session.Record, application string) (bool, error) {
			return authn.Access(ctx, cfg.Client, rec.Visitor(), application)
		},
	}
	if lender, ok := g.member.SignIn.Source.(lender); ok {
		o.Lend = lender.Lend
	}
	return o
}

// atLoginHost returns the login host of this gate's visitors, with this gate's
// registration there.
func (g *Gate) atLoginHost(key seal.Key) *signin.LoginHost {
	cfg := g.cfg
	records := host.Records{Store: cfg.Store, Key: key, Now: cfg.Now, Origin: originOf(cfg.LoginAt), Base: relay.BasePath(cfg.Client.Root())}
	at := &signin.LoginHost{
		Page:   cfg.Login == LoginPage,
		Source: host.New(host.Options{Records: records, Authentik: cfg.Client, At: cfg.LoginAt, Lifetime: cfg.Lifetime}),
		Gate: host.NewMember(records, host.Registration{
			Hosts: cfg.hosts(), Callback: g.member.Shared.CallbackAt(), Application: cfg.Application, Lifetime: cfg.Lifetime,
		}, g.member.Shared.Identity.ID),
	}
	at.Gate.NeedsStepUp, at.Gate.Neighbours = cfg.demandsMFA(), &cfg.Family.neighbours
	return at
}

// A lender gives authentik's cookies to sessions whose records have none.
type lender interface {
	Lend(ctx context.Context, rec *session.Record) (*session.Record, error)
}

// hostSource returns the source of a gate whose visitors sign in at a login
// host, or there and on the gate's page.
func (cfg Config) hostSource(at *signin.LoginHost, page authn.Source) authn.Source {
	if at.Page {
		return host.Either{Source: page, Host: at.Source}
	}
	return at.Source
}

// newLoginHost returns the handler of a login host's own addresses.
func (g *Gate) newLoginHost() *loginhost.Handler {
	var origins []string
	for _, name := range g.cfg.hosts() {
		for _, scheme := range []string{"https", "http"} {
			u := &url.URL{Scheme: scheme, Host: name}
			if rules.Secure(u) {
				origins = append(origins, originOf(u))
			}
		}
	}
	o := loginhost.Options{
		Shared: g.member.Shared, Authentik: g.cfg.Client, Store: g.cfg.Store, First: g.member.SignIn.First,
		Base: relay.BasePath(g.cfg.Client.Root()), Origins: origins, Go: g.background.Go,
		StepUp: g.cfg.LoginHost.StepUp,
	}
	if g.cfg.LoginHost.Page {
		o.Own = g.member.SignIn
	}
	h := loginhost.New(o)
	g.member.Shared.IsBack, g.member.SignIn.Witness = h.IsBack, h.Witnessed
	return h
}
