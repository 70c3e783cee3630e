package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	// maxNotice is the length of a logout notice, in bytes.
	maxNotice = 64 << 10
	// noticeAge is how old a logout token may be. authentik makes one when it sends it, and tries again for a while.
	noticeAge = time.Hour
)

var (
	errReplayed  = errors.New("this logout token has been here before")
	errNoticeAge = errors.New("this logout token was made at another time")
)

// hearLogout answers POST backchannel-logout (OpenID Connect Back-Channel Logout 1.0): authentik says that a session of its own
// has ended. A token with a session's identifier ends what rests on that alone, since notices can be late.
func (g *Gate) hearLogout(w http.ResponseWriter, r *http.Request, at Resolved) {
	r.Body = http.MaxBytesReader(w, r.Body, maxNotice)
	raw := ""
	if err := r.ParseForm(); err == nil && len(r.PostForm["logout_token"]) == 1 {
		raw = r.PostForm.Get("logout_token")
	}
	err := g.logout(r.Context(), raw)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if err == nil {
		w.WriteHeader(http.StatusOK)
		return
	}
	g.log(at).WarnContext(r.Context(), "a logout notice is refused", "error", fault.Cause(err), "code", fault.From(err).Code)
	h.Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest) // also where the store fails, as the specification says (2.8)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_request", "error_description": fault.From(err).Title})
}

// logout does what a logout token says. Its identifier is noted when that is done: a token that came when the store
// failed may come again.
func (g *Gate) logout(ctx context.Context, raw string) error {
	token, err := g.provider.logoutToken(ctx, raw)
	if err != nil {
		return err
	}
	seen := g.keys.Tombstone("jti", token.Issuer+"\x00"+token.TokenID)
	replayed, err := g.cfg.Store.Revoked(ctx, seen)
	switch {
	case err != nil:
		return fault.New(fault.SessionsUnavailable, err)
	case replayed:
		return fault.New(fault.TokenInvalid, errReplayed)
	}
	if token.SessionID != "" {
		err = g.endKnown(ctx, token.SessionID, "back-channel")
	} else {
		err = g.endSubject(ctx, token.Subject)
	}
	if err != nil {
		return err
	}
	if err := g.cfg.Store.Revoke(ctx, seen, g.cfg.Now().Add(noticeAge+2*clockLeeway)); err != nil {
		return fault.New(fault.SessionsUnavailable, err)
	}
	return nil
}

// endKnown ends what rests on a session of authentik's, if that has ever let anybody in here.
func (g *Gate) endKnown(ctx context.Context, sid, reason string) error {
	known, err := g.sessions.rolls.knows(ctx, sid)
	if err != nil || !known {
		return err
	}
	if err := g.EndAuthentik(ctx, sid); err != nil {
		return err
	}
	g.cfg.Metrics.Ended(reason)
	g.cfg.Logger.InfoContext(ctx, "session ended", "reason", reason)
	return nil
}

// endSubject ends all sessions of a user.
func (g *Gate) endSubject(ctx context.Context, subject string) error {
	ended, err := g.sessions.endUser(ctx, subject)
	for _, at := range ended {
		g.sessions.tell(ctx, at, "", "back-channel")
	}
	return err
}

// logoutToken checks a logout token: signature, issuer, audience, event, time, and that it is nothing else (2.6).
func (p *provider) logoutToken(ctx context.Context, raw string) (*oidc.LogoutToken, error) {
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
	age := p.cfg.Now().Sub(token.IssuedAt)
	if age > noticeAge || age < -clockLeeway {
		return nil, fault.New(fault.ClockSkew, errNoticeAge)
	}
	return token, nil
}

// seeLogout answers GET frontchannel-logout (OpenID Connect Front-Channel Logout 1.0): authentik has a browser load it in a
// frame. The identifier in the address is all that it proves, so it ends sessions here and nothing at authentik.
func (g *Gate) seeLogout(w http.ResponseWriter, r *http.Request, at Resolved) {
	query, err := url.ParseQuery(at.Asked.RawQuery)
	if err == nil {
		err = g.frontChannel(r.Context(), query)
	}
	h := w.Header()
	h.Set("Cache-Control", "no-cache, no-store")
	h.Set("Pragma", "no-cache")
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors "+originOf(g.cfg.Client.Root()))
	h.Set("X-Content-Type-Options", "nosniff")
	if err != nil {
		e := fault.From(err)
		g.report(r, at, e)
		w.WriteHeader(e.Status)
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (g *Gate) frontChannel(ctx context.Context, query url.Values) error {
	if len(query["sid"]) != 1 || len(query["iss"]) != 1 || query.Get("sid") == "" {
		return fault.New(fault.BadRequest, nil)
	}
	m, err := g.provider.metadata(ctx)
	if err != nil {
		return err
	}
	if query.Get("iss") != m.issuer {
		return fault.New(fault.IssuerMismatch, errIssuer)
	}
	return g.endKnown(ctx, query.Get("sid"), "front-channel")
}

// originOf is the scheme and the host of an address.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "'none'"
	}
	return u.Scheme + "://" + u.Host
}
