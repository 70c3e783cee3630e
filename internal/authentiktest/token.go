package authentiktest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// oauthErrors are the errors of OAuth2 with authentik's descriptions.
var oauthErrors = map[string]string{
	"authorization_pending": "The authorization request is still pending as the end user hasn't yet completed the " +
		"user-interaction steps",
	"invalid_client": "Client authentication failed (e.g., unknown client, no client authentication included, or " +
		"unsupported authentication method)",
	"invalid_grant": "The provided authorization grant or refresh token is invalid, expired, revoked, does not match " +
		"the redirection URI used in the authorization request, or was issued to another client",
	"invalid_request":           "The request is otherwise malformed",
	"invalid_scope":             "The requested scope is invalid, unknown, malformed, or exceeds the scope granted by the resource owner",
	"login_required":            "The Authorization Server requires End-User authentication",
	"request_not_supported":     "The provider does not support use of the request parameter",
	"unsupported_grant_type":    "The authorization grant type is not supported by the authorization server",
	"unsupported_response_type": "The authorization server does not support obtaining an authorization code using this method",
}

func tokenRoutes() []route {
	return []route{
		{"/application/o/token/", (*visit).token},
		{"/application/o/userinfo/", (*visit).userinfo},
		{"/application/o/introspect/", (*visit).introspect},
		{"/application/o/revoke/", (*visit).revoke},
	}
}

// A verifier is the challenge that a code is bound to (PKCE, RFC 7636).
type verifier struct{ challenge, method string }

// proves reports whether a text is the verifier. Without a challenge it must be
// empty, or a downgrade would not be noticed.
func (c verifier) proves(text string) bool {
	if c.challenge == "" {
		return text == ""
	}
	if c.method == "S256" {
		sum := sha256.Sum256([]byte(text))
		text = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return subtle.ConstantTimeCompare([]byte(text), []byte(c.challenge)) == 1
}

// unstored is an answer to a client that must not be cached.
func unstored(status int, body any) *response {
	return &response{status: status, json: body, header: http.Header{
		"Cache-Control": {"no-store"}, "Pragma": {"no-cache"},
	}}
}

// fails is an OAuth2 error for the client.
func (v *visit) fails(code string) *response {
	return unstored(http.StatusBadRequest, object{
		"error": code, "error_description": oauthErrors[code], "request_id": v.id,
	})
}

// posted is the form of a request. The response is nil unless the method is not
// POST.
func (v *visit) posted() (url.Values, *response) {
	if v.request.Method != http.MethodPost {
		return nil, &response{status: http.StatusMethodNotAllowed, allow: "POST, OPTIONS"}
	}
	if err := v.request.ParseForm(); err != nil {
		return url.Values{}, nil
	}
	return v.request.PostForm, nil
}

// caller is the client of a request, by the form or the Authorization header.
func (v *visit) caller(form url.Values) (p Provider, app Application, secret string, ok bool) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if name, password, basic := v.request.BasicAuth(); basic {
		id, secret = name, password
	}
	p, app, ok = v.srv.client(id)
	return p, app, secret, ok
}

// token is the token endpoint.
func (v *visit) token() *response {
	form, refusal := v.posted()
	if refusal != nil {
		return refusal
	}
	p, app, secret, found := v.caller(form)
	if !found {
		return v.fails("invalid_client")
	}
	kind := form.Get("grant_type")
	if !slices.Contains(grantTypes, kind) || kind == "implicit" {
		return v.fails(v.srv.dialect.grantUnknown)
	}
	if !v.srv.grantsBy(p, kind) {
		return v.fails(v.srv.dialect.grantRefused)
	}
	if kind == grantDevice {
		if v.srv.dialect.deviceSecret && !p.knows(secret) {
			return v.fails("invalid_client")
		}
		return v.redeemDevice(p, app, form.Get("device_code"))
	}
	if kind == "client_credentials" || kind == "password" {
		return v.machine(p, app, form, secret)
	}
	if !p.knows(secret) {
		return v.fails("invalid_client")
	}
	if kind == "refresh_token" {
		return v.renew(p, app, form)
	}
	return v.redeem(p, app, form)
}

// redeem exchanges a code for tokens. A mistake does not use the code up.
func (v *visit) redeem(p Provider, app Application, form url.Values) *response {
	redirect, code := form.Get("redirect_uri"), form.Get("code")
	if !slices.Contains(p.RedirectURIs, redirect) {
		return v.fails("invalid_client")
	}
	g, found := v.srv.grants.code(code)
	good := found && g.client == p.ClientID && g.asked == redirect && v.srv.now().Before(g.until) &&
		g.verifier.proves(form.Get("code_verifier"))
	if !good || !v.srv.grants.spend(code) {
		return v.fails("invalid_grant")
	}
	return v.withRefresh(p, app, g, v.tokens(p, app, g))
}

