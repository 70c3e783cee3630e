package proxy

import (
	"cmp"
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/templates"
	"github.com/flowsidecar/caddy-authentik/proxy/plex"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// Authentik is what the gate needs of authentik; *flowclient.Client is one.
type Authentik interface {
	Ask(context.Context, flowclient.Visitor, flowclient.Flow) (flowclient.Step, error)
	Answer(context.Context, flowclient.Visitor, flowclient.Flow, flowclient.Answer) (flowclient.Step, error)
	DefaultFlow(ctx context.Context, v flowclient.Visitor, designation string) (flowclient.Flow, error)
	User(context.Context, flowclient.Visitor) (flowclient.User, error)
	Access(ctx context.Context, v flowclient.Visitor, application string) (flowclient.Access, error)
	Brand(context.Context, flowclient.Visitor) (flowclient.Brand, error)
	Picture(ctx context.Context, v flowclient.Visitor, address string) (flowclient.Picture, error)
	StartSource(context.Context, flowclient.Visitor, flowclient.Flow, flowclient.Redirect) (flowclient.Step, error)
	Relay() *flowclient.Relay
	RedeemPlex(ctx context.Context, v flowclient.Visitor, f flowclient.Flow, s flowclient.SourcePlex, token string) (flowclient.Step, error)
	DuoEnrolment(context.Context, flowclient.Visitor, flowclient.AuthenticatorDuo) (flowclient.DuoStatus, error)
	Authorize(ctx context.Context, v flowclient.Visitor, parameters url.Values) (flowclient.Step, error)
	PublicURL(ref string) (string, bool)
	Root() string
}

// Config says how a gate works. Client, Store and Key are required; every
// other zero value is a safe default.
type Config struct {
	// Client drives authentik.
	Client Authentik
	// Flow is the slug of the authentication flow. Empty stands for the one of authentik's brand for the host.
	Flow string
	// Application is the slug of the application whose bindings in authentik
	// decide who may pass. Empty: every user who can sign in may.
	Application string
	// OIDC makes sign-ins rest on OpenID Connect, at the provider of Application, which
	// it needs; Flow must be empty then. Default: they rest on authentik's own session.
	OIDC OIDCConfig
	// Require says who may pass, of those whom authentik lets in: every rule must hold. Default:
	// all of them.
	Require []Requirement
	// RequireMFA lets in who has signed in with a second factor, and has others sign
	// in again with one. It needs OpenID Connect (amr, RFC 8176), or LoginAt and a
	// login host with StepUp.
	RequireMFA bool
	// MaxAge is how long ago a sign-in at authentik may be, at least a minute. After
	// that the user has to sign in again. It needs OpenID Connect (auth_time, OpenID
	// Connect Core 1.0, 2) or LoginAt. Default: any time.
	MaxAge time.Duration
	// Rules demand more of some requests. Default: none.
	Rules []Rule
	// Login says how visitors sign in. Default: LoginPage, or only at LoginAt if that is
	// set.
	Login Login
	// LoginAt is the origin of the login host where visitors sign in instead of here,
	// for example https://auth.example.com: a site with LoginHost, with the same
	// Store and Key. It needs Hosts or Site. If Login is LoginPage, visitors sign in
	// here, and there only if the page cannot do what authentik wants, for example with
	// a passkey of authentik's own host. Default: visitors sign in here.
	LoginAt *url.URL
	// LoginHost makes this site the one where visitors of other gates sign in. It
	// guards nothing: the application behind it is authentik itself. Default: it is
	// an ordinary gate.
	LoginHost *LoginHostConfig
	// PageHost tells authentik this site's own host name instead of authentik's
	// public one, so that passkeys and mail links belong to this site. Then the pages
	// of flows, below /if/flow/, are the gate's for visitors who are not signed in. It
	// needs an authentik that is reached directly.
	PageHost bool
	// Hosts are the names of this site as browsers show them, with a port where they
	// show one, for example app.example.com:8443. With PageHost no other name is sent
	// to authentik, and a visitor at another host is refused. PageHost needs Hosts or
	// Site.
	Hosts []string

	// Clients lets programs in that have no browser. Default: none.
	Clients ClientsConfig

	// Family are the other gates of this process, which this one joins. Default: none.
	Family *Family
	// Group are the gates on the same server, which this one joins. Gates that stand
	// before the same hosts must share one. Default: none.
	Group *Group

	// Store keeps the sessions.
	Store Store
	// StoreName tells the stores of gates before one host apart. It is the same on
	// every server with the same configuration, and may contain secrets. Default: none.
	StoreName string
	// Key is the gate's secret, at least 32 bytes. No record opens without it: a new
	// key ends all sessions.
	Key []byte
	// Lifetime is how long a session lasts at most. Default: 24 hours.
	Lifetime time.Duration
	// Idle is how long a session may be unused before it ends, at least two minutes. It is
	// kept to within a minute. Default: as long as it lasts.
	Idle time.Duration
	// Recheck is how often authentik is asked whether a session's user is still there and
	// still allowed. Default: 5 minutes.
	Recheck time.Duration
	// Grace is for how long an overdue recheck is tolerated because authentik cannot
	// be reached. After that the session is refused until authentik is back, and
	// goes on then. Default: 15 minutes; a pointer to zero tolerates none.
	Grace *time.Duration
	// MaxPerUser is how many sessions a user may have at once with the same flow and the
	// same reach of the cookie, at most 1000. The oldest ends when one more begins. Default: no limit, but for a
	// thousand of one user in all.
	MaxPerUser int
	// Cookie says how the browser keeps the session.
	Cookie CookieConfig

	// AppCookies are cookies of the application that expire when another user signs
	// in on the same browser. Default: none.
	AppCookies []AppCookie
	// ClearSiteData is what browsers clear of this site then: cache or storage, as
	// in the header of that name. Default: nothing.
	ClearSiteData []string

	// Cache says what caches may keep of the application's responses to signed-in
	// visitors, where the application says nothing. Default: CachePrivate.
	Cache Cache

	// LateForms are the paths to which a form of another site is kept for a visitor
	// who has to sign in first, for example that of a SAML response. Sent after the
	// sign-in, it looks like one of this site. Default: only forms of this site are
	// kept.
	LateForms []string

	// Prefix is the path below which the gate answers itself. Default: /.authentik.
	Prefix string
	// Site is this site's origin as browsers see it, for servers whose requests
	// do not say it truly. Default: what Resolve says.
	Site *url.URL
	// Headers says which identity headers the application gets.
	Headers HeaderConfig
	// Assertion says what signed assertions are like. A header with the claim
	// assertion needs it. Default: no assertions are signed.
	Assertion *AssertionConfig
	// SignOnForm signs users in at an application with its own login form.
	// Default: users sign in there themselves.
	SignOnForm *SignOnForm
	// SignOutPaths are paths by which the application signs its users out. A user
	// who opens one of them from a page of this site is signed out here as well,
	// after the application has answered. Default: none.
	SignOutPaths []string
	// Page says how the gate's pages look.
	Page PageConfig

	// Plex is the client for sign-ins with a source of that kind. Default: plex.tv, by
	// plex.New. plex.None leaves these sign-ins to authentik's own page.
	Plex plex.Client

	// Open reports whether a request needs no sign-in. A path that servers read in
	// different ways, as rules.AmbiguousPath says, needs one all the same: an application
	// may read it as another path than Open has. Default: no request is open.
	Open func(*http.Request) bool
	// DangerouslyOpen is like Open, and decides about ambiguous paths itself. A request that
	// either of them says is open needs no sign-in. Default: no request is open.
	DangerouslyOpen func(*http.Request) bool
	// Preflight lets preflights of other origins pass (Fetch, CORS-preflight request),
	// whatever Rules demand, without cookies, credentials, identity, and headers that
	// change the method. Default: they get 401, as other requests do.
	Preflight bool
	// Resolve tells what the server in front knows about a request. Default: what the connection itself says.
	Resolve func(*http.Request) Resolved

	// Described says that requests are described by another proxy, which asks about
	// each, and keeps their bodies and the application's responses: see package
	// proxy/sidecar. Options that need these are refused. Default: the gate stands
	// before the application.
	Described bool

	// Writer returns the writer for a response of the gate itself, instead of the one
	// that Guard was given. Default: that one.
	Writer func(http.ResponseWriter) http.ResponseWriter

	// Metrics counts what happens. Default: nothing is counted.
	Metrics Metrics
	// Debug is the name of a group. For its members every decision is explained in the
	// response header ExplainHeader. Default: for no group.
	Debug string
	// WhyOpen says which option opens a request, or that none does, for Explain.
	// Default: nothing is said about it.
	WhyOpen func(*http.Request) string
	// Tracer traces sign-ins. Default: nothing is traced.
	Tracer Tracer
	// Logger logs what an operator should know. Default: nothing is logged.
	Logger *slog.Logger
	// Audit gets a line for each sign-in, wrong answer, refusal, sign-out and end
	// of a session, all with the same fields. Default: no lines are written.
	Audit *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// demandAttrs returns what the gate names at authentik, for lines in the log.
func (cfg Config) demandAttrs() (attrs []slog.Attr) {
	for _, named := range []struct{ key, value string }{
		{"flow", cfg.Flow}, {"application", cfg.Application}, {"client_id", cfg.OIDC.ClientID},
	} {
		if named.value != "" {
			attrs = append(attrs, slog.String(named.key, named.value))
		}
	}
	return attrs
}

// hosts returns the names of this site that the operator has given.
func (cfg Config) hosts() []string {
	if cfg.Site != nil {
		return []string{cfg.Site.Host}
	}
	return cfg.Hosts
}

// PageConfig says how the gate's pages look.
type PageConfig struct {
	// Title stands on every page. Default: the title of authentik's brand.
	Title string
	// Logo is the address of a picture. Default: the logo of authentik's brand.
	Logo string
	// Style is a style sheet that comes after the page's own. Default: none.
	Style []byte
	// Templates has templates that replace those of the same name in
	// package page, one by one. They are code of the operator's. Default: none.
	Templates fs.FS
	// Language is a language tag (BCP 47) that the pages are in, and in which authentik
	// is asked to speak. Default: chosen for each visitor.
	Language string
}

// PageTemplates are the names that templates in PageConfig may have.
func PageTemplates() []string { return templates.Names() }

// Resolved is what the server in front has found out about a request: scheme,
// host and client address, with what it trusts its peers to say, and the address
// as it was asked for.
type Resolved = exchange.Resolved

// resolveConnection knows nothing but the connection: no header of a client
// or of a proxy counts.
func resolveConnection(r *http.Request) Resolved {
	at := Resolved{Scheme: "http", Host: r.Host, Asked: r.URL}
	if r.TLS != nil {
		at.Scheme = "https"
	}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		at.Client = peer.Addr().Unmap()
	}
	return at
}

// resolve asks the server in front, and the operator before it.
func (cfg Config) resolve(r *http.Request) Resolved {
	at := cfg.Resolve(r)
	if cfg.Site != nil {
		at.Scheme, at.Host = cfg.Site.Scheme, cfg.Site.Host
	}
	at.Host = rules.Authority(at.Scheme, at.Host)
	return at
}

func (cfg Config) withDefaults() Config {
	if cfg.Lifetime == 0 {
		cfg.Lifetime = 24 * time.Hour
	}
	if cfg.Recheck == 0 {
		cfg.Recheck = 5 * time.Minute
	}
	if cfg.Grace == nil {
		cfg.Grace = new(15 * time.Minute)
	}
	if cfg.Login == "" {
		cfg.Login = LoginPage
		if cfg.LoginAt != nil {
			cfg.Login = loginAtHost
		}
	}
	cfg.PageHost = cfg.PageHost || cfg.LoginHost != nil
	if cfg.Described {
		cfg.Cache = cmp.Or(cfg.Cache, CacheOff)
	}
	cfg.Cache = cmp.Or(cfg.Cache, CachePrivate)
	if cfg.OIDC.used() && cfg.OIDC.Scopes == nil {
		cfg.OIDC.Scopes = []string{"profile", "email"}
	}
	if cfg.Cookie.Name == "" {
		cfg.Cookie.Name = "authentik_gate"
	}
	if cfg.Prefix == "" {
		cfg.Prefix = "/.authentik"
	}
	cfg.Prefix = strings.TrimSuffix(cfg.Prefix, "/")
	cfg.Cookie.Domain = strings.ToLower(strings.TrimPrefix(cfg.Cookie.Domain, "."))
	if cfg.Family == nil {
		cfg.Family = new(Family)
	}
	if cfg.Group == nil {
		cfg.Group = new(Group)
	}
	if cfg.Plex == nil {
		cfg.Plex = plex.New(nil)
	}
	if cfg.Open == nil {
		cfg.Open = func(*http.Request) bool { return false }
	}
	if cfg.DangerouslyOpen == nil {
		cfg.DangerouslyOpen = func(*http.Request) bool { return false }
	}
	if cfg.Resolve == nil {
		cfg.Resolve = resolveConnection
	}
	if cfg.Metrics == nil {
		cfg.Metrics = NopMetrics{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg
}

// hostOf returns the host of an address, for people to read.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
