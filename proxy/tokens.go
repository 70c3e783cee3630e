package proxy

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/flowsidecar/caddy-authentik/flowclient"
	"golang.org/x/oauth2"
)

// clockLeeway is how far authentik's clock and this one may differ.
const clockLeeway = time.Minute

// tokens are what authentik has given a session. They are in its record alone, sealed.
type tokens struct {
	Access  string    `json:"access"`
	Refresh string    `json:"refresh,omitempty"`
	ID      string    `json:"id,omitempty"`
	Expiry  time.Time `json:"expiry"` // of the access token
}

// proved is what authentik has said of who is signed in. Only a way makes one.
type proved struct {
	user    User
	passing bool
	cookies flowclient.Cookies // by which authentik knows the session; none after a redirect
	sid     string             // its identifier in tokens and logout notices
	signIn  signedIn
	tokens  *tokens
	next    *flowclient.Step // nobody is proved yet: authentik has another question first
	request *authRequest     // goes with next
}

// signedIn is how and when somebody signed in at authentik. Without OpenID Connect it is not known.
type signedIn struct {
	At  time.Time `json:"at,omitzero"`
	MFA bool      `json:"mfa,omitempty"`
}

var (
	errEncrypted  = errors.New("the ID token is encrypted; remove the encryption key from the provider")
	errNoIDToken  = errors.New("there is no ID token in the answer")
	errNonce      = errors.New("the ID token was made for another sign-in")
	errParty      = errors.New("the ID token was made for another client")
	errLogoutKind = errors.New("a logout token is no ID token")
	errFuture     = errors.New("the ID token was made in the future")
	errSubject    = errors.New("the ID token is somebody else's")
)

// redeem turns a code into tokens, and those into who is signed in (OpenID Connect Core 1.0, 3.1.3).
func (p *provider) redeem(ctx context.Context, v flowclient.Visitor, req authRequest, code string) (proved, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return proved{}, err
	}
	config := p.config(m, req.Redirect)
	ctx = oidc.ClientContext(ctx, p.cfg.Client.Relay().HTTP(v))
	got, err := config.Exchange(ctx, code, oauth2.VerifierOption(req.Verifier))
	if err != nil {
		return proved{}, tokenFailure(err)
	}
	claims, raw, err := p.verify(ctx, m, got)
	if err != nil {
		return proved{}, err
	}
	if subtle.ConstantTimeCompare([]byte(claims.Nonce), []byte(req.Nonce)) != 1 {
		return proved{}, fault.New(fault.TokenInvalid, errNonce)
	}
	return p.told(ctx, v, m, got, claims, raw)
}

// renew redeems a refresh token. errRefreshRefused says that authentik no longer takes it.
func (p *provider) renew(ctx context.Context, v flowclient.Visitor, rec *record) (proved, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return proved{}, err
	}
	config := p.config(m, "")
	ctx = oidc.ClientContext(ctx, p.cfg.Client.Relay().HTTP(v))
	got, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: rec.Tokens.Refresh}).Token()
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.ErrorCode == "invalid_grant" {
		return proved{}, errRefreshRefused
	}
	if err != nil {
		return proved{}, tokenFailure(err)
	}
	claims, raw, err := p.verify(ctx, m, got)
	if err != nil {
		return proved{}, err
	}
	who, err := p.told(ctx, v, m, got, claims, raw)
	if err == nil && who.user.UID != rec.User.UID {
		return proved{}, fault.New(fault.TokenInvalid, errSubject)
	}
	return who, err
}

// errRefreshRefused is authentik's word that a refresh token is no longer one.
var errRefreshRefused = errors.New("authentik does not take the refresh token")

// tokenFailure says what a refusal of the token endpoint amounts to (RFC 6749, 5.2).
func tokenFailure(err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return err
	}
	cause := fmt.Errorf("the token endpoint refuses with %q (status %d)", refused.ErrorCode, refused.Response.StatusCode)
	switch refused.ErrorCode {
	case "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_request":
		return fault.New(fault.ClientRejected, cause)
	case "invalid_grant":
		return fault.New(fault.TokenInvalid, cause)
	default:
		return fault.New(fault.AuthentikUnexpected, cause)
	}
}

// idClaims are what is read of an ID token besides what the library checks.
type idClaims struct {
	Issued  time.Time
	Subject string
	Nonce   string
	Party   string                     `json:"azp"`
	Events  json.RawMessage            `json:"events"`
	SID     string                     `json:"sid"`
	AuthAt  int64                      `json:"auth_time"`
	AMR     json.RawMessage            `json:"amr"`
	all     map[string]json.RawMessage // every claim
}

