package authentiktest

import "net/http"

func metadataRoutes() []route {
	return []route{
		{"/application/o/{slug}/", (*visit).issuerPage},
		{"/application/o/{slug}/.well-known/openid-configuration", (*visit).discovery},
		{"/.well-known/oauth-authorization-server/application/o/{slug}/", (*visit).discovery},
		{"/application/o/{slug}/jwks/", (*visit).jwks},
	}
}

// issuerPage redirects from an issuer to its discovery document.
func (v *visit) issuerPage() *response {
	return v.moved(v.srv.url("/application/o/" + v.args["slug"] + "/.well-known/openid-configuration"))
}

// discovery is the discovery document (OpenID Connect Discovery 1.0).
func (v *visit) discovery() *response {
	p, app, found := v.provided()
	if !found {
		return v.notFound()
	}
	at := func(view string) string { return v.address(v.srv.url("/application/o/" + view)) }
	document := object{
		"issuer":                                v.issuer(p, app),
		"authorization_endpoint":                at("authorize/"),
		"token_endpoint":                        at("token/"),
		"userinfo_endpoint":                     at("userinfo/"),
		"end_session_endpoint":                  at(app.Slug + "/end-session/"),
		"introspection_endpoint":                at("introspect/"),
		"revocation_endpoint":                   at("revoke/"),
		"device_authorization_endpoint":         at("device/"),
		"jwks_uri":                              at(app.Slug + "/jwks/"),
		"backchannel_logout_supported":          true,
		"backchannel_logout_session_supported":  true,
		"response_types_supported":              responseTypes,
		"response_modes_supported":              responseModes,
		"grant_types_supported":                 grantTypes,
		"id_token_signing_alg_values_supported": []string{p.signs()},
		"subject_types_supported":               []string{"public"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic"},
		"acr_values_supported":                  []string{"goauthentik.io/providers/oauth2/default"},
		"scopes_supported":                      p.Scopes,
		"request_parameter_supported":           false,
		"claims_supported":                      supportedClaims,
		"claims_parameter_supported":            false,
		"code_challenge_methods_supported":      []string{"plain", "S256"},
	}
	if p.Encrypts {
		document["id_token_encryption_alg_values_supported"] = []string{encryption}
		document["id_token_encryption_enc_values_supported"] = []string{encryptionContent}
	}
	if v.srv.dialect.frontchannel {
		document["frontchannel_logout_supported"], document["frontchannel_logout_session_supported"] = true, true
	}
	return &response{status: http.StatusOK, json: document}
}

// signs is the algorithm with which a provider signs.
func (p Provider) signs() string {
	if p.SecretSigns {
		return "HS256"
	}
	return p.Algorithm
}

// grantTypes are those that discovery lists, whatever the provider allows. The
// hybrid grant type is not listed, but is allowed or not as the others are.
var grantTypes = []string{
	"authorization_code", "refresh_token", "implicit", "client_credentials", "password", grantDevice,
}

var supportedClaims = []string{
	"sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "nonce", "email", "email_verified", "name",
	"given_name", "preferred_username", "nickname", "groups",
}

// jwks are the keys that tokens are signed and encrypted with.
func (v *visit) jwks() *response {
	p, _, found := v.provided()
	if !found {
		return v.notFound()
	}
	var keys []object
	if !p.SecretSigns {
		keys = append(keys, v.srv.ring.key(p.Algorithm, v.srv.now()).published())
	}
	if p.Encrypts {
		keys = append(keys, v.srv.ring.key(encryption, v.srv.now()).published())
	}
	answer := object{}
	if len(keys) > 0 {
		answer["keys"] = keys
	}
	return &response{
		status: http.StatusOK, json: answer, header: http.Header{"Access-Control-Allow-Origin": {"*"}},
	}
}
