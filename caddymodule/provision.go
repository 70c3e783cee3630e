package caddymodule

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap/exp/zapslog"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/gatekey"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/gates"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/keeper"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/loglimit"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/pagefile"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/request"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/routes"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/telemetry"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/transport"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/version"
	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// caddyVersion returns the version of the running Caddy, which takes long to
// find out.
var caddyVersion = sync.OnceValue(func() string {
	version, _ := caddy.Version()
	return version
})

// Provision checks the configuration and makes the gate. It does not ask
// authentik, which may be down when Caddy starts.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.log = h.newLogger(ctx)
	version.WarnOfOld(caddyVersion(), h.log)
	wrong := h.expand()
	transport, err := h.transport()
	wrong = wrong.And(err)
	page, mistakes := pagefile.Page(h.Page).Read()
	wrong = append(wrong, mistakes...)
	wrong = wrong.And(h.loadMatchers(ctx))
	wrong = wrong.And(h.checkSite(ctx))
	h.warnOfCommas()
	h.takePosts()
	store, err := h.store(ctx)
	if err := wrong.And(err).Err(); err != nil {
		return err
	}
	cfg, err := h.gateConfig(ctx, transport, store)
	if err != nil {
		return err
	}
	cfg.Page = page
	for _, at := range h.posts {
		at.Store = store
		if err := h.start(ctx, at, cfg); err != nil {
			return err
		}
	}
	return h.openSidecar()
}

// start makes a gate, unless its key must be created first.
func (h *Handler) start(ctx caddy.Context, s post, cfg proxy.Config) error {
	storage := ctx.Storage()
	s.Storage = gates.Place(storage)
	s.CreateKey = func(ctx context.Context) ([]byte, error) {
		return gatekey.LoadOrCreate(ctx, storage, h.log)
	}
	cfg.Application, cfg.Hosts = s.application, s.hosts
	s.NewGate = func(key []byte) (*proxy.Gate, error) {
		cfg := cfg
		cfg.Key = key
		return proxy.New(cfg)
	}
	server, _ := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	s.Cookie = h.sessionCookie()
	family, group, unregister, err := gates.Register(s.Starter, server)
	if err != nil {
		return err
	}
	cfg.Family, cfg.Group, cfg.Repeats = family, group, routes.Named(server)
	h.release = append(h.release, unregister)
	if err := s.CheckCookie(); err != nil {
		return err
	}
	key := []byte(h.Key)
	if len(key) == 0 {
		s.KeepKey = func(ctx context.Context, key []byte) { gatekey.Keep(ctx, storage, key, h.log) }
		if key, err = s.StoredKey(ctx, func(ctx context.Context) ([]byte, error) { return gatekey.Load(ctx, storage) }); err != nil {
			return err
		}
	}
	if key == nil {
		cfg.Key = make([]byte, gatekey.Size)
		return proxy.Check(cfg)
	}
	return s.Start(key)
}

// transport returns the connections to authentik.
func (h *Handler) transport() (http.RoundTripper, error) {
	t, release, err := transport.Take(h.Trust, h.verified())
	if err != nil {
		return nil, err
	}
	h.release = append(h.release, release)
	return t, nil
}

// verified returns the options about authentik's certificate. It leaves out
// options with mistakes, which are reported elsewhere.
func (h *Handler) verified() flowclient.Config {
	cfg := flowclient.Config{URL: parsed(h.URL), PublicURL: parsed(h.PublicURL), PinSHA256: h.Pin, TLSServerName: h.TLSName}
	if rules.Pin(h.Pin) != nil || len(h.checkTLS()) > 0 {
		cfg.PinSHA256 = ""
	}
	if rules.HostName(h.TLSName) != nil || len(h.checkTLS()) > 0 {
		cfg.TLSServerName = ""
	}
	return cfg
}

// gateConfig returns the gate's configuration without the page and the key.
func (h *Handler) gateConfig(ctx caddy.Context, transport http.RoundTripper, store gates.Store) (proxy.Config, error) {
	metrics, err := telemetry.New(ctx.GetMetricsRegistry(), store.Name, h.siteLabel())
	if err != nil {
		return proxy.Config{}, err
	}
	client, err := flowclient.New(flowclient.Config{
		URL: parsed(h.URL), PublicURL: h.publicURL(),
		Transport: telemetry.Transport(transport, metrics), Logger: h.log,
	})
	cfg := h.describe(h.config())
	cfg.Client, cfg.Store, cfg.StoreName = client, telemetry.Store(store.Store, metrics), h.storeName
	cfg.Metrics, cfg.Logger, cfg.Tracer = metrics, h.log.With("authentik", h.URL), telemetry.Tracer{}
	if h.Audit {
		cfg.Audit = h.newAuditLog(ctx).With("authentik", h.URL)
	}
	return cfg, err
}

