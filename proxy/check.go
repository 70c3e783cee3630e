package proxy

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// CheckPageLanguage returns an error if the pages are not available in the
// language with this tag (BCP 47).
func CheckPageLanguage(tag string) error { return page.CheckLanguage(tag) }

// CheckPageTemplates returns an error if a template cannot be read.
func CheckPageTemplates(templates fs.FS) error {
	_, err := page.New(page.Config{Prefix: "/.authentik", Templates: templates})
	return err
}

// Check returns all mistakes in a configuration, as New does, and starts
// nothing.
func Check(cfg Config) error {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return err
	}
	_, _, err := cfg.openPages(seal.NewKey(cfg.Key), nil, nil)
	return err
}

// check returns all mistakes in the configuration.
func (cfg Config) check() error {
	var errs []error
	wrong := func(option string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("proxy: %s: %w", option, err))
		}
	}
	if cfg.Client == nil {
		wrong("client", errors.New("a client is required"))
	}
	if cfg.Store == nil {
		wrong("store", errors.New("a store is required"))
	}
	cfg.checkBounds(wrong)
	wrong("prefix", rules.Prefix(cfg.Prefix))
	wrong("cookie name", rules.CookieName(cfg.Cookie.Name))
	given(cfg.Flow, func() { wrong("flow", rules.Slug(cfg.Flow)) })
	given(cfg.Application, func() { wrong("application", rules.Slug(cfg.Application)) })
	given(cfg.Cookie.Domain, func() { wrong("cookie domain", rules.CookieDomain(cfg.Cookie.Domain)) })
	if cfg.Site != nil {
		wrong("site", rules.Origin(strings.TrimSuffix(cfg.Site.String(), "/")))
	}
	if cfg.PageHost {
		wrong("host", rules.ToldHosts(cfg.hosts()))
	}
	cfg.checkAppCookies(wrong)
	cfg.checkAssertion(wrong)
	cfg.checkCache(wrong)
	for _, path := range cfg.LateForms {
		wrong("late forms", rules.Path(path))
	}
	cfg.checkSignOn(wrong)
	cfg.checkSignIn(wrong)
	if cfg.LoginHost != nil {
		cfg.checkLoginHost(wrong)
	}
	if cfg.LoginAt != nil {
		cfg.checkLoginAt(wrong)
	}
	cfg.checkClients(wrong)
	cfg.checkRules(wrong)
	if cfg.Described {
		cfg.checkDescribed(wrong)
	}
	return errors.Join(append(errs, cfg.Headers.check()...)...)
}

// given calls check for an option that has a value.
func given(value string, check func()) {
	if value != "" {
		check()
	}
}

// checkBounds checks numbers and durations.
func (cfg Config) checkBounds(wrong func(option string, err error)) {
	bound := func(option string, broken bool, format string, args ...any) {
		if broken {
			wrong(option, fmt.Errorf(format, args...))
		}
	}
	bound("key", len(cfg.Key) < rules.MinKey, "it has %d bytes and needs at least %d", len(cfg.Key), rules.MinKey)
	bound("lifetime", cfg.Lifetime < rules.MinLifetime, "%v is too short; at least %v are needed", cfg.Lifetime, rules.MinLifetime)
	bound("idle", cfg.Idle != 0 && cfg.Idle < rules.MinIdle, "%v is too short; at least %v are needed", cfg.Idle, rules.MinIdle)
	bound("recheck", cfg.Recheck < rules.MinRecheck, "%v is too often; wait at least %v", cfg.Recheck, rules.MinRecheck)
	bound("grace", *cfg.Grace < 0, "%v is negative; write 0 or more", *cfg.Grace)
	bound("max per user", cfg.MaxPerUser < 0 || cfg.MaxPerUser > rules.MaxPerUser,
		"%d sessions cannot be counted; write up to %d, or 0 for no limit", cfg.MaxPerUser, rules.MaxPerUser)
	bound("max age", cfg.MaxAge != 0 && cfg.MaxAge < rules.MinMaxAge,
		"%v is too short; at least %v are needed", cfg.MaxAge, rules.MinMaxAge)
}

// checkSignIn checks how visitors sign in, and which users may pass.
func (cfg Config) checkSignIn(wrong func(option string, err error)) {
	if cfg.Login != LoginPage && (cfg.Login != loginAtHost || cfg.LoginAt == nil) && cfg.Login != LoginRelay && cfg.Login != LoginRedirect {
		wrong("login", fmt.Errorf("%q is not known; use page, relay or redirect", cfg.Login))
	}
	c := cfg.OIDC
	options := rules.Given{
		Application: cfg.Application != "", Flow: cfg.Flow != "",
		ClientID: c.ClientID != "", ClientSecret: c.ClientSecret != "", Scopes: len(c.Scopes) > 0,
		RequireMFA: cfg.RequireMFA, MaxAge: cfg.MaxAge != 0, KeepAccessToken: c.KeepAccessToken, SignOutBack: c.SignOutBack,
		LoginByRedirect: cfg.Login == LoginRedirect, LoginAt: cfg.LoginAt != nil, LoginPage: cfg.Login == LoginPage,
	}
	for _, conflict := range options.Conflicts() {
		wrong(conflict.Option, conflict.Err)
	}
	given(c.ClientID, func() { wrong("client id", rules.ClientID(c.ClientID)) })
	for _, err := range rules.Scopes(c.Scopes) {
		wrong("scopes", err)
	}
	source := rules.Source{OpenID: c.used(), Scopes: c.Scopes}
	for _, r := range cfg.Require {
		wrong(strings.TrimSpace("require "+r.Claim), source.Requirement(r.Claim, r.Values))
	}
}
