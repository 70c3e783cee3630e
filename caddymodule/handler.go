// Package caddymodule is the gate as a module of Caddy: the handler
// http.handlers.authentik and its directive. What the gate decides and draws
// is in package proxy, and how authentik is spoken to in flowclient; here is
// only what Caddy wants from a module.
//
//   - config.go: the configuration, as JSON and as a list of options
//   - oidc.go, require.go: OpenID Connect, and who may pass
//   - check.go, suggest.go, later.go: what is wrong with it, in words that help
//   - caddyfile.go, parser.go: the directive
//   - handler.go, provision.go, replace.go: the module and its life
//   - request.go, identity.go: what Caddy knows about a request, and what the
//     rest of Caddy is told about the visitor
//   - sessions.go: the stores of sessions, which are modules themselves
//   - key.go, shared.go, version.go: the gate's key, what outlives a reload, and
//     the Caddy around it
//   - gates.go, admin.go, command.go, table.go: the gates of the process, and how an operator lists and
//     ends their sessions
//   - metrics.go, measure.go, alive.go: what Prometheus is told
package caddymodule

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/flowsidecar/caddy-authentik/proxy"
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

// ServeHTTP lets the gate decide. The gate writes its own answers, so that
// handle_errors, whose routes may lead to the application, never gets one;
// an error that comes back here is the application's.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return h.gate.Guard(w, r, func(w http.ResponseWriter, r *http.Request) error {
		if s, signedIn := proxy.SessionFrom(r.Context()); signedIn {
			setPlaceholders(r, s)
		}
		return next.ServeHTTP(w, r)
	})
}

// Interface guards.
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.CleanerUpper          = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
