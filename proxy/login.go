package proxy

import (
	"net/url"
	"slices"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// Login says how visitors sign in.
type Login string

// The values of Login.
const (
	// LoginPage shows authentik's challenges on the gate's own pages.
	LoginPage Login = "page"
	// loginAtHost sends visitors to LoginAt.
	loginAtHost Login = "at"
	// LoginRelay shows authentik's own pages on this site's host.
	LoginRelay Login = "relay"
	// LoginRedirect sends browsers to authentik's own pages, with OpenID
	// Connect.
	LoginRedirect Login = "redirect"
)

// LoginHostConfig configures a login host.
type LoginHostConfig struct {
	// Page shows the sign-ins of other sites on pages of the gate, on this
	// host. In the end the browser has authentik's own session. Default:
	// visitors sign in on authentik's own pages.
	Page bool
	// StepUp is the slug of the flow that signs visitors in with a second
	// factor, for gates with RequireMFA. The gate trusts that every user whom
	// this flow signs in has given a second factor, so the flow must not end
	// without one. Default: no gate can demand a second factor.
	StepUp string
}

// OIDCConfig is the gate's registration as a client of OpenID Connect at
// authentik.
type OIDCConfig struct {
	// ClientID is the client's identifier at the provider. Default: OpenID
	// Connect is not used.
	ClientID string
	// ClientSecret is the client's secret. Default: the client is public and
	// has none.
	ClientSecret string
	// Scopes are requested in addition to openid, and to offline_access if
	// authentik offers it. Default: profile and email.
	Scopes []string
	// KeepAccessToken keeps the access token of a session in the process's memory,
	// for headers and placeholders that contain it, and renews it before it
	// expires. Default: the access token is only in the store.
	KeepAccessToken bool
	// SignOutBack says that the address of the sign-out page is registered at the
	// provider as a post-logout redirect URI (OpenID Connect RP-Initiated Logout
	// 1.0, 3.1), so that authentik sends browsers back there. If the address is
	// not registered, authentik refuses the sign-out. Default: authentik does not
	// send browsers back.
	SignOutBack bool
}

// demand returns the gate's demand on every sign-in.
func (cfg Config) demand() authn.Demand {
	return authn.Demand{MFA: cfg.RequireMFA, MaxAge: cfg.MaxAge}
}

// demandsMFA reports whether some request needs a second factor.
func (cfg Config) demandsMFA() bool {
	return cfg.RequireMFA || slices.ContainsFunc(cfg.Rules, func(r Rule) bool { return r.RequireMFA })
}

// used reports whether sign-ins use OpenID Connect.
func (c OIDCConfig) used() bool { return c.ClientID != "" }

// wonBy returns what the gate's sessions begin with: its flow, its client or
// its login host. It is empty if the configuration names none of them.
func (cfg Config) wonBy() string {
	switch {
	case cfg.OIDC.used():
		return "oidc\x00" + cfg.OIDC.ClientID
	case cfg.LoginAt != nil && cfg.Login == LoginPage:
		return "page or host\x00" + originOf(cfg.LoginAt)
	case cfg.LoginAt != nil:
		return "host\x00" + originOf(cfg.LoginAt)
	}
	return cfg.Flow
}

// originOf returns an origin in the form that origins of requests have.
func originOf(u *url.URL) string {
	return exchange.Origin(Resolved{Scheme: u.Scheme, Host: rules.Authority(u.Scheme, u.Host)})
}
