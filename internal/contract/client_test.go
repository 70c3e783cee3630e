package contract

import (
	"crypto/rand"
	"crypto/rsa"
	"slices"
	"sync"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// A client is how the gate is registered at authentik for OpenID Connect.
type client struct {
	public      bool // it has no secret
	keyless     bool // authentik has no key for it: tokens are signed with the secret
	asksConsent bool // users are asked for their consent
	backchannel bool // authentik sends it logout notices

	redirect  bool // browsers are sent to authentik's own pages
	ungranted bool // it has no grant types

	// logouts returns the registered post-logout redirect URIs.
	logouts func(names) []string
	// returns says that the gate's own is among them.
	returns bool
}

// granted returns the grant types of the client.
func (c client) granted() []string {
	if c.ungranted {
		return []string{}
	}
	return grants
}

func (c client) logoutURIs(n names) []string {
	if c.logouts == nil {
		return nil
	}
	return c.logouts(n)
}

// Flows, scopes and a key that every authentik has. The documented blueprint uses
// the same ones.
const (
	implicitConsent  = "default-provider-authorization-implicit-consent"
	explicitConsent  = "default-provider-authorization-explicit-consent"
	invalidationFlow = "default-provider-invalidation-flow"
	ownKey           = "authentik Self-signed Certificate"

	flowModel    = "authentik_flows.flow"
	keyModel     = "authentik_crypto.certificatekeypair"
	scopeModel   = "authentik_providers_oauth2.scopemapping"
	managedScope = "goauthentik.io/providers/oauth2/scope-"
)

// byOIDC returns the scenario with sign-ins by OpenID Connect: the gate is the
// client c, whose provider has the flow.
func (s scenario) byOIDC(c client) scenario {
	s.name += " by OpenID Connect"
	s.application, s.client = "app", &c
	flow, written := s.standIn, s.blueprint
	s.standIn = func(n names) authentiktest.Config {
		cfg := flow(n)
		if len(cfg.Applications) == 0 {
			cfg.Applications = []authentiktest.Application{{Slug: n.unique("app"), Name: "Contract"}}
		}
		cfg.Applications[0].Provider = c.provider(n)
		return cfg
	}
	s.blueprint = func(n names) *draft {
		d := written(n)
		at := slices.IndexFunc(d.Entries, func(e Entry) bool { return e.ID == "app" })
		if at < 0 {
			at = len(d.Entries)
			d.application()
		}
		d.Entries = slices.Insert(d.Entries, at, c.entry(n))
		return d.set("app", Attrs{"provider": KeyOf("provider")})
	}
	return s
}

// withAndWithoutOIDC returns the scenario twice: with sign-ins by authentik's own
// session, and by OpenID Connect.
func withAndWithoutOIDC(s scenario) []scenario { return []scenario{s, s.byOIDC(client{})} }

func (c client) secret(n names) string {
	if c.public {
		return ""
	}
	return n.password + n.password // HS256 needs 256 bits (RFC 7518, 3.2)
}

func (c client) consent() string {
	if c.asksConsent {
		return explicitConsent
	}
	return implicitConsent
}

func (n names) callback() string { return n.url + "/.authentik/callback" }

// notices returns the address for authentik's logout notices, or "" if the client
// gets none.
func (c client) notices(n names) string {
	if !c.backchannel {
		return ""
	}
	return n.url + "/.authentik/backchannel-logout"
}

// grants are the grant types that the gate uses.
var grants = []string{"authorization_code", "refresh_token"}

// config returns the gate's configuration of the client.
func (c client) config(n names) proxy.OIDCConfig {
	return proxy.OIDCConfig{ClientID: n.unique("client"), ClientSecret: c.secret(n), SignOutBack: c.returns}
}

// provider returns the stand-in's configuration of the client.
func (c client) provider(n names) *authentiktest.Provider {
	return &authentiktest.Provider{
		Name: n.unique("provider"), ClientID: n.unique("client"), Secret: c.secret(n), Public: c.public, RedirectURIs: []string{n.callback()},
		AuthenticationFlow: n.unique("flow"), AuthorizationFlow: c.consent(), InvalidationFlow: invalidationFlow, SecretSigns: c.keyless,
		GrantTypes: c.granted(), BackchannelURI: c.notices(n), LogoutURIs: c.logoutURIs(n),
	}
}

// entry returns the client as an entry of a blueprint.
func (c client) entry(n names) Entry {
	attrs := Attrs{
		"client_id": n.unique("client"), "client_type": "confidential", "client_secret": c.secret(n),
		"grant_types": c.granted(), "sub_mode": "hashed_user_id", "include_claims_in_id_token": true,
		"redirect_uris":       c.redirectURIs(n),
		"authentication_flow": KeyOf("flow"), "authorization_flow": Find{flowModel, "slug", c.consent()},
		"invalidation_flow": Find{flowModel, "slug", invalidationFlow}, "signing_key": Find{keyModel, "name", ownKey},
	}
	if c.public { // without one here, authentik generates a secret that the gate does not know
		attrs["client_type"] = "public"
		delete(attrs, "client_secret")
	}
	if c.keyless {
		attrs["signing_key"] = nil
	}
	if c.backchannel { // each release knows one of the two names
		attrs["logout_method"], attrs["logout_uri"], attrs["backchannel_logout_uri"] = "backchannel", c.notices(n), c.notices(n)
	}
	var scopes []any
	for _, scope := range []string{"openid", "profile", "email", "offline_access"} {
		scopes = append(scopes, Find{scopeModel, "managed", managedScope + scope})
	}
	attrs["property_mappings"] = scopes
	return Entry{Model: "authentik_providers_oauth2.oauth2provider", ID: "provider", Identifiers: Attrs{"name": n.unique("provider")}, Attrs: attrs}
}

// redirectURIs returns the registered redirect URIs. Releases without types treat
// all of them as redirect URIs of sign-ins.
func (c client) redirectURIs(n names) []Attrs {
	uris := []Attrs{{"matching_mode": "strict", "url": n.callback(), "redirect_uri_type": "authorization"}}
	for _, uri := range c.logoutURIs(n) {
		uris = append(uris, Attrs{"matching_mode": "strict", "url": uri, "redirect_uri_type": "logout"})
	}
	return uris
}

// signingKey is shared by all stand-ins: generating a key is the slowest part of
// starting one.
var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // crypto/rand has failed
	}
	return key
})