// verify checks the ID token of an answer: signature, issuer, audience and time, and that it vouches for the access
// token where it says anything of it. Whoever has just signed in has a nonce to compare as well.
func (p *provider) verify(ctx context.Context, m *metadata, got *oauth2.Token) (idClaims, string, error) {
	raw, _ := got.Extra("id_token").(string)
	switch {
	case raw == "":
		return idClaims{}, "", fault.New(fault.TokenInvalid, errNoIDToken)
	case strings.Count(raw, ".") == 4:
		return idClaims{}, "", fault.New(fault.TokenInvalid, errEncrypted)
	}
	token, err := p.check(ctx, m, raw)
	if err != nil {
		return idClaims{}, "", err
	}
	claims := idClaims{Issued: token.IssuedAt, Subject: token.Subject, Nonce: token.Nonce}
	if err := errors.Join(token.Claims(&claims), token.Claims(&claims.all)); err != nil {
		return idClaims{}, "", fault.New(fault.TokenInvalid, err)
	}
	switch {
	case claims.Events != nil:
		err = errLogoutKind
	case len(token.Audience) > 1 && claims.Party == "", claims.Party != "" && claims.Party != p.cfg.OIDC.ClientID:
		err = errParty
	case token.AccessTokenHash != "":
		err = token.VerifyAccessToken(got.AccessToken)
	}
	if err != nil {
		return idClaims{}, "", fault.New(fault.TokenInvalid, err)
	}
	if claims.Issued.After(p.cfg.Now().Add(clockLeeway)) {
		return idClaims{}, "", fault.New(fault.ClockSkew, errFuture)
	}
	return claims, raw, nil
}

// check has the library check an ID token. Where it does not fit what is known of the provider, that may
// be what has changed.
func (p *provider) check(ctx context.Context, m *metadata, raw string) (*oidc.IDToken, error) {
	book := new(notebook)
	ctx = context.WithValue(ctx, notebookKey{}, book)
	token, err := p.verifier(m).Verify(ctx, raw)
	if err != nil && book.err == nil && p.outdated(m) {
		fresh, failed := p.metadata(ctx)
		if failed != nil {
			return nil, failed
		}
		token, err = p.verifier(fresh).Verify(ctx, raw)
	}
	return token, verdict(err, book)
}

// verdict says what the refusal of a token amounts to.
func verdict(err error, book *notebook) error {
	switch _, expired := errors.AsType[*oidc.TokenExpiredError](err); {
	case err == nil:
		return nil
	case book.err != nil:
		return book.err
	case expired:
		return fault.New(fault.ClockSkew, err)
	default:
		return fault.New(fault.TokenInvalid, err)
	}
}

// verifier checks tokens by what is known of the provider.
func (p *provider) verifier(m *metadata) *oidc.IDTokenVerifier {
	return oidc.NewVerifier(m.issuer, m.keys, &oidc.Config{
		ClientID: p.cfg.OIDC.ClientID, SupportedSigningAlgs: m.algorithms,
		Now: func() time.Time { return p.cfg.Now().Add(-clockLeeway) },
	})
}

// told reads the user out of claims, and asks for them where the ID token has none: a provider can keep them for
// the userinfo endpoint.
func (p *provider) told(ctx context.Context, v flowclient.Visitor, m *metadata, got *oauth2.Token, claims idClaims, raw string) (proved, error) {
	all := claims.all
	if _, ok := all["preferred_username"]; !ok {
		info, err := p.userinfo(ctx, v, m, got.AccessToken)
		if err != nil {
			return proved{}, err
		}
		if textOf(info["sub"]) != claims.Subject {
			return proved{}, fault.New(fault.TokenInvalid, errSubject)
		}
		maps.Copy(all, info)
	}
	user, err := userOf(claims.Subject, all)
	if err != nil {
		return proved{}, fault.New(fault.TokenInvalid, err)
	}
	kept := &tokens{Access: got.AccessToken, Refresh: got.RefreshToken, ID: raw, Expiry: got.Expiry}
	return proved{user: user, passing: true, sid: claims.SID, tokens: kept, signIn: claims.signIn()}, nil
}

// signIn is how and when authentik says that the user signed in (auth_time, amr).
func (c idClaims) signIn() signedIn {
	in := signedIn{MFA: slices.Contains(textsOf(c.AMR), "mfa")}
	if c.AuthAt > 0 {
		in.At = time.Unix(c.AuthAt, 0)
	}
	return in
}

// userinfo asks who an access token belongs to (OpenID Connect Core 1.0, 5.3). errNobody is authentik's word that the token
// is no longer good.
func (p *provider) userinfo(ctx context.Context, v flowclient.Visitor, m *metadata, access string) (map[string]json.RawMessage, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.UserInfoEndpoint(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+access)
	var all map[string]json.RawMessage
	switch status, err := askJSON(p.cfg.Client.Relay().HTTP(v), req, &all); {
	case status == http.StatusUnauthorized:
		return nil, errNobody
	case err != nil:
		return nil, err
	}
	return all, nil
}
