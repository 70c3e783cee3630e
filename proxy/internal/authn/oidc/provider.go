package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/cache"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
)

const (
	// metadataFor is the lifetime of the provider's metadata.
	metadataFor = 10 * time.Minute
	// metadataBackoff is how long a token that does not match cannot cause
	// another fetch of metadata and keys. Any client can send such a token to
	// the address for logout notices.
	metadataBackoff = 5 * time.Second
	// renewWait is how long a request waits for newer metadata or keys while there are
	// old ones.
	renewWait = 3 * time.Second
)

// algorithms are the secure algorithms that authentik can sign with. HS256 is
// allowed only for a provider without a key, see [secretKeys].
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}

// metadata is the provider's discovery document (OpenID Connect Discovery 1.0),
// and the keys that verify its tokens.
type metadata struct {
	*goidc.Provider
	issuer, endSession, revocation, introspection string
	algorithms                                    []string
	offline                                       bool // it issues refresh tokens
	keys                                          goidc.KeySet
	at                                            time.Time
}

// place returns the address of one of the provider's views.
func (p *Source) place(view string) string {
	return p.root + "application/o/" + p.Application + "/" + view
}

// metadata returns the provider's metadata. If fetching fails, older ones stay
// in use.
func (p *Source) metadata(ctx context.Context) (*metadata, error) {
	p.mu.Lock()
	known, asked := p.known, p.asked
	p.mu.Unlock()
	now := p.Now()
	if known != nil && (now.Sub(known.at) < metadataFor || now.Sub(asked) < metadataBackoff) {
		return known, nil
	}
	waiting := ctx
	if known != nil {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, renewWait)
		defer cancel()
	}
	fresh, err := p.discovering.Do(waiting, "", func(backgroundCtx context.Context) (*metadata, time.Duration, error) {
		m, err := p.discover(backgroundCtx) // other requests wait for it, too
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked = p.Now()
		if err == nil {
			p.known = m
		}
		return m, 0, err
	})
	switch {
	case err != nil && known != nil && ctx.Err() == nil:
		return known, nil
	case ctx.Err() == nil && (errors.Is(err, cache.ErrClosed) || errors.Is(err, context.Canceled)):
		return p.discover(ctx) // the gate is closing and still answers its last requests
	case err != nil && ctx.Err() != nil:
		return nil, fault.New(fault.AuthentikUnreachable, err)
	}
	return fresh, err
}

// outdated fetches the metadata again, unless they are new. It reports whether
// a retry makes sense.
func (p *Source) outdated(m *metadata) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != m {
		return true
	}
	if p.Now().Sub(p.asked) < metadataBackoff {
		return false
	}
	p.known = nil
	return true
}