// config returns the gate's configuration from the checked options. For an
// option that is not given, the gate has a default.
func (h *Handler) config() proxy.Config {
	return proxy.Config{
		Flow:        h.Flow,
		Application: h.Application,
		OIDC:        h.openID(),
		Require:     h.requirements(),
		Rules:       h.rulesOf(),
		Clients:     h.clients(),
		Login:       proxy.Login(h.Login),
		LoginAt:     h.loginAt(), LoginHost: h.loginHostConfig(),
		PageHost:   h.pageHost(),
		Hosts:      h.toldHosts(),
		Lifetime:   duration(h.Lifetime),
		Idle:       duration(h.Idle),
		Recheck:    duration(h.Recheck),
		Grace:      h.grace(),
		MaxPerUser: h.maxPerUser(),
		Cookie:     proxy.CookieConfig{Name: h.Cookie.Name, Domain: h.Cookie.Domain, Persistent: h.Cookie.Persistent},
		AppCookies: h.appCookies(), ClearSiteData: h.ClearSiteData,
		Cache: proxy.Cache(h.Cache), LateForms: h.LateForms,
		Prefix:  h.Prefix,
		Site:    parsed(h.Site),
		Headers: h.Headers.config(h.SignOn.header()...), Assertion: h.assertion(),
		SignOnForm: h.SignOn.signOnForm(), SignOutPaths: h.SignOut,
		// This package itself checks for addresses that servers read in
		// different ways.
		DangerouslyOpen: h.openness.IsOpen,
		WhyOpen:         h.openness.Why,
		Debug:           h.Debug,
		Preflight:       h.Preflight,
		RequireMFA:      h.RequireMFA,
		MaxAge:          duration(h.MaxAge),
		Writer:          keeper.New,
		Resolve:         h.resolve(),
	}
}

// resolve returns the function that tells the gate what Caddy knows about a
// request.
func (h *Handler) resolve() func(*http.Request) proxy.Resolved {
	resolver := &request.Resolver{Log: h.log}
	return func(r *http.Request) proxy.Resolved { return proxy.Resolved(resolver.Resolve(r)) }
}

// openID returns the gate's registration as a client of OpenID Connect, if
// there is one.
func (h *Handler) openID() proxy.OIDCConfig {
	return proxy.OIDCConfig{
		ClientID:        h.ClientID,
		ClientSecret:    h.ClientSecret,
		Scopes:          h.Scopes,
		SignOutBack:     h.SignOutBack,
		KeepAccessToken: slices.ContainsFunc(h.Headers.Own, Header.needsToken),
	}
}

// assertion returns the configuration of signed assertions, if a header
// contains one.
func (h *Handler) assertion() *proxy.AssertionConfig {
	if !slices.ContainsFunc(h.Headers.Own, Header.needsAssertion) {
		return nil
	}
	return &proxy.AssertionConfig{Audience: h.Assertion.Audience, Lifetime: duration(h.Assertion.Lifetime)}
}

// duration returns the duration in a text that has been checked, or zero.
func duration(text string) time.Duration {
	d, _ := caddy.ParseDuration(text)
	return d
}

// grace returns the configured grace, or nil for the gate's default.
func (h *Handler) grace() *time.Duration {
	if h.Grace == "" {
		return nil
	}
	return new(duration(h.Grace))
}

// maxPerUser returns the number in a text that has been checked, or zero.
func (h *Handler) maxPerUser() int {
	n, _ := strconv.Atoi(string(h.MaxPerUser))
	return n
}

// parsed parses an address that has been checked. It returns nil for an empty
// one.
func parsed(address string) *url.URL {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	return u
}

// Cleanup undoes Provision, even if that has failed.
func (h *Handler) Cleanup() error {
	var errs []error
	for _, release := range slices.Backward(h.release) {
		errs = append(errs, release())
	}
	h.release = nil
	return errors.Join(errs...)
}

// noStack is a level above every level of a line. Errors of the gate are about
// authentik, the store or the configuration, so stack frames would not help.
const noStack = slog.Level(127)

// newAuditLog returns the log of the handler's audit lines, which has a
// separate name. It never leaves a line out.
func (h *Handler) newAuditLog(ctx caddy.Context) *slog.Logger {
	return slog.New(zapslog.NewHandler(ctx.Logger().Core(), zapslog.WithName(string(h.CaddyModule().ID)+".audit"), zapslog.AddStacktraceAt(noStack)))
}

// newLogger returns the log of the handler. It logs a problem once, and then
// how often it has happened. It is not Caddy's own slog.Logger, which adds
// stack frames to errors during a request.
func (h *Handler) newLogger(ctx caddy.Context) *slog.Logger {
	plain := zapslog.NewHandler(ctx.Logger().Core(), zapslog.WithName(string(h.CaddyModule().ID)), zapslog.AddStacktraceAt(noStack))
	limited := loglimit.New(plain)
	h.release = append(h.release, limited.Stop)
	return slog.New(limited)
}
