package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// NoticeAge is the maximum age of a logout token. authentik makes the token
// when it sends it, and retries for a while.
const NoticeAge = time.Hour

var (
	errNoticeAge  = errors.New("this logout token was made at another time")
	errNotRevoked = errors.New("authentik does not revoke the tokens")
)

// LogoutToken checks a logout token: its signature, issuer, audience, event and
// time, and that it is no other kind of token (OpenID Connect Back-Channel
// Logout 1.0, 2.6).
func (p *Source) LogoutToken(ctx context.Context, raw string) (*goidc.LogoutToken, error) {
	if raw == "" {
		return nil, fault.New(fault.BadRequest, nil)
	}
	if strings.Count(raw, ".") == 4 {
		return nil, fault.New(fault.TokenInvalid, errEncrypted)
	}
	m, err := p.metadata(ctx)
	if err != nil {
		return nil, err
	}
	book := new(notebook)
	ctx = context.WithValue(ctx, notebookKey{}, book)
	token, err := p.verifier(m).VerifyLogout(ctx, raw)
	if err != nil {
		return nil, verdict(err, book)
	}
	age := p.Now().Sub(token.IssuedAt)
	if age > NoticeAge || age < -session.ClockLeeway {
		return nil, fault.New(fault.ClockSkew, errNoticeAge)
	}
	return token, nil
}

// revoke makes authentik revoke the tokens of a session (RFC 7009). It revokes
// each token, since authentik does not revoke the one with the other.
func (p *Source) revoke(ctx context.Context, rec *session.Record) error {
	if rec.Tokens == nil {
		return nil
	}
	m, err := p.metadata(ctx)
	if err != nil {
		return err
	}
	client := p.Authentik.Relay().HTTP(rec.Visitor())
	for _, token := range []string{rec.Tokens.Refresh, rec.Tokens.Access} {
		if token == "" {
			continue
		}
		form := url.Values{"token": {token}, "client_id": {p.ClientID}}
		if p.ClientSecret != "" {
			form.Set("client_secret", p.ClientSecret)
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

// Issuer returns authentik's name in tokens.
func (p *Source) Issuer(ctx context.Context) (string, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return "", err
	}
	return m.issuer, nil
}

// SignOutURL returns the address at which a browser ends authentik's session,
// if the browser holds that session itself (OpenID Connect RP-Initiated Logout
// 1.0). If back is true, the browser returns to the address in redirect.
//
// authentik 2026.8 answers parameters that it cannot verify with a page of
// status 400, and the user stays signed in. So the gate sends redirect only
// with an ID token, and only if it is registered. Older releases ignore an
// address that is not registered, so for them the gate may send one.
func (p *Source) SignOutURL(ctx context.Context, rec *session.Record, redirect string) (to string, back bool, err error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return "", false, err
	}
	if rec.Tokens == nil || rec.Tokens.ID == "" || !p.SignOutBack && !p.ignoresUnregistered(ctx) {
		return m.endSession, false, nil
	}
	u, err := url.Parse(m.endSession)
	if err != nil {
		return "", false, err
	}
	u.RawQuery = url.Values{"post_logout_redirect_uri": {redirect}, "client_id": {p.ClientID}, "id_token_hint": {rec.Tokens.ID}}.Encode()
	if to = u.String(); len(to) > maxSignOutURL {
		return m.endSession, false, nil
	}
	return to, p.SignOutBack, nil
}

// maxSignOutURL bounds the address at which a browser signs out, in bytes. The
// ID token of a user with many groups can be longer than proxies in front of
// authentik accept in a request line (8 KB by default). Their refusal would
// leave the visitor signed in.
const maxSignOutURL = 7 << 10

// staticFile is a file that every authentik serves. The response has the
// version in a header.
const staticFile = "static/dist/assets/icons/icon_left_brand.svg"

// ignoresUnregistered reports whether authentik is known to be older than 2026.8.
func (p *Source) ignoresUnregistered(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, p.root+staticFile, nil)
	if err != nil {
		return false
	}
	resp, err := p.Authentik.Relay().HTTP(flowclient.Visitor{}).Do(req)
	if err != nil {
		return false
	}
	if err := resp.Body.Close(); err != nil {
		return false
	}
	return olderThan202608(resp.Header.Get("X-Authentik-Version"))
}

// olderThan202608 compares a version such as 2026.5.3. A text that is not a
// version counts as newer.
func olderThan202608(version string) bool {
	var year, month int
	if n, err := fmt.Sscanf(version, "%d.%d", &year, &month); n != 2 || err != nil {
		return false
	}
	return year < 2026 || year == 2026 && month < 8
}