// renew exchanges a refresh token for new tokens. They have no sid and no amr
// once the session has ended.
func (v *visit) renew(p Provider, app Application, form url.Values) *response {
	token := form.Get("refresh_token")
	g, found := v.srv.grants.token(token)
	if !found || !g.refresh || g.spent || g.client != p.ClientID || !v.srv.alive(g) {
		return v.fails("invalid_grant")
	}
	if asked := strings.Fields(form.Get("scope")); len(asked) > 0 && !slices.Contains(asked, scopeOffline) {
		return v.fails("invalid_scope")
	}
	if !v.srv.goesOn(g.session) {
		g.session, g.login.method, g.login.second = "", "", false
	}
	fresh := g
	fresh.nonce = ""
	answer := v.tokens(p, app, fresh)
	if p.RefreshKept > 0 && g.until.Sub(v.srv.now()) > p.RefreshKept {
		return unstored(http.StatusOK, answer)
	}
	if !v.srv.grants.spendToken(token) {
		return v.fails("invalid_grant")
	}
	return v.withRefresh(p, app, g, answer)
}

// withRefresh adds a refresh token to new tokens, if the client may have one.
func (v *visit) withRefresh(p Provider, app Application, g grant, answer object) *response {
	if slices.Contains(g.scopes, scopeOffline) {
		access, _ := answer["access_token"].(string)
		answer["refresh_token"] = v.keepRefresh(p, app, g, access)
	}
	return unstored(http.StatusOK, answer)
}

// tokens are new tokens without a refresh token.
func (v *visit) tokens(p Provider, app Application, g grant) object {
	issued := v.issue(p, app, g)
	return object{
		"access_token": issued.access, "id_token": issued.id, "token_type": "Bearer",
		"scope": strings.Join(g.scopes, " "), "expires_in": int(p.AccessValidity.Seconds()),
	}
}

// keepRefresh makes a refresh token. Introspection shows for it the claims of
// an ID token with its lifetime.
func (v *visit) keepRefresh(p Provider, app Application, g grant, access string) string {
	g.refresh, g.until = true, v.srv.now().Add(p.RefreshValidity)
	g.claims = v.claimsOf(p, app, g)
	g.claims["exp"], g.claims["at_hash"] = g.until.Unix(), half(access)
	token := random(128)
	v.srv.grants.keepToken(token, g)
	return token
}

// bearer is the access token of a request, if it is still valid.
func (v *visit) bearer() (grant, bool) {
	scheme, token, _ := strings.Cut(v.request.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		token = v.request.FormValue("access_token")
	}
	g, found := v.srv.grants.token(token)
	return g, found && !g.refresh && v.srv.alive(g)
}

// challenged refuses an access token (RFC 6750).
func challenged(status int, code, description string) *response {
	return &response{status: status, header: http.Header{
		"Www-Authenticate": {`error="` + code + `", error_description="` + description + `"`},
	}}
}

// userinfo tells a client about the user of its token.
func (v *visit) userinfo() *response {
	g, ok := v.bearer()
	if !ok {
		return challenged(http.StatusUnauthorized, "invalid_token",
			"The access token provided is expired, revoked, malformed, or invalid for other reasons")
	}
	if !slices.Contains(g.scopes, "openid") {
		return challenged(http.StatusForbidden, "insufficient_scope",
			"The request requires higher privileges than provided by the access token")
	}
	p, _, _ := v.srv.client(g.client)
	u := v.srv.current(User{PK: g.user})
	told := p.claims(u, g.scopes)
	told["sub"] = u.UID
	if g.nonce != "" {
		told["nonce"] = g.nonce
	}
	return unstored(http.StatusOK, told)
}

// introspect tells a client what its own token contains (RFC 7662). For any
// other client the token is inactive.
func (v *visit) introspect() *response {
	form, refusal := v.posted()
	if refusal != nil {
		return refusal
	}
	p, _, secret, known := v.caller(form)
	g, found := v.srv.grants.token(form.Get("token"))
	if !known || p.Public || !p.knows(secret) || !found || g.client != p.ClientID || !v.srv.alive(g) {
		return unstored(http.StatusOK, object{"active": false})
	}
	told := object{"active": !g.spent, "scope": strings.Join(g.scopes, " "), "client_id": p.ClientID}
	maps.Copy(told, g.claims)
	return unstored(http.StatusOK, told)
}

// revoke deletes a token (RFC 7009). An unknown one counts as revoked.
func (v *visit) revoke() *response {
	form, refusal := v.posted()
	if refusal != nil {
		return refusal
	}
	p, _, secret, known := v.caller(form)
	if !known || !p.knows(secret) {
		res := v.fails("invalid_client")
		res.status = http.StatusUnauthorized
		return res
	}
	v.srv.grants.drop(func(token string, g grant) bool {
		return token == form.Get("token") && (g.client == p.ClientID || v.srv.dialect.revokesAll)
	})
	return unstored(http.StatusOK, object{})
}
