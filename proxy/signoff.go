package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// signOffWait is how long a visitor who signs out waits for authentik to do so as well.
const signOffWait = 10 * time.Second

var (
	errStillSignedIn = errors.New("authentik's invalidation flow has not ended its session; it wants something of the visitor")
	errNotRevoked    = errors.New("authentik does not revoke the tokens")
)

// invalidate ends authentik's session by the invalidation flow of its brand, as far as that needs nobody, and
// asks whether it has: a flow need not sign anybody out.
func (g *Gate) invalidate(ctx context.Context, v flowclient.Visitor) error {
	flow, err := g.cfg.Client.DefaultFlow(ctx, v, "invalidation")
	if err != nil {
		return err
	}
	_, asked := g.cfg.Client.Ask(ctx, v, flow) // a flow whose session has ended under it may fail
	switch _, err := g.cfg.Client.User(ctx, v); {
	case errors.Is(err, errNobody):
		return nil
	case err != nil:
		return err
	}
	return errors.Join(errStillSignedIn, asked)
}

// revoke has authentik forget the tokens of a session (RFC 7009): each by itself, since neither takes the other along.
func (p *provider) revoke(ctx context.Context, rec *record) error {
	if rec.Tokens == nil {
		return nil
	}
	m, err := p.metadata(ctx)
	if err != nil {
		return err
	}
	client := p.cfg.Client.Relay().HTTP(rec.visitor())
	for _, token := range []string{rec.Tokens.Refresh, rec.Tokens.Access} {
		if token == "" {
			continue
		}
		form := url.Values{"token": {token}, "client_id": {p.cfg.OIDC.ClientID}}
		if p.cfg.OIDC.ClientSecret != "" {
			form.Set("client_secret", p.cfg.OIDC.ClientSecret)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.revocation, strings.NewReader(form.Encode()))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
			return errors.Join(errNotRevoked, err)
		}
	}
	return nil
}

// farewellAt is where a browser ends authentik's session, where that is the browser's own (OpenID Connect RP-Initiated Logout
// 1.0): it comes back to the page that says what has ended.
func (p *provider) farewellAt(ctx context.Context, rec *record, at Resolved) (string, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(m.endSession)
	if err != nil {
		return "", err
	}
	query := url.Values{"post_logout_redirect_uri": {at.Scheme + "://" + at.Host + p.cfg.Prefix + "/logout"}, "client_id": {p.cfg.OIDC.ClientID}}
	if rec.Tokens != nil && rec.Tokens.ID != "" {
		query.Set("id_token_hint", rec.Tokens.ID)
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}