// document has those fields of the discovery document that the gate uses.
type document struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	UserInfo      string   `json:"userinfo_endpoint"`
	Revocation    string   `json:"revocation_endpoint"`
	Introspection string   `json:"introspection_endpoint"`
	EndSession    string   `json:"end_session_endpoint"`
	JWKS          string   `json:"jwks_uri"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
	Scopes        []string `json:"scopes_supported"`
}

// endpoints returns all endpoints that the gate asks or sends browsers to.
func (d document) endpoints() []string {
	all := []string{d.Authorization, d.Token, d.UserInfo, d.Revocation, d.EndSession, d.JWKS}
	if d.Introspection != "" { // only tokens of programs need introspection
		all = append(all, d.Introspection)
	}
	return all
}

// discover fetches the metadata. All endpoints must be below authentik's own
// address. So no browser is sent anywhere else, even if a proxy has changed the
// document.
func (p *Source) discover(ctx context.Context) (*metadata, error) {
	client := p.Authentik.Relay().HTTP(flowclient.Visitor{})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.place(".well-known/openid-configuration"), nil)
	if err != nil {
		return nil, err
	}
	var d document
	switch status, err := askJSON(client, req, &d); {
	case status == http.StatusNotFound:
		return nil, fault.New(fault.ApplicationNotFound, errNoProvider)
	case err != nil:
		return nil, err
	}
	if d.Issuer != p.place("") && d.Issuer != p.root {
		return nil, fault.New(fault.IssuerMismatch, fmt.Errorf("authentik calls itself %.200q, and this gate expects %q", d.Issuer, p.place("")))
	}
	for _, endpoint := range d.endpoints() {
		if !strings.HasPrefix(endpoint, p.root) {
			return nil, fault.New(fault.IssuerMismatch, fmt.Errorf("authentik names the endpoint %.200q, which is not below %s", endpoint, p.root))
		}
	}
	m := &metadata{
		issuer: d.Issuer, endSession: d.EndSession, revocation: d.Revocation, introspection: d.Introspection, at: p.Now(),
		offline: slices.Contains(d.Scopes, goidc.ScopeOfflineAccess),
	}
	ctx = goidc.ClientContext(ctx, client)
	config := goidc.ProviderConfig{
		IssuerURL: d.Issuer, AuthURL: d.Authorization, TokenURL: d.Token, UserInfoURL: d.UserInfo, JWKSURL: d.JWKS,
	}
	m.Provider = config.NewProvider(ctx)
	if m.algorithms, m.keys, err = p.signing(client, d); err != nil {
		return nil, fault.New(fault.TokenInvalid, err)
	}
	return m, nil
}

// signing returns the check of the provider's tokens. The algorithm comes from
// the metadata, never from a token.
func (p *Source) signing(client *http.Client, d document) ([]string, goidc.KeySet, error) {
	if slices.Equal(d.Algorithms, []string{hs256}) {
		keys, err := newSecretKeys(p.ClientSecret)
		return d.Algorithms, keys, err
	}
	var known []string
	for _, name := range d.Algorithms {
		if slices.Contains(algorithms, jose.SignatureAlgorithm(name)) {
			known = append(known, name)
		}
	}
	if len(known) == 0 {
		return nil, nil, fmt.Errorf("authentik signs tokens with %s, and the gate can check none of these algorithms", strings.Join(d.Algorithms, ", "))
	}
	return known, p.publishedAt(d.JWKS, client), nil
}

// publishedAt returns the keys at an address, which are fetched again when the next
// token comes.
func (p *Source) publishedAt(address string, client *http.Client) *publishedKeys {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.published == nil || p.published.address != address {
		p.published = newPublishedKeys(address, client, p.Options)
	}
	p.published.outdate()
	return p.published
}

// askJSON fetches a JSON document. status is that of the response, even if
// there is an error, and 0 without a response.
func askJSON(client *http.Client, req *http.Request, into any) (status int, err error) {
	req.Header.Set("Accept", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is left to be done about it
	wrong := &flowclient.UnexpectedError{Status: resp.StatusCode, Endpoint: req.URL.Path}
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode, wrong
	}
	if wrong.Err = json.NewDecoder(resp.Body).Decode(into); wrong.Err != nil {
		return resp.StatusCode, wrong
	}
	return resp.StatusCode, nil
}

var errNoProvider = errors.New("authentik has no application of that slug with an OAuth2 provider")

// config returns the provider for golang.org/x/oauth2. The secret goes into the
// form: releases before 2026.2 do not decode it in a header, and a second try
// would find the code used up.
func (p *Source) config(m *metadata, redirect string) oauth2.Config {
	endpoint := m.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams
	return oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: endpoint,
		RedirectURL: redirect, Scopes: p.scopes(m),
	}
}

// scopes returns the scopes of every request. They never differ, since
// authentik would then ask for consent again.
func (p *Source) scopes(m *metadata) []string {
	all := []string{goidc.ScopeOpenID}
	for _, scope := range p.Scopes {
		if !slices.Contains(all, scope) {
			all = append(all, scope)
		}
	}
	if m.offline && !slices.Contains(all, goidc.ScopeOfflineAccess) {
		all = append(all, goidc.ScopeOfflineAccess)
	}
	return all
}
