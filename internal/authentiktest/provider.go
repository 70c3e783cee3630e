package authentiktest

import (
	"cmp"
	"crypto/subtle"
	"slices"
	"time"
)

// A Provider makes an application a client of OAuth2 and OpenID Connect.
type Provider struct {
	Name     string // default: ClientID
	ClientID string
	Secret   string // none for a public client
	Public   bool

	RedirectURIs []string // compared strictly
	LogoutURIs   []string // redirect URIs of type logout
	Scopes       []string // default: openid, email, profile and offline_access

	// Slugs of flows. The defaults are those of every new authentik: implicit
	// consent, and an invalidation flow without stages. The default of
	// AuthenticationFlow is the brand's.
	AuthenticationFlow, AuthorizationFlow, InvalidationFlow string

	CodeValidity    time.Duration // access_code_validity; default: a minute
	AccessValidity  time.Duration // of access and ID tokens; default: an hour
	RefreshValidity time.Duration // default: 30 days
	RefreshKept     time.Duration // refresh_token_threshold; default: a refresh token is renewed each time

	GlobalIssuer bool // issuer_mode global

	// GrantTypes are those that the client may use, in releases that limit
	// them. A client without grant types, which is the default of authentik's
	// API too, can do nothing.
	GrantTypes []string

	// Algorithm is that of the signing key: RS256, which is the default, ES256,
	// ES384, ES512 or EdDSA. SecretSigns stands for a provider without a
	// signing key, whose tokens are signed with its secret (HS256).
	Algorithm   string
	SecretSigns bool

	// Encrypts makes all tokens JWE, as an encryption key does.
	Encrypts bool

	// Claims are added by scope mappings of the administrator, by the name of
	// the scope. They override all other claims of the same name.
	Claims map[string]map[string]any

	// ClaimsApart leaves the claims of scopes out of tokens, so that only
	// userinfo has them: include_claims_in_id_token is off.
	ClaimsApart bool

	// LogoutURI is the address for front-channel logouts: logout_uri with the
	// logout_method frontchannel, in the releases that have it.
	LogoutURI string

	// BackchannelURI is where authentik posts a logout token for each access
	// token of a session that ends: logout_uri with the logout_method
	// backchannel, or backchannel_logout_uri. At a real authentik a provider
	// has only one method.
	BackchannelURI string
}

// A scope is what a provider may tell about a user.
type scope struct{ name, description string }

// scopes are those of every new authentik.
var scopes = []scope{
	{"email", "Email address"},
	{"offline_access", "Access to request new tokens without interaction"},
	{"openid", ""},
	{"profile", "General Profile Information"},
}

const scopeOffline = "offline_access"

// complete fills in the defaults.
func (p Provider) complete() Provider {
	p.Name = cmp.Or(p.Name, p.ClientID)
	p.AuthorizationFlow = cmp.Or(p.AuthorizationFlow, "default-provider-authorization-implicit-consent")
	p.InvalidationFlow = cmp.Or(p.InvalidationFlow, "default-provider-invalidation-flow")
	p.Algorithm = cmp.Or(p.Algorithm, rs256)
	p.CodeValidity = cmp.Or(p.CodeValidity, time.Minute)
	p.AccessValidity = cmp.Or(p.AccessValidity, time.Hour)
	p.RefreshValidity = cmp.Or(p.RefreshValidity, 30*24*time.Hour)
	if p.Scopes == nil {
		p.Scopes = []string{"openid", "email", "profile", scopeOffline}
	}
	return p
}

// permissions are what a visitor is asked to consent to, in the order of their
// names.
func (p Provider) permissions(wanted []string) []Permission {
	list := []Permission{}
	for _, s := range scopes {
		if slices.Contains(wanted, s.name) && slices.Contains(p.Scopes, s.name) {
			list = append(list, Permission{ID: s.name, Name: s.description})
		}
	}
	return list
}

// granted are the scopes that a client gets: those it asks for, as far as they
// exist, or all if it asks for none.
func (p Provider) granted(wanted []string) []string {
	if len(wanted) == 0 {
		return slices.Clone(p.Scopes)
	}
	var list []string
	for _, name := range wanted {
		if slices.Contains(p.Scopes, name) && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// knows reports whether a secret is the client's. A public client has none.
func (p Provider) knows(secret string) bool {
	return p.Public || subtle.ConstantTimeCompare([]byte(p.Secret), []byte(secret)) == 1
}

// grantsBy reports whether a client may use a grant type.
func (s *Server) grantsBy(p Provider, kind string) bool {
	return !s.dialect.limitsGrants || slices.Contains(p.GrantTypes, kind)
}

// client finds the provider with that client_id, and its application: the zero
// Application if it has none.
func (s *Server) client(id string) (Provider, Application, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, app := range s.apps {
		if app.Provider != nil && app.Provider.ClientID == id {
			return app.Provider.complete(), app, true
		}
	}
	for _, p := range s.spare {
		if p.ClientID == id {
			return p.complete(), Application{}, true
		}
	}
	return Provider{}, Application{}, false
}

// provided is the application of the slug in the address, if it has a provider.
func (v *visit) provided() (Provider, Application, bool) {
	app, found := v.srv.application(v.args["slug"])
	if !found || app.Provider == nil {
		return Provider{}, Application{}, false
	}
	return app.Provider.complete(), app, true
}

// issuer is the issuer of a provider at the host and scheme of the request.
func (v *visit) issuer(p Provider, app Application) string {
	if p.GlobalIssuer {
		return v.address(v.srv.url("/"))
	}
	return v.address(v.srv.url("/application/o/" + app.Slug + "/"))
}

// providerFlows are the provider flows of every new authentik.
func providerFlows() []Flow {
	const redirecting = "Redirecting to %(app)s"
	return []Flow{
		{
			Slug: "default-provider-authorization-explicit-consent", Title: redirecting,
			Designation: DesignationAuthorization, Authentication: RequireAuthenticated,
			Bindings: []Binding{{Stage: &ConsentStage{Mode: ConsentExpiring}}},
		},
		{
			Slug: "default-provider-authorization-implicit-consent", Title: redirecting,
			Designation: DesignationAuthorization, Authentication: RequireAuthenticated,
		},
		{
			Slug: "default-provider-invalidation-flow", Title: "You've logged out of %(app)s.",
			Designation: DesignationInvalidation, Authentication: RequireAuthenticated,
		},
	}
}
