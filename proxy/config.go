package proxy

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/plex"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// Authentik has the requests that the gate makes to authentik.
// *flowclient.Client implements it.
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

// Config configures a gate. Client, Store and Key are required; every other
// zero value is a safe default.
type Config struct {
	// Client makes the requests to authentik. Required.
	Client Authentik
	// Flow is the slug of the authentication flow. Default: the flow of
	// authentik's brand for the host.
	Flow string
	// Application is the slug of the application in authentik whose bindings
	// decide which users may pass. Default: every user who can sign in may
	// pass.
	Application string
	// OIDC makes sign-ins use OpenID Connect at the provider of Application.
	// Application is then required, and Flow must be empty. Default: sign-ins use
	// authentik's own session.
	OIDC OIDCConfig
	// Require narrows down which of the users that authentik admits may pass:
	// every requirement must hold. Default: all of these users.
	Require []Requirement
	// RequireMFA admits only users who have signed in with a second factor.
	// Other users have to sign in again with one. It needs OpenID Connect (amr,
	// RFC 8176), or LoginAt and a login host with StepUp. Default: false.
	RequireMFA bool
	// MaxAge is the maximum age of a sign-in at authentik, at least a minute.
	// After that the user has to sign in again. It needs OpenID Connect
	// (auth_time, OpenID Connect Core 1.0, 2) or LoginAt. Default: no maximum.
	MaxAge time.Duration
	// Rules demand more of some requests. Default: none.
	Rules []Rule
	// Login says how visitors sign in. Default: LoginPage, or only at LoginAt if
	// it is set.
	Login Login
	// LoginAt is the origin of the login host where visitors sign in instead of
	// here, for example https://auth.example.com. The login host is a site
	// whose gate has LoginHost, with the same Store and Key. LoginAt needs
	// Hosts or Site. If Login is LoginPage, visitors sign in on this site, and
	// at the login host only if authentik wants something that the page cannot
	// do, for example use a passkey of authentik's own host. Default: visitors
	// sign in on this site.
	LoginAt *url.URL
	// LoginHost makes this site a login host, where visitors of other gates
	// sign in. The gate then guards nothing: the application is authentik
	// itself. Default: the gate is not a login host.
	LoginHost *LoginHostConfig
	// PageHost tells authentik this site's own host name instead of authentik's
	// public one, so that passkeys and mail links belong to this site. For
	// visitors who are not signed in, the gate then answers the pages of flows
	// below /if/flow/. No proxy that selects by host may be between the gate and
	// authentik. Default: false, but always true with LoginHost.
	PageHost bool
	// Hosts are the names of this site as browsers show them, with a port where they
	// show one, for example app.example.com:8443. With PageHost no other name is sent
	// to authentik, and a visitor at another host is refused. PageHost needs Hosts or
	// Site.
	Hosts []string

	// Clients admits programs without a browser. Default: no program is
	// admitted.
	Clients ClientsConfig

	// Family are the gates of this process, which this gate joins. Default:
	// none.
	Family *Family
	// Group are the gates on the same server, which this gate joins. Gates of the
	// same hosts must share a Group. Default: none.
	Group *Group
	// Repeats says that one request may meet this gate more than once. Default:
	// a request meets it once, and the gate keeps nothing for a second time.
	Repeats bool

	// Store keeps the sessions. Required.
	Store Store
	// StoreName identifies the store among those of several gates of one host. It
	// must be the same on every server with the same configuration, and may
	// contain secrets. Default: none.
	StoreName string
	// Key is the gate's secret, at least 32 bytes. Records cannot be decrypted
	// without it: a new key ends all sessions. Required.
	Key []byte
	// Lifetime is the maximum duration of a session. Default: 24 hours.
	Lifetime time.Duration
	// Idle is how long a session may be unused before it ends: at least two
	// minutes, and accurate to a minute. Default: as long as Lifetime.
	Idle time.Duration
	// Recheck is how often the gate asks authentik whether a session's user still
	// exists and may still pass. Default: 5 minutes.
	Recheck time.Duration
	// Grace is how long an overdue recheck is tolerated while authentik is
	// unreachable. After that the session is refused until authentik answers
	// again. Default: 15 minutes. With a pointer to zero, a session is refused
	// as soon as a recheck is overdue.
	Grace *time.Duration
	// MaxPerUser is the maximum number of sessions of a user with the same flow
	// and the same cookie name and domain, at most 1000. When one more begins,
	// the oldest ends. Default: no limit, except that a user has at most 1000
	// sessions in all.
	MaxPerUser int
	// Cookie configures the session cookie.
	Cookie CookieConfig

	// AppCookies are cookies of the application that expire when another user signs
	// in on the same browser. Default: none.
	AppCookies []AppCookie
	// ClearSiteData is what the browser clears of this site when another user
	// signs in on it: cache or storage, as in the header Clear-Site-Data.
	// Default: nothing.
	ClearSiteData []string

	// Cache says what caches may keep of the application's responses to
	// signed-in visitors, unless the application says it itself. Default:
	// CachePrivate.
	Cache Cache

	// LateForms are paths that accept forms of other sites, for example a SAML
	// response. If a visitor who sends such a form has to sign in first, the gate
	// keeps the form and sends it after the sign-in; it then looks like a form of
	// this site. Default: only forms of this site are kept.
	LateForms []string

	// Prefix is the path below which the gate has its own addresses. Default:
	// /.authentik.
	Prefix string
	// Site is this site's origin as browsers see it. It is needed if requests
	// reach the gate with another scheme or host. Default: what Resolve
	// returns.
	Site *url.URL
	// Headers configures the identity headers for the application.
	Headers HeaderConfig
	// Assertion configures signed assertions. A header with the claim assertion
	// needs it. Default: no assertions are signed.
	Assertion *AssertionConfig
	// SignOnForm signs users in at an application with its own login form.
	// Default: users sign in there themselves.
	SignOnForm *SignOnForm
	// SignOutPaths are paths by which the application signs its users out. A user
	// who opens one of them from a page of this site is signed out here as well,
	// after the application has answered. Default: none.
	SignOutPaths []string
	// Page configures the looks of the gate's pages.
	Page PageConfig

	// Plex is the client for sign-ins with a Plex source. Default: plex.New, which
	// uses plex.tv. With plex.None these sign-ins happen on authentik's own page.
	Plex plex.Client

	// Open reports whether a request needs no sign-in. A path that servers read
	// in different ways (see rules.AmbiguousPath) always needs a sign-in, since
	// the application may read it as another path than Open. Default: no
	// request is open.
	Open func(*http.Request) bool
	// DangerouslyOpen is like Open, but also decides about ambiguous paths. A
	// request needs no sign-in if either function returns true. Default: no
	// request is open.
	DangerouslyOpen func(*http.Request) bool
	// Preflight lets preflights of other origins pass (Fetch, CORS-preflight
	// request), whatever Rules demand. Cookies, credentials, identity headers
	// and headers that change the method are removed from them. Default:
	// preflights get 401, like other requests.
	Preflight bool
	// Resolve returns what the server in front knows about a request: its scheme,
	// host and client. Default: those of the connection itself.
	Resolve func(*http.Request) Resolved

	// Described says that another proxy asks the gate about each request and
	// describes it in headers, but does not send the body or the application's
	// response: see package proxy/sidecar. Options that need these are refused.
	// Default: requests pass through the gate.
	Described bool

	// Writer returns the writer for a response of the gate itself, from the writer
	// that Guard was given. Default: the writer of Guard.
	Writer func(http.ResponseWriter) http.ResponseWriter

	// Metrics counts what happens. Default: nothing is counted.
	Metrics Metrics
	// Debug is the name of a group. For its members the response header
	// ExplainHeader explains every decision. Default: no response has it.
	Debug string
	// WhyOpen returns the option that opens a request, or a text that no option
	// does. Explain uses it. Default: Explain does not name an option.
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

// demandAttrs returns the objects at authentik that the gate's configuration
// names, for log lines.
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

// Resolved is what the server in front knows about a request: scheme, host and
// client address, from the connection and from proxies that it trusts, and the
// address as it was requested.
type Resolved = exchange.Resolved

// resolveConnection reads only the connection, and no header of a client or a
// proxy.
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

// resolve returns what the server in front knows about a request. Config.Site
// takes precedence.
func (g *Gate) resolve(r *http.Request) Resolved {
	at := g.cfg.Resolve(r)
	if g.cfg.Site != nil {
		at.Scheme, at.Host = g.cfg.Site.Scheme, g.cfg.Site.Host
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

// hostOf returns the host of an address, for texts.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
