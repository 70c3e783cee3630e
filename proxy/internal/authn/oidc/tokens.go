package oidc

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

	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/flowsidecar/caddy-authentik/flowclient"
	"golang.org/x/oauth2"
)

var (
	errEncrypted  = errors.New("the ID token is encrypted; remove the encryption key from the provider")
	errNoIDToken  = errors.New("there is no ID token in the answer")
	errNonce      = errors.New("the ID token was made for another sign-in")
	errParty      = errors.New("the ID token was made for another client")
	errLogoutKind = errors.New("a logout token is not an ID token")
	errFuture     = errors.New("the ID token was made in the future")
	errSubject    = errors.New("the ID token belongs to another user")
)

// Redeem exchanges a code for tokens and returns who is signed in (OpenID Connect
// Core 1.0, 3.1.3).
func (p *Source) Redeem(ctx context.Context, v flowclient.Visitor, req authn.Request, code string) (session.Proof, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return session.Proof{}, err
	}
	config := p.config(m, req.Redirect)
	ctx = goidc.ClientContext(ctx, p.Authentik.Relay().HTTP(v))
	got, err := config.Exchange(ctx, code, oauth2.VerifierOption(req.Verifier))
	if err != nil {
		return session.Proof{}, tokenFailure(err)
	}
	claims, raw, err := p.verify(ctx, m, got)
	if err != nil {
		return session.Proof{}, err
	}
	if subtle.ConstantTimeCompare([]byte(claims.Nonce), []byte(req.Nonce)) != 1 {
		return session.Proof{}, fault.New(fault.TokenInvalid, errNonce)
	}
	return p.told(ctx, v, m, got, claims, raw)
}

// Renew redeems a refresh token. It returns errRefreshRefused if authentik does
// not accept the token any more.
func (p *Source) Renew(ctx context.Context, v flowclient.Visitor, rec *session.Record) (session.Proof, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return session.Proof{}, err
	}
	config := p.config(m, "")
	ctx = goidc.ClientContext(ctx, p.Authentik.Relay().HTTP(v))
	got, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: rec.Tokens.Refresh}).Token()
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.ErrorCode == "invalid_grant" {
		return session.Proof{}, errRefreshRefused
	}
	if err != nil {
		return session.Proof{}, tokenFailure(err)
	}
	claims, raw, err := p.verify(ctx, m, got)
	if err != nil {
		return session.Proof{}, err
	}
	who, err := p.told(ctx, v, m, got, claims, raw)
	if err == nil && who.User.UID != rec.User.UID {
		return session.Proof{}, fault.New(fault.TokenInvalid, errSubject)
	}
	return who, err
}

// ErrGrant says that authentik does not accept a code: it was redeemed already, or
// has expired, or was made for another request.
var ErrGrant = errors.New("authentik does not accept the code")

var errRefreshRefused = errors.New("authentik does not accept the refresh token")

// tokenFailure returns the Error for a refusal of the token endpoint (RFC 6749,
// 5.2).
func tokenFailure(err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return err
	}
	cause := fmt.Errorf("the token endpoint refuses with %.100q (status %d)", refused.ErrorCode, refused.Response.StatusCode)
	if refused.ErrorCode == "invalid_grant" {
		cause = fmt.Errorf("%w: %w", ErrGrant, cause)
	}
	switch refused.ErrorCode {
	case "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_request":
		return fault.New(fault.ClientRejected, cause)
	case "invalid_grant":
		return fault.New(fault.TokenInvalid, cause)
	default:
		return fault.New(fault.AuthentikUnexpected, cause)
	}
}

// idClaims are the claims of an ID token that the library does not check.
type idClaims struct {
	Issued  time.Time
	Subject string
	Nonce   string
	Party   string                     `json:"azp"`
	Events  json.RawMessage            `json:"events"`
	SID     string                     `json:"sid"`
	AuthAt  int64                      `json:"auth_time"`
	AMR     json.RawMessage            `json:"amr"`
	all     map[string]json.RawMessage // all claims
}

