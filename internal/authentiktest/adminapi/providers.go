package adminapi

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

func providers() kind {
	return kind{
		path: "providers/oauth2/", model: "authentik_providers_oauth2.%s_oauth2provider",
		list: func(c call) (int, any) {
			var all []object
			for _, one := range c.selected(c.api.tables.providers, "name", "client_id") {
				all = append(all, c.api.shownProvider(one))
			}
			return c.page(all)
		},
		add: addProvider,
		get: onProvider(func(c call, one object) (int, any) { return http.StatusOK, c.api.shownProvider(one) }),
		patch: onProvider(func(c call, one object) (int, any) {
			if wrong := c.checkProvider(one); len(wrong) > 0 {
				return http.StatusBadRequest, wrong
			}
			c.api.keep(one, c.body)
			return http.StatusOK, c.api.shownProvider(one)
		}),
		drop: onProvider(func(c call, one object) (int, any) {
			c.api.tables.providers = without(c.api.tables.providers, one)
			if app := find(c.api.tables.applications, "provider", one["pk"]); app != nil {
				app["provider"] = nil
			}
			return http.StatusNoContent, nil
		}),
	}
}

// newProvider returns a provider with authentik's defaults.
func (a *API) newProvider(fields object) object {
	one := object{
		"pk": a.tables.pk(), "component": "ak-provider-oauth2-form", "authentication_flow": nil, "property_mappings": []any{},
		"client_type": "confidential", "client_id": uuid(), "client_secret": strings.ReplaceAll(uuid()+uuid()+uuid(), "-", ""),
		"access_code_validity": "minutes=1", "access_token_validity": "hours=1", "refresh_token_validity": "days=30",
		"include_claims_in_id_token": true, "signing_key": nil, "encryption_key": nil, "sub_mode": "hashed_user_id",
		"issuer_mode": "per_provider", "redirect_uris": []any{},
	}
	if a.dialect().grantTypes {
		one["grant_types"], one["refresh_token_threshold"], one["logout_uri"], one["logout_method"] = []any{}, "seconds=0", "", "backchannel"
	} else {
		one["backchannel_logout_uri"] = ""
	}
	a.keep(one, fields)
	return one
}

// keep takes over the fields that this release has. It silently ignores others.
func (a *API) keep(one, fields object) {
	for name, value := range fields {
		if _, known := one[name]; known || name == "name" || name == "authorization_flow" || name == "invalidation_flow" {
			one[name] = value
		}
	}
}

func (a *API) shownProvider(one object) object {
	shown := maps.Clone(one)
	shown["assigned_application_slug"], shown["assigned_application_name"] = nil, nil
	if app := find(a.tables.applications, "provider", one["pk"]); app != nil {
		shown["assigned_application_slug"], shown["assigned_application_name"] = app["slug"], app["name"]
	}
	return shown
}

func onProvider(does func(call, object) (int, any)) func(call) (int, any) {
	return func(c call) (int, any) {
		one := find(c.api.tables.providers, "pk", number(c.rest[0]))
		if one == nil || len(c.rest) > 1 {
			return http.StatusNotFound, object{"detail": "No OAuth2Provider matches the given query."}
		}
		return does(c, one)
	}
}

// checkProvider returns what is wrong with the fields of a provider.
func (c call) checkProvider(self object) mistakes {
	wrong, d := mistakes{}, c.api.dialect()
	if self == nil {
		wrong.require(c.body, "name", "authorization_flow", "invalidation_flow", "redirect_uris")
	}
	wrong.unique(c.body, "name", c.api.tables.providers, self, "provider with this name already exists.")
	wrong.unique(c.body, "client_id", c.api.tables.providers, self, "OAuth2/OpenID Provider with this Client ID already exists.")
	wrong.durations(c.body, "access_code_validity", "access_token_validity", "refresh_token_validity")
	wrong.redirects(c.body, d)
	wrong.grants(c.body, d)
	return wrong
}

func addProvider(c call) (int, any) {
	if wrong := c.checkProvider(nil); len(wrong) > 0 {
		return http.StatusBadRequest, wrong
	}
	one := c.api.newProvider(c.body)
	c.api.tables.providers = append(c.api.tables.providers, one)
	return http.StatusCreated, c.api.shownProvider(one)
}

