package signout

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/audit"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/oidc"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intake"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

var (
	errReplayed = errors.New("this logout token was used before")
	errIssuer   = errors.New("the notice comes from another issuer")
)

// BackChannel answers POST backchannel-logout (OpenID Connect Back-Channel
// Logout 1.0): authentik says that one of its own sessions has ended. A token
// with the identifier of a session ends only the sessions that rest on it,
// since a notice can be late.
func (h *Handler) BackChannel(x *exchange.Exchange) {
	raw := ""
	if form, err := reply.Posted(x.R, x.Body(intake.Small)); err == nil && len(form["logout_token"]) == 1 {
		raw = form.Get("logout_token")
	}
	err := h.everywhere(x, func(at Place) error { return at.Notice(x.Context(), raw) })
	x.W.Header().Set("Cache-Control", "no-store")
	if err == nil {
		x.W.WriteHeader(http.StatusOK)
		return
	}
	x.Log().WarnContext(x.Context(), "logout notice: refused", "error", fault.Cause(err), "code", fault.From(err).Code)
	x.W.Header().Set("Content-Type", "application/json")
	x.W.WriteHeader(http.StatusBadRequest) // even if the store fails, as the specification says (2.8)
	_ = json.NewEncoder(x.W).Encode(map[string]string{"error": "invalid_request", "error_description": fault.From(err).Title})
}

// everywhere applies a notice at all gates of this host that use OpenID
// Connect. They share one address, but authentik's notice is for one client.
// The client may be that of another gate, or of several gates with different
// stores. The notice succeeds if one gate accepts it, unless a store fails.
func (h *Handler) everywhere(x *exchange.Exchange, apply func(Place) error) error {
	var refused error
	heeded := false
	for _, at := range h.All(x) {
		if at.OIDC == nil {
			continue
		}
		switch err := apply(at); {
		case err == nil:
			heeded = true
		case fault.From(err).Code == fault.SessionsUnavailable:
			return err
		case refused == nil:
			refused = err
		}
	}
	if heeded {
		return nil
	}
	return refused
}

// Notice ends the sessions that a logout token names. The token's identifier is
// noted only afterwards, so that a token can be sent again if the store failed.
func (h *Handler) Notice(ctx context.Context, raw string) error {
	token, err := h.OIDC.LogoutToken(ctx, raw)
	if err != nil {
		return err
	}
	seen := h.Key.Tombstone("jti", token.Issuer+"\x00"+token.TokenID)
	replayed, err := h.Store.Revoked(ctx, seen)
	switch {
	case err != nil:
		return fault.New(fault.SessionsUnavailable, err)
	case replayed:
		return fault.New(fault.TokenInvalid, errReplayed)
	}
	if token.SessionID != "" {
		err = h.endNamed(ctx, token.SessionID, "back-channel")
	} else {
		err = h.endSubject(ctx, token.Subject)
	}
	if err != nil {
		return err
	}
	if err := h.Store.Revoke(ctx, seen, h.Now().Add(oidc.NoticeAge+2*session.ClockLeeway)); err != nil {
		return fault.New(fault.SessionsUnavailable, err)
	}
	return nil
}

// endNamed ends the sessions that rest on a session of authentik. A token that
// authentik has signed also counts if no known session rests on that session:
// one may be about to begin.
func (h *Handler) endNamed(ctx context.Context, sid, reason string) error {
	if err := h.Sessions.EndedAtAuthentik(ctx, sid); err != nil {
		return err
	}
	h.Metrics.Ended(reason)
	h.Logger.InfoContext(ctx, "session ended", "reason", reason)
	h.Audit.Write(ctx, audit.Line{Event: audit.SessionEnd, Reason: reason})
	return nil
}

// endSubject ends all sessions of a user.
func (h *Handler) endSubject(ctx context.Context, subject string) error {
	ended, err := h.Sessions.EndedUser(ctx, subject)
	for _, one := range ended {
		h.Sessions.Report(ctx, one.Name, "", "back-channel")
	}
	return err
}

// FrontChannel answers GET frontchannel-logout (OpenID Connect Front-Channel
// Logout 1.0), which authentik makes a browser load in a frame. Its only proof
// is the identifier in the address, so it ends sessions here, but no session at
// authentik.
func (h *Handler) FrontChannel(x *exchange.Exchange) {
	query, err := url.ParseQuery(x.At.Asked.RawQuery)
	if err == nil {
		err = h.everywhere(x, func(at Place) error { return at.frontChannel(x.Context(), query) })
	}
	header := x.W.Header()
	header.Set("Cache-Control", "no-cache, no-store")
	header.Set("Pragma", "no-cache")
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors "+originOf(h.Root))
	header.Set("X-Content-Type-Options", "nosniff")
	if err != nil {
		e := fault.From(err)
		x.Report(e)
		x.W.WriteHeader(e.Status)
		return
	}
	x.W.WriteHeader(http.StatusOK)
}

func (h *Handler) frontChannel(ctx context.Context, query url.Values) error {
	if len(query["sid"]) != 1 || len(query["iss"]) != 1 || query.Get("sid") == "" {
		return fault.New(fault.BadRequest, nil)
	}
	issuer, err := h.OIDC.Issuer(ctx)
	if err != nil {
		return err
	}
	if query.Get("iss") != issuer {
		return fault.New(fault.IssuerMismatch, errIssuer)
	}
	known, err := h.Sessions.Index.Knows(ctx, query.Get("sid"))
	if err != nil {
		return err
	}
	if !known {
		h.Sessions.NoteUnsigned(query.Get("sid"))
		return nil
	}
	return h.endNamed(ctx, query.Get("sid"), "front-channel")
}

// originOf returns the origin of an address.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "'none'"
	}
	return u.Scheme + "://" + u.Host
}
