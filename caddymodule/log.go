package caddymodule

import (
	"log/slog"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap/exp/zapslog"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/loglimit"
)

// noStack is higher than every level of a line. Errors of the gate are about
// authentik, the store or the configuration: stack frames would say nothing.
const noStack = slog.Level(127)

// newAuditLog returns the log of the handler's audit lines, which has a name of
// its own. No line of it is left out.
func (h *Handler) newAuditLog(ctx caddy.Context) *slog.Logger {
	return slog.New(zapslog.NewHandler(ctx.Logger().Core(), zapslog.WithName(string(h.CaddyModule().ID)+".audit"), zapslog.AddStacktraceAt(noStack)))
}

// newLogger returns the log of the handler. It logs a problem once, and then
// how often it came up. It is not Caddy's own slog.Logger, which adds stack
// frames to errors that are logged during a request.
func (h *Handler) newLogger(ctx caddy.Context) *slog.Logger {
	plain := zapslog.NewHandler(ctx.Logger().Core(), zapslog.WithName(string(h.CaddyModule().ID)), zapslog.AddStacktraceAt(noStack))
	limited := loglimit.New(plain)
	h.release = append(h.release, limited.Stop)
	return slog.New(limited)
}
