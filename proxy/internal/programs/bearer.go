package programs

import (
	"context"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// Tokens is the client of OpenID Connect that checks access tokens and app
// passwords.
type Tokens interface {
	Bearer(ctx context.Context, v flowclient.Visitor, token string) (session.Proof, error)
	AppPassword(ctx context.Context, v flowclient.Visitor, username, password string) (session.Proof, error)
}

// ByToken is the Way for access tokens.
type ByToken struct{ Tokens }

// Try implements [Way].
func (t ByToken) Try(ctx context.Context, v flowclient.Visitor, c Credential) (session.Proof, error) {
	token, _ := c.Token()
	return t.Bearer(ctx, v, token)
}

// ByGrant is the Way for usernames and app passwords that asks the token
// endpoint.
type ByGrant struct{ Tokens }

// Try implements [Way].
func (g ByGrant) Try(ctx context.Context, v flowclient.Visitor, c Credential) (session.Proof, error) {
	username, password, _ := c.Password()
	return g.AppPassword(ctx, v, username, password)
}
