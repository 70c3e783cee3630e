package oidc

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// AppPassword asks the token endpoint whether an app password belongs to a
// username, and whether the user may use the application. It returns an
// [authn.Refusal] if one of these is not the case; authentik does not say
// which.
func (p *Source) AppPassword(ctx context.Context, v flowclient.Visitor, username, password string) (session.Proof, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return session.Proof{}, err
	}
	// The client secret is not sent: with it, authentik would sign in a service
	// account of the client.
	config := clientcredentials.Config{
		ClientID: p.ClientID, TokenURL: m.Endpoint().TokenURL, AuthStyle: oauth2.AuthStyleInParams,
		Scopes:         slices.DeleteFunc(p.scopes(m), func(scope string) bool { return scope == goidc.ScopeOfflineAccess }),
		EndpointParams: url.Values{"username": {username}, "password": {password}},
	}
	ctx = goidc.ClientContext(ctx, p.Authentik.Relay().HTTP(v))
	got, err := config.Token(ctx)
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.ErrorCode == "invalid_grant" {
		return session.Proof{}, unknown("authentik does not accept the username and app password, or does not let the user use the application, " +
			"or the provider's grant types do not include client credentials")
	}
	if err != nil {
		return session.Proof{}, tokenFailure(err)
	}
	claims, raw, err := p.verify(ctx, m, got)
	if err != nil {
		return session.Proof{}, err
	}
	who, err := p.told(ctx, v, m, got, claims, raw)
	who.SignIn = session.SignIn{} // the time in such a token is its time of issue
	return who, err
}
