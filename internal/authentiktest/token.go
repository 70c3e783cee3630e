package authentiktest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// oauthErrors are the errors of OAuth2 in the words of RFC 6749 and others,
// as authentik has them.
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

// proves reports whether a text is the verifier. Without a challenge there
// must be none, or a downgrade would go unnoticed.
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

// unstored is an answer to a client that nothing may keep.
func unstored(status int, body any) *response {
	return &response{status: status, json: body, header: http.Header{
		"Cache-Control": {"no-store"}, "Pragma": {"no-cache"},
	}}
}

// fails is an error of OAuth2 for the client.
func (v *visit) fails(code string) *response {
	return unstored(http.StatusBadRequest, object{
		"error": code, "error_description": oauthErrors[code], "request_id": v.id,
	})
}

// posted is the form of a request; a non-nil response is the refusal of
// another method.
func (v *visit) posted() (url.Values, *response) {
	if v.request.Method != http.MethodPost {
		return nil, &response{status: http.StatusMethodNotAllowed, allow: "POST, OPTIONS"}
	}
	if err := v.request.ParseForm(); err != nil {
		return url.Values{}, nil
	}
	return v.request.PostForm, nil
}

// caller is the client that makes a request, by what it says in the form or
// in the header.
func (v *visit) caller(form url.Values) (p Provider, app Application, secret string, ok bool) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if name, password, basic := v.request.BasicAuth(); basic {
		id, secret = name, password
	}
	p, app, ok = v.srv.client(id)
	return p, app, secret, ok
}

// token is where clients turn codes and refresh tokens into tokens.
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
	if kind == grantDevice {
		return v.redeemDevice(p, app, form.Get("device_code"))
	}
	if !slices.Contains([]string{"authorization_code", "refresh_token"}, kind) {
		return v.fails("unsupported_grant_type")
	}
	if !p.knows(secret) {
		return v.fails("invalid_client")
	}
	if kind == "refresh_token" {
		return v.renew(p, app, form)
	}
	return v.redeem(p, app, form)
}

// redeem turns a code into tokens. A mistake does not use the code up.
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
	return v.tokens(p, app, g)
}

// renew turns a refresh token into new tokens. What depended on the session
// is missing once that has ended.
func (v *visit) renew(p Provider, app Application, form url.Values) *response {
	token := form.Get("refresh_token")
	g, found := v.srv.grants.token(token)
	if !found || !g.refresh || g.client != p.ClientID || !v.srv.alive(g) {
		return v.fails("invalid_grant")
	}
	if asked := strings.Fields(form.Get("scope")); len(asked) > 0 {
		g.scopes = slices.DeleteFunc(slices.Clone(g.scopes), func(s string) bool { return !slices.Contains(asked, s) })
	}
	g.nonce = ""
	if !v.srv.goesOn(g.session) {
		g.session, g.login.method = "", ""
	}
	v.srv.grants.drop(func(one string, _ grant) bool { return one == token })
	return v.tokens(p, app, g)
}

// tokens is the answer with new tokens.
func (v *visit) tokens(p Provider, app Application, g grant) *response {
	issued := v.issue(p, app, g)
	answer := object{
		"access_token": issued.access, "id_token": issued.id, "token_type": "Bearer",
		"scope": strings.Join(g.scopes, " "), "expires_in": int(p.AccessValidity.Seconds()),
	}
	if slices.Contains(g.scopes, scopeOffline) {
		answer["refresh_token"] = v.keepRefresh(p, g)
	}
	return unstored(http.StatusOK, answer)
}

func (v *visit) keepRefresh(p Provider, g grant) string {
	g.refresh, g.until = true, v.srv.now().Add(p.RefreshValidity)
	token := random(128)
	v.srv.grants.keepToken(token, g)
	return token
}

// bearer is the access token of a request, if it is still good.
func (v *visit) bearer() (grant, bool) {
	scheme, token, _ := strings.Cut(v.request.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return grant{}, false
	}
	g, found := v.srv.grants.token(token)
	return g, found && !g.refresh && v.srv.alive(g)
}

// userinfo tells a client of the user of its token.
func (v *visit) userinfo() *response {
	g, ok := v.bearer()
	if !ok {
		return &response{status: http.StatusUnauthorized, header: http.Header{"Www-Authenticate": {
			`error="invalid_token", error_description="The access token provided is expired, revoked, malformed, ` +
				`or invalid for other reasons"`,
		}}}
	}
	u := v.srv.current(User{PK: g.user})
	told := claimsOfUser(u, g.scopes)
	told["sub"] = u.UID
	if g.nonce != "" {
		told["nonce"] = g.nonce
	}
	return unstored(http.StatusOK, told)
}

// authenticatedClient is the client that proves who it is.
func (v *visit) authenticatedClient() (Provider, url.Values, *response) {
	form, refusal := v.posted()
	if refusal != nil {
		return Provider{}, nil, refusal
	}
	p, _, secret, found := v.caller(form)
	if !found || !p.knows(secret) {
		return Provider{}, nil, v.fails("invalid_client")
	}
	return p, form, nil
}

// introspect tells a client what a token of its own says (RFC 7662).
func (v *visit) introspect() *response {
	p, form, refusal := v.authenticatedClient()
	if refusal != nil {
		return refusal
	}
	g, found := v.srv.grants.token(form.Get("token"))
	if !found || g.client != p.ClientID || !v.srv.alive(g) {
		return unstored(http.StatusOK, object{"active": false})
	}
	told := object{"active": true, "scope": strings.Join(g.scopes, " "), "client_id": p.ClientID}
	for name, value := range g.claims {
		told[name] = value
	}
	return unstored(http.StatusOK, told)
}

// revoke drops a token (RFC 7009). One that is unknown is as good as revoked.
func (v *visit) revoke() *response {
	p, form, refusal := v.authenticatedClient()
	if refusal != nil {
		return refusal
	}
	v.srv.grants.drop(func(token string, g grant) bool { return token == form.Get("token") && g.client == p.ClientID })
	return unstored(http.StatusOK, object{})
}