// clientOf lists the settings of an application's client at the stand-in.
func clientOf(p *authentiktest.Provider) []string {
	if p == nil {
		return nil
	}
	all := []string{p.Name, p.ClientID, p.Secret, p.AuthenticationFlow, p.AuthorizationFlow, p.InvalidationFlow}
	if p.Public {
		all = append(all, "public")
	}
	if p.SecretSigns {
		all = append(all, "no key")
	}
	return slices.Concat(all, p.RedirectURIs, p.LogoutURIs, p.GrantTypes, []string{p.BackchannelURI})
}

// clientIn lists the same settings of an entry of a blueprint.
func clientIn(byID map[string]Entry, p Entry) []string {
	text := func(v any) string {
		switch v := v.(type) {
		case string:
			return v
		case Find:
			return v.Value
		case KeyOf:
			return byID[string(v)].Identifiers["slug"].(string)
		}
		return ""
	}
	all := []string{text(p.Identifiers["name"])}
	for _, name := range []string{"client_id", "client_secret", "authentication_flow", "authorization_flow", "invalidation_flow"} {
		all = append(all, text(p.Attrs[name]))
	}
	if p.Attrs["client_type"] == "public" {
		all = append(all, "public")
	}
	if p.Attrs["signing_key"] == nil {
		all = append(all, "no key")
	}
	for _, uri := range p.Attrs["redirect_uris"].([]Attrs) {
		all = append(all, text(uri["url"]))
	}
	granted, _ := p.Attrs["grant_types"].([]string)
	return append(append(all, granted...), text(p.Attrs["logout_uri"]))
}