// providerObject is the object of a provider that the server has.
func (a *API) providerObject(p authentiktest.Provider) object {
	fields := object{
		"name": p.Name, "client_id": p.ClientID, "client_secret": p.Secret, "grant_types": anys(p.GrantTypes), "property_mappings": []any{},
	}
	if p.Name == "" {
		fields["name"] = p.ClientID
	}
	if p.Public {
		fields["client_type"] = "public"
	}
	if !p.SecretSigns {
		fields["signing_key"] = a.tables.keys[0]["pk"]
	}
	redirects := []any{}
	for kind, list := range map[string][]string{"authorization": p.RedirectURIs, "logout": p.LogoutURIs} {
		for _, u := range list {
			address := object{"matching_mode": "strict", "url": u}
			if a.dialect().logoutTypes {
				address["redirect_uri_type"] = kind
			}
			redirects = append(redirects, address)
		}
	}
	fields["redirect_uris"] = redirects
	fields["logout_uri"], fields["backchannel_logout_uri"] = p.BackchannelURI, p.BackchannelURI
	scopes := p.Scopes
	if scopes == nil {
		scopes = []string{"openid", "email", "profile", "offline_access"}
	}
	mappings := []any{}
	for _, s := range a.tables.scopes {
		if slices.Contains(scopes, str(s["scope_name"])) {
			mappings = append(mappings, s["pk"])
		}
	}
	fields["property_mappings"] = mappings
	for name, slug := range map[string]string{
		"authorization_flow": "default-provider-authorization-implicit-consent", "invalidation_flow": "default-provider-invalidation-flow",
	} {
		fields[name] = find(a.tables.flows, "slug", slug)["pk"]
	}
	return a.newProvider(fields)
}

func anys(texts []string) []any {
	all := []any{}
	for _, t := range texts {
		all = append(all, t)
	}
	return all
}

// provider is what an object means to the server.
func (a *API) provider(one object) authentiktest.Provider {
	p := authentiktest.Provider{}
	if apps, spare := a.server.Applications(); true { // what the API does not show stays
		for _, app := range apps {
			if app.Provider != nil && app.Provider.ClientID == one["client_id"] {
				p = *app.Provider
			}
		}
		for _, s := range spare {
			if s.ClientID == one["client_id"] {
				p = s
			}
		}
	}
	p.Name, p.ClientID, p.Secret = str(one["name"]), str(one["client_id"]), str(one["client_secret"])
	p.Public, p.SecretSigns = one["client_type"] == "public", one["signing_key"] == nil
	p.RedirectURIs, p.LogoutURIs, p.Scopes = nil, nil, []string{}
	for _, u := range list(one["redirect_uris"]) {
		address, _ := u.(object)
		if address["redirect_uri_type"] == "logout" {
			p.LogoutURIs = append(p.LogoutURIs, str(address["url"]))
			continue
		}
		p.RedirectURIs = append(p.RedirectURIs, str(address["url"]))
	}
	for _, pk := range list(one["property_mappings"]) {
		if s := find(a.tables.scopes, "pk", pk); s != nil {
			p.Scopes = append(p.Scopes, str(s["scope_name"]))
		}
	}
	p.GrantTypes = nil
	for _, g := range list(one["grant_types"]) {
		p.GrantTypes = append(p.GrantTypes, str(g))
	}
	p.AuthorizationFlow, p.InvalidationFlow = a.slugOf(one["authorization_flow"]), a.slugOf(one["invalidation_flow"])
	p.BackchannelURI = str(one["backchannel_logout_uri"]) + str(one["logout_uri"])
	p.AccessValidity, p.RefreshValidity = span(str(one["access_token_validity"])), span(str(one["refresh_token_validity"]))
	return p
}

func list(v any) []any { all, _ := v.([]any); return all }

func (a *API) slugOf(pk any) string { return str(find(a.tables.flows, "pk", pk)["slug"]) }

// span reads a duration of authentik, such as "hours=1;minutes=30".
func span(text string) (d time.Duration) {
	units := map[string]time.Duration{"seconds": time.Second, "minutes": time.Minute, "hours": time.Hour, "days": 24 * time.Hour}
	for part := range strings.SplitSeq(text, ";") {
		unit, n, _ := strings.Cut(part, "=")
		d += units[unit] * time.Duration(number(n))
	}
	return d
}
