// Package caddymodule is the gate as a module of Caddy: the handler
// http.handlers.authentik and its directive. Package proxy decides and renders,
// and package flowclient speaks to authentik. This package has what Caddy
// needs.
//
//   - handler.go: the handler
//   - config.go: its options; cookie.go, headers.go, signon.go, require.go, rule.go,
//     clients.go, forwardauth.go, loginhost.go, sessions.go: those with parts, each
//     with how it is read, checked and handed to the gate
//   - settings.go, lists.go, check.go: options with one value, with several, and what
//     does not go together
//   - caddyfile.go: the directive
//   - provision.go, site.go: from the options to a running gate, at its site
//   - admin.go, command.go, doctor.go: what operators ask
//
// The packages in internal do not depend on the handler:
//
//   - options, advice, pagefile: how options are read
//   - request, matchers, keeper: what Caddy knows about a request, which requests need
//     no sign-in, and the gate's responses
//   - identity: what other handlers get to know about a user
//   - routes, walk: the routes around a gate, and the way of a request through them
//   - gates, gatekey, transport, shared: what gates have in common
//   - telemetry, loglimit, version: metrics, traces, the log, and a warning of an old
//     Caddy
//   - operator, setup, doctor: what operators ask of a Caddy, and do at authentik
//
// Stores of sessions are in sessions/..., a module each.
package caddymodule

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/identity"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/keeper"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/request"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

func init() {
	caddy.RegisterModule(Handler{})
}

// CaddyModule returns the Caddy module information.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.authentik",
		New: func() caddy.Module { return new(Handler) },
	}
}

// ServeHTTP lets the gate decide. The gate writes its own error responses,
// since the routes of handle_errors may lead to the application. An error that
// ServeHTTP returns comes from the application.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if h.tooEarly(r) {
		w = keeper.New(w)
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusTooEarly)
		return nil
	}
	if h.posts[0].Stopped() && r.ProtoMajor < 3 {
		// A connection of HTTP/2 without TLS can outlive its configuration, whose
		// store is closed. This closes it after the response. In HTTP/3 the header
		// would make the response malformed (RFC 9114, 4.2).
		w.Header().Set("Connection", "close")
	}
	if h.sidecar != nil {
		h.sidecar.ServeHTTP(w, r)
		return nil
	}
	gate, err := h.posts[0].Running(r.Context())
	if err != nil {
		h.unavailable(w, r, err)
		return nil
	}
	if passed, found := request.Left(r); found {
		r = proxy.Following(r, passed)
	}
	return gate.Guard(w, r, func(w http.ResponseWriter, passing *http.Request) error {
		if passing.URL != r.URL { // a request that the gate itself makes to the application
			passing = request.WithOwnContext(passing)
		}
		if s, signedIn := proxy.SessionFrom(passing.Context()); signedIn {
			identity.SetPlaceholders(passing, s, proxy.HeaderEncoding(h.Headers.Encoding))
		}
		err := next.ServeHTTP(w, passing)
		if err != nil {
			request.Leave(passing)
		}
		return err
	})
}

// unreadTime is how long a client may take to send a body that is not read.
const unreadTime = 15 * time.Second

// tooEarly reports whether a request came before the TLS handshake was complete
// and has to be sent again after it, which clients do by themselves (RFC 8470).
// An attacker may replay such a request, so it must not change anything, and
// matchers of addresses fail for it.
func (h *Handler) tooEarly(r *http.Request) bool {
	if r.TLS == nil || r.TLS.HandshakeComplete {
		return false
	}
	return r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions ||
		h.openness.Closed.TooEarly(r) || h.openness.Opened.TooEarly(r) ||
		slices.ContainsFunc(h.On, func(rule *Rule) bool { return rule.sets.TooEarly(r) })
}

// unavailable responds while there is no gate, because its key could not be
// created. No request passes meanwhile.
func (h *Handler) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	w = keeper.New(w)
	e := fault.New(fault.SessionsUnavailable, err)
	h.log.ErrorContext(r.Context(), "refused", "code", e.Code, "error", err)
	if r.ContentLength != 0 { // net/http would wait for a body that is not read, for as long as the client likes
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(unreadTime))
		if r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close")
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		w.WriteHeader(e.Status)
		_, _ = io.WriteString(w, unavailablePage)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(e.Status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": e.Title, "status": e.Status, "code": e.Code})
}

// unavailablePage is what browsers show meanwhile. It is plain, because the gate draws
// the pages of this site.
const unavailablePage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Session store unavailable</title>
<h1>Sign-ins cannot be saved right now</h1>
<p>Try again in a moment. If it lasts, tell the administrator of this site that the session store fails.</p>
<p><small>sessions-unavailable</small></p>
`

// Interface guards.
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.CleanerUpper          = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
