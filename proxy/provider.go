package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/flowsidecar/caddy-authentik/flowclient"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
)

const (
	// providerKept is how long what a provider says of itself is taken for true.
	providerKept = 10 * time.Minute
	// providerRest is how long nothing is asked anew of a provider because of a token that does not
	// fit: anybody can send one to the address for logout notices.
	providerRest = 5 * time.Second
	// keysWait is how long signing keys are waited for.
	keysWait = 15 * time.Second
)

// algorithms are those that authentik can sign with, less those that nobody should. HS256 is allowed
// where the provider has no key, see [secretKeys].
var algorithms = []string{oidc.RS256, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA}

// A provider is authentik's side of the gate's registration, as its metadata say (OpenID Connect Discovery 1.0).
type provider struct {
	cfg  Config
	root string // authentik's public address, with a slash at its end

	asking singleflight.Group
	mu     sync.Mutex
	known  *metadata
	asked  time.Time // when it was asked last, well or not
}

// metadata are what is known of a provider, and the keys by which its tokens are checked.
type metadata struct {
	*oidc.Provider
	issuer, endSession, revocation string
	algorithms                     []string
	offline                        bool // it gives refresh tokens
	keys                           oidc.KeySet
	at                             time.Time
}

func newProvider(cfg Config) *provider {
	return &provider{cfg: cfg, root: cfg.Client.Root()}
}

// place is the address of one of the provider's views.
func (p *provider) place(view string) string {
	return p.root + "application/o/" + p.cfg.Application + "/" + view
}

// metadata returns what the provider says of itself. What was known before is good as long as nothing
// newer can be had.
func (p *provider) metadata(ctx context.Context) (*metadata, error) {
	p.mu.Lock()
	known, asked := p.known, p.asked
	p.mu.Unlock()
	now := p.cfg.Now()
	if known != nil && (now.Sub(known.at) < providerKept || now.Sub(asked) < providerRest) {
		return known, nil
	}
	found, err, _ := p.asking.Do("", func() (any, error) {
		m, err := p.discover(context.WithoutCancel(ctx))
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked = p.cfg.Now()
		if err == nil {
			p.known = m
		}
		return m, err
	})
	fresh, _ := found.(*metadata)
	if err != nil && known != nil {
		return known, nil
	}
	return fresh, err
}

// outdated has the metadata asked for again, unless they are new. It reports whether that makes sense.
func (p *provider) outdated(m *metadata) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != m {
		return true
	}
	if p.cfg.Now().Sub(p.asked) < providerRest {
		return false
	}
	p.known = nil
	return true
}

// document is what is read of a provider's metadata.
type document struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	UserInfo      string   `json:"userinfo_endpoint"`
	Revocation    string   `json:"revocation_endpoint"`
	EndSession    string   `json:"end_session_endpoint"`
	JWKS          string   `json:"jwks_uri"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
	Scopes        []string `json:"scopes_supported"`
}

// endpoints are all that the gate asks, or sends browsers to.
func (d document) endpoints() []string {
	return []string{d.Authorization, d.Token, d.UserInfo, d.Revocation, d.EndSession, d.JWKS}
}

// discover asks the provider about itself. The endpoints must be below authentik's own address: no browser is sent anywhere else,
// whatever stands between here and there.
func (p *provider) discover(ctx context.Context) (*metadata, error) {
	client := p.cfg.Client.Relay().HTTP(flowclient.Visitor{})
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
		return nil, fault.New(fault.IssuerMismatch, fmt.Errorf("authentik calls itself %q, and this gate expects %q", d.Issuer, p.place("")))
	}
	for _, endpoint := range d.endpoints() {
		if !strings.HasPrefix(endpoint, p.root) {
			return nil, fault.New(fault.IssuerMismatch, fmt.Errorf("authentik names the endpoint %q, which is not below %s", endpoint, p.root))
		}
	}
	m := &metadata{
		issuer: d.Issuer, endSession: d.EndSession, revocation: d.Revocation, at: p.cfg.Now(),
		offline: slices.Contains(d.Scopes, oidc.ScopeOfflineAccess),
	}
	ctx = oidc.ClientContext(ctx, client)
	config := oidc.ProviderConfig{
		IssuerURL: d.Issuer, AuthURL: d.Authorization, TokenURL: d.Token, UserInfoURL: d.UserInfo, JWKSURL: d.JWKS,
	}
	m.Provider = config.NewProvider(ctx)
	if m.algorithms, m.keys, err = p.signing(ctx, client, d); err != nil {
		return nil, fault.New(fault.TokenInvalid, err)
	}
	return m, nil
}

// signing says how the provider's tokens are checked. Which algorithm that is the provider's metadata
// say, and never a token.
func (p *provider) signing(ctx context.Context, client *http.Client, d document) ([]string, oidc.KeySet, error) {
	if slices.Equal(d.Algorithms, []string{hs256}) {
		keys, err := newSecretKeys(p.cfg.OIDC.ClientSecret)
		return d.Algorithms, keys, err
	}
	var known []string
	for _, name := range d.Algorithms {
		if slices.Contains(algorithms, name) {
			known = append(known, name)
		}
	}
	if len(known) == 0 {
		return nil, nil, fmt.Errorf("authentik signs tokens with %s, and none of that can be checked here", strings.Join(d.Algorithms, ", "))
	}
	return known, newPublishedKeys(ctx, d.JWKS, client, p.cfg.Now), nil
}

// askJSON reads a document of authentik's. The status is that of an answer, whatever was wrong with it.
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

// config is how golang.org/x/oauth2 knows the provider. The secret goes into the form: releases before 2026.2 do not
// decode it in a header, and to try both ways would use up the code.
func (p *provider) config(m *metadata, redirect string) oauth2.Config {
	endpoint := m.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams
	return oauth2.Config{
		ClientID: p.cfg.OIDC.ClientID, ClientSecret: p.cfg.OIDC.ClientSecret, Endpoint: endpoint,
		RedirectURL: redirect, Scopes: p.scopes(m),
	}
}

// scopes are always the same: authentik asks for consent again where they differ.
func (p *provider) scopes(m *metadata) []string {
	all := []string{oidc.ScopeOpenID}
	for _, scope := range p.cfg.OIDC.Scopes {
		if !slices.Contains(all, scope) {
			all = append(all, scope)
		}
	}
	if m.offline && !slices.Contains(all, oidc.ScopeOfflineAccess) {
		all = append(all, oidc.ScopeOfflineAccess)
	}
	return all
}
