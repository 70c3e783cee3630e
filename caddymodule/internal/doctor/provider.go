package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// provider checks the metadata of the OpenID Connect provider.
func (x *subject) provider(ctx context.Context) []Finding {
	if x.gate.ClientID == "" {
		return nil
	}
	base := "application/o/" + url.PathEscape(x.gate.Application) + "/"
	a, err := x.ask(ctx, http.MethodGet, base+".well-known/openid-configuration", nil, nil)
	if err != nil {
		return []Finding{x.failed(ctx, err)}
	}
	var says struct {
		Issuer     string   `json:"issuer"`
		Scopes     []string `json:"scopes_supported"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
	}
	if a.StatusCode != http.StatusOK || json.Unmarshal(a.body, &says) != nil || says.Issuer == "" {
		return []Finding{found("provider-missing", fmt.Sprintf("the application %q has no OAuth2 provider, and client_id needs one", x.gate.Application),
			"make one with caddy authentik setup --openid, or leave client_id out")}
	}
	all := x.issuer(says.Issuer)
	all = append(all, x.keys(ctx, base)...)
	for _, scope := range x.gate.Scopes {
		if len(says.Scopes) > 0 && !slices.Contains(says.Scopes, scope) {
			all = append(all, found("scope-missing", fmt.Sprintf("the provider does not offer the scope %q", scope), "add its scope mapping to the provider in authentik, or take it out of scopes"))
		}
	}
	if len(all) == 0 {
		all = append(all, fine("provider", "issuer "+says.Issuer+", keys and scopes are there"))
	}
	return all
}

// issuer compares the issuer with the address that browsers use.
func (x *subject) issuer(says string) []Finding {
	want := x.public.JoinPath("application/o/" + x.gate.Application + "/").String()
	global := x.public.JoinPath("/").String()
	if says == want || says == global {
		return nil
	}
	return []Finding{found("issuer-mismatch", fmt.Sprintf("the issuer is %s, and not %s: authentik sees another host or scheme than browsers do", says, want),
		"set public_url to the address that browsers use for authentik, and let the proxies in front of it pass on Host and X-Forwarded-Proto")}
}

// keys checks the keys of the provider.
func (x *subject) keys(ctx context.Context, base string) []Finding {
	a, err := x.ask(ctx, http.MethodGet, base+"jwks/", nil, nil)
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	switch {
	case err != nil || a.StatusCode != http.StatusOK || json.Unmarshal(a.body, &set) != nil:
		return []Finding{found("keys-unreachable", "the keys of the provider could not be read", "check that nothing in front of authentik blocks /application/o/")}
	case len(set.Keys) == 0:
		return x.withoutKey()
	}
	return nil
}

// shortSecret is the minimum length of a client secret that the gate accepts as
// a key.
const shortSecret = 32

// withoutKey checks a provider without a signing key: it signs with the client
// secret, which must be long enough.
func (x *subject) withoutKey() []Finding {
	if len(x.opened.ClientSecret) >= shortSecret {
		return []Finding{fine("keys", "the provider has no signing key, and signs with the client secret, which is long enough")}
	}
	return []Finding{found("keys-missing", fmt.Sprintf("the provider has no signing key, and signs with the client secret, which has fewer than %d characters", shortSecret),
		"choose a signing key at the provider in authentik")}
}

// secret checks the client secret. authentik checks it before the code, so an
// invented code is enough.
func (x *subject) secret(ctx context.Context) []Finding {
	if x.gate.ClientID == "" || x.opened.ClientSecret == "" {
		return nil
	}
	a, err := x.ask(ctx, http.MethodPost, "application/o/token/", nil, url.Values{
		"grant_type": {"authorization_code"}, "code": {"doctor"}, "redirect_uri": {x.gate.Origin + x.gate.prefix() + "/callback"},
		"client_id": {x.gate.ClientID}, "client_secret": {x.opened.ClientSecret}, "code_verifier": {strings.Repeat("doctor", 8)},
	})
	if err != nil {
		return []Finding{x.failed(ctx, err)}
	}
	var says struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(a.body, &says) // an answer of another kind has no error
	switch says.Error {
	case "invalid_client":
		return []Finding{found("client-secret", "authentik does not accept the client ID with this secret", "copy the client secret from the provider in authentik, or run caddy authentik setup --openid")}
	case "invalid_grant":
		return []Finding{fine("client", "authentik accepts the client secret")}
	}
	return []Finding{skipped("client", fmt.Sprintf("authentik answers %d %s to the client secret, so it is not known whether the secret is right", a.StatusCode, says.Error))}
}