// verify checks the ID token of a token response: signature, issuer, audience,
// time, and, if the token has it, the hash of the access token. After a sign-in
// the caller also compares the nonce.
func (p *Source) verify(ctx context.Context, m *metadata, got *oauth2.Token) (idClaims, string, error) {
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
	case len(token.Audience) > 1 && claims.Party == "", claims.Party != "" && claims.Party != p.ClientID:
		err = errParty
	case token.AccessTokenHash != "":
		err = token.VerifyAccessToken(got.AccessToken)
	}
	if err != nil {
		return idClaims{}, "", fault.New(fault.TokenInvalid, err)
	}
	if claims.Issued.After(p.Now().Add(session.ClockLeeway)) {
		return idClaims{}, "", fault.New(fault.ClockSkew, errFuture)
	}
	return claims, raw, nil
}

// check lets the library check an ID token. If the check fails, the cached
// metadata may be outdated, and it runs again with fresh metadata.
func (p *Source) check(ctx context.Context, m *metadata, raw string) (*goidc.IDToken, error) {
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

// verdict returns the Error for a token that was refused.
func verdict(err error, book *notebook) error {
	switch _, expired := errors.AsType[*goidc.TokenExpiredError](err); {
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

// verifier returns the library's verifier for the metadata.
func (p *Source) verifier(m *metadata) *goidc.IDTokenVerifier {
	return goidc.NewVerifier(m.issuer, m.keys, &goidc.Config{
		ClientID: p.ClientID, SupportedSigningAlgs: m.algorithms,
		Now: func() time.Time { return p.Now().Add(-session.ClockLeeway) },
	})
}

// told returns the user of an ID token. If the provider leaves the user's
// claims out of the token, they are fetched from the userinfo endpoint.
func (p *Source) told(ctx context.Context, v flowclient.Visitor, m *metadata, got *oauth2.Token, claims idClaims, raw string) (session.Proof, error) {
	all := claims.all
	if _, ok := all["preferred_username"]; !ok {
		info, err := p.userinfo(ctx, v, m, got.AccessToken)
		if err != nil {
			return session.Proof{}, err
		}
		if user.Text(info["sub"]) != claims.Subject {
			return session.Proof{}, fault.New(fault.TokenInvalid, errSubject)
		}
		maps.Copy(all, info)
	}
	user, err := user.FromClaims(claims.Subject, all)
	if err != nil {
		return session.Proof{}, fault.New(fault.TokenInvalid, err)
	}
	kept := &session.Tokens{Access: got.AccessToken, Refresh: got.RefreshToken, ID: raw, Expiry: got.Expiry}
	return session.Proof{User: user, Passing: true, SID: claims.SID, Tokens: kept, SignIn: claims.signIn()}, nil
}

// signIn returns how and when the user signed in (auth_time, amr).
func (c idClaims) signIn() session.SignIn {
	in := session.SignIn{MFA: slices.Contains(user.Texts(c.AMR), "mfa")}
	if c.AuthAt > 0 {
		in.At = time.Unix(c.AuthAt, 0)
	}
	return in
}

// userinfo asks authentik who an access token belongs to (OpenID Connect Core
// 1.0, 5.3). It returns authn.ErrNotSignedIn if the token is no longer valid.
func (p *Source) userinfo(ctx context.Context, v flowclient.Visitor, m *metadata, access string) (map[string]json.RawMessage, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.UserInfoEndpoint(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+access)
	var all map[string]json.RawMessage
	switch status, err := askJSON(p.Authentik.Relay().HTTP(v), req, &all); {
	case status == http.StatusUnauthorized:
		return nil, authn.ErrNotSignedIn
	case err != nil:
		return nil, err
	}
	return all, nil
}

// Userinfo returns the claims of the userinfo endpoint for an access token.
func (p *Source) Userinfo(ctx context.Context, v flowclient.Visitor, access string) (map[string]json.RawMessage, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return nil, err
	}
	return p.userinfo(ctx, v, m, access)
}
