package oidc

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// How many providers of further clients are cached, and for how long.
const (
	maxProviders = 16
	providersFor = time.Hour
)

// Access checks the access tokens that programs send. A token must be issued
// for the source's client or a further client.
type Access struct {
	*Source
	Clients []string // in addition to the source's client

	others *cache.Cache[string, *Source] // by slug and client
}

// NewAccess returns an Access for a source's client and further clients.
func NewAccess(p *Source, clients []string) *Access {
	return &Access{Source: p, Clients: clients, others: cache.New(cache.Options[string, *Source]{Entries: maxProviders, Now: p.Now, Go: p.Go})}
}

// accessClaims are the claims of an access token.
type accessClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	Party    string   `json:"azp"`       // the client, in a token
	Client   string   `json:"client_id"` // the client, in a response of the introspection endpoint
	Scope    *string  `json:"scope"`
	Active   bool     `json:"active"`
	Expires  int64    `json:"exp"`
	SID      string   `json:"sid"`
	AuthAt   int64    `json:"auth_time"`
	// Only ID tokens and logout tokens have these.
	Nonce      json.RawMessage `json:"nonce"`
	AccessHash json.RawMessage `json:"at_hash"`
	CodeHash   json.RawMessage `json:"c_hash"`
	Events     json.RawMessage `json:"events"`
	AMR        json.RawMessage `json:"amr"`

	all map[string]json.RawMessage
}

// An audience is a text or a list (RFC 7519, 4.1.3).
type audience []string

// UnmarshalJSON reads a text or a list.
func (a *audience) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

func readAccess(raw []byte) (c accessClaims, err error) {
	return c, errors.Join(json.Unmarshal(raw, &c), json.Unmarshal(raw, &c.all))
}

// refuse returns a refusal, for the log, of a token about which authentik was
// not asked.
func refuse(reason string) error { return &authn.Refusal{Reason: reason, Unasked: true} }

// unknown returns a refusal by authentik.
func unknown(reason string) error { return &authn.Refusal{Reason: reason} }

// Bearer asks authentik who an access token belongs to. It asks about every
// token, since a signature says nothing about revocation. It returns an
// [authn.Refusal] if the token is not valid.
func (a *Access) Bearer(ctx context.Context, v flowclient.Visitor, token string) (session.Proof, error) {
	claims, err := a.claims(ctx, v, token)
	if err != nil {
		return session.Proof{}, err
	}
	if err := claims.check(a.Now()); err != nil {
		return session.Proof{}, err
	}
	if slices.Contains(strings.Fields(*claims.Scope), "openid") {
		err = a.refresh(ctx, v, token, &claims)
	} else {
		err = a.confirm(ctx, v, token, claims)
	}
	if err != nil {
		return session.Proof{}, err
	}
	return claims.proof(token)
}

// claims verifies a token and returns its claims. An opaque token is verified
// at authentik, any other by its signature.
func (a *Access) claims(ctx context.Context, v flowclient.Visitor, token string) (accessClaims, error) {
	if strings.Count(token, ".") == 2 {
		return a.verified(ctx, token)
	}
	claims, err := a.introspect(ctx, v, token)
	switch {
	case err != nil:
		return claims, err
	case !a.allows(claims.Client) || !slices.Contains(claims.Audience, claims.Client):
		return claims, unknown("the token was issued for the client " + claims.Client)
	}
	return claims, nil
}

func (a *Access) allows(client string) bool {
	return client != "" && (client == a.ClientID || slices.Contains(a.Clients, client))
}

// verified verifies a token with the keys of the provider that issued it.
func (a *Access) verified(ctx context.Context, token string) (accessClaims, error) {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return accessClaims{}, refuse("the token cannot be read")
	}
	said, err := readAccess(raw)
	switch {
	case err != nil:
		return accessClaims{}, refuse("the token cannot be read")
	case !a.allows(said.Party):
		return accessClaims{}, refuse("the token was issued for the client " + said.Party)
	}
	by, err := a.provider(ctx, said)
	if err != nil {
		return accessClaims{}, err
	}
	m, err := by.metadata(ctx)
	if err == nil {
		_, err = by.check(ctx, m, token) // also the audience, which must be one client
	}
	return said, by.notGood(err, a.Source)
}

