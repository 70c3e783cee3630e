package proxy

import (
	"net/url"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// Login says how visitors sign in.
type Login string

// The ways to show a login.
const (
	// LoginPage shows authentik's challenges on the gate's own pages.
	LoginPage Login = "page"
	// loginAtHost sends visitors to LoginAt.
	loginAtHost Login = "at"
	// LoginRelay shows authentik's own pages on this site's host.
	LoginRelay Login = "relay"
	// LoginRedirect sends browsers to authentik's own pages, by OpenID Connect.
	LoginRedirect Login = "redirect"
)

// LoginHostConfig says how a login host works.
type LoginHostConfig struct {
	// Page shows the sign-ins of other sites on pages of the gate, on this host. In
	// the end the browser has authentik's own session. Default: authentik's own
	// pages.
	Page bool
}

// OIDCConfig is the gate's registration as a client of OpenID Connect at authentik.
type OIDCConfig struct {
	// ClientID is the client's identifier at the provider. Empty: OpenID Connect is not used.
	ClientID string
	// ClientSecret is empty for a public client.
	ClientSecret string
	// Scopes are asked for, openid always. Default: profile and email. offline_access comes by itself where
	// authentik offers it.
	Scopes []string
	// RequireMFA lets in who has signed in with a second factor (amr, RFC 8176), and has others sign in
	// again with one.
	RequireMFA bool
	// MaxAge is how long ago a sign-in at authentik may be (auth_time, OpenID Connect Core
	// 1.0, 2), at least a minute. After that the user has to sign in again. Default: any time.
	MaxAge time.Duration
	// KeepAccessToken keeps the access token of a session in the process's memory, for headers
	// and placeholders that contain it, and renews it before it expires. Default: only
	// the store has it.
	KeepAccessToken bool
	// SignOutBack says that the address of the sign-out page is registered at the
	// provider as a post-logout redirect URI (OpenID Connect RP-Initiated Logout 1.0,
	// 3.1), so that authentik sends browsers back there. authentik refuses the
	// sign-out if it names an address that is not. Default: none is named.
	SignOutBack bool
}

// demand is what this gate demands of a sign-in.
func (c OIDCConfig) demand() authn.Demand { return authn.Demand{MFA: c.RequireMFA, MaxAge: c.MaxAge} }

// used reports whether sign-ins rest on OpenID Connect.
func (c OIDCConfig) used() bool { return c.ClientID != "" }

// wonBy is what sessions of the gate are won by: the flow or the client that it names, or nothing.
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

// originOf returns an origin in the one spelling that requests have as well.
func originOf(u *url.URL) string {
	return exchange.Origin(Resolved{Scheme: u.Scheme, Host: rules.Authority(u.Scheme, u.Host)})
}
