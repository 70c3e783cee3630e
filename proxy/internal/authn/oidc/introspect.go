package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

var errNoIntrospection = errors.New("the provider's metadata have no introspection endpoint")

// introspect asks authentik about a token (RFC 7662). The endpoint answers only
// confidential clients. Its answer to a wrong client secret is the same as to
// an invalid token.
func (p *Source) introspect(ctx context.Context, v flowclient.Visitor, token string) (accessClaims, error) {
	if p.ClientSecret == "" {
		return accessClaims{}, refuse("only with client_secret can authentik be asked about a token that is opaque or lacks the scope openid")
	}
	m, err := p.metadata(ctx)
	if err != nil {
		return accessClaims{}, err
	}
	if m.introspection == "" {
		return accessClaims{}, fault.New(fault.AuthentikUnexpected, errNoIntrospection)
	}
	form := url.Values{"token": {token}, "client_id": {p.ClientID}, "client_secret": {p.ClientSecret}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.introspection, strings.NewReader(form.Encode()))
	if err != nil {
		return accessClaims{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var raw json.RawMessage
	if _, err := askJSON(p.Authentik.Relay().HTTP(v), req, &raw); err != nil {
		return accessClaims{}, err
	}
	said, err := readAccess(raw)
	said.Party = said.Client // the answer has no azp
	switch {
	case err != nil:
		return accessClaims{}, &flowclient.UnexpectedError{Status: http.StatusOK, Endpoint: req.URL.Path, Err: err}
	case !said.Active:
		return accessClaims{}, unknown("authentik does not know the token, or no longer, or client_secret is wrong")
	}
	return said, nil
}