// notGood returns the error for a token that could not be verified. If the
// provider of a further client cannot be used, the token is refused: its own
// issuer chose that provider.
func (p *Source) notGood(err error, own *Source) error {
	if err == nil {
		return nil
	}
	switch code := fault.From(err).Code; {
	case code == fault.TokenInvalid, code == fault.ClockSkew:
		return refuse("the token is not valid: " + fault.Cause(err).Error())
	case p != own && (code == fault.ApplicationNotFound || code == fault.IssuerMismatch):
		// The refusal counts as a guess: for each issuer that a token names,
		// authentik is asked for the metadata once.
		return unknown("the token is not valid: " + fault.Cause(err).Error())
	default:
		return err
	}
}

// issuers matches an issuer below authentik's address, and finds the slug of
// the application in it.
var issuers = regexp.MustCompile(`^application/o/([-a-zA-Z0-9_]+)/$`)

// provider returns the provider of the client that a token names. For a further
// client it is found by the issuer, which contains the slug of the application.
func (a *Access) provider(ctx context.Context, said accessClaims) (*Source, error) {
	if said.Party == a.ClientID {
		return a.Source, nil
	}
	below, ok := strings.CutPrefix(said.Issuer, a.root)
	slug := a.Application // if authentik itself is the issuer, all providers have the same issuer
	if found := issuers.FindStringSubmatch(below); found != nil {
		slug = found[1]
	} else if !ok || below != "" {
		return nil, refuse("the token was issued by " + said.Issuer)
	}
	return a.others.Do(ctx, slug+"\x00"+said.Party, func(context.Context) (*Source, time.Duration, error) {
		return New(Options{Authentik: a.Authentik, Application: slug, ClientID: said.Party, Now: a.Now, Go: a.Go}), providersFor, nil
	})
}

// check returns an error if the token has expired or is not an access token.
func (c accessClaims) check(now time.Time) error {
	switch {
	case c.Scope == nil:
		return refuse("the token has no scope: it is no access token")
	case c.Nonce != nil, c.AccessHash != nil, c.CodeHash != nil, c.Events != nil:
		return refuse("the token has nonce, at_hash, c_hash or events, as ID tokens and logout tokens do")
	case !slices.Contains(c.Audience, c.Party):
		return refuse("the audience of the token is not its client")
	case !now.Before(c.expiry()):
		return refuse("the token has expired")
	}
	return nil
}

func (c accessClaims) expiry() time.Time { return time.Unix(c.Expires, 0) }

// refresh asks the userinfo endpoint, which also returns the user's current
// groups. It answers for access tokens only.
func (a *Access) refresh(ctx context.Context, v flowclient.Visitor, token string, claims *accessClaims) error {
	m, err := a.metadata(ctx)
	if err != nil {
		return err
	}
	info, err := a.userinfo(ctx, v, m, token)
	wrong, unexpected := errors.AsType[*flowclient.UnexpectedError](err)
	switch {
	case errors.Is(err, authn.ErrNotSignedIn), unexpected && wrong.Status == 403:
		return unknown("authentik does not know the token, or no longer")
	case err != nil:
		return err
	case user.Text(info["sub"]) != claims.Subject:
		return unknown("the token belongs to another user")
	}
	maps.Copy(claims.all, info)
	return nil
}

// confirm asks the introspection endpoint about a token that the userinfo endpoint
// does not answer for.
func (a *Access) confirm(ctx context.Context, v flowclient.Visitor, token string, claims accessClaims) error {
	said, err := a.introspect(ctx, v, token)
	switch {
	case err != nil:
		return err
	case said.Client != claims.Party || said.Subject != claims.Subject:
		return unknown("the token was issued for another client or user")
	}
	return said.check(a.Now())
}

// proof returns the user of a token. When and how the user signed in is read
// only from a token of a session at authentik: the time in other tokens is
// their time of issue.
func (c accessClaims) proof(token string) (session.Proof, error) {
	for _, name := range []string{"uid", "scope", "active", "client_id"} {
		delete(c.all, name) // these claims describe the token, not the user
	}
	who, err := user.FromClaims(c.Subject, c.all)
	if err != nil {
		return session.Proof{}, unknown(err.Error())
	}
	proof := session.Proof{User: who, Passing: true, SID: c.SID, Tokens: &session.Tokens{Access: token, ID: token, Expiry: c.expiry()}}
	if c.SID != "" {
		proof.SignIn = idClaims{AMR: c.AMR, AuthAt: c.AuthAt}.signIn()
	}
	return proof, nil
}
