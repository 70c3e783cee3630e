package caddymodule

import (
	"log/slog"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/loglimit"
)

// newLogger returns the log of the handler. It logs a problem once, and then
// how often it came up.
func (h *Handler) newLogger(ctx caddy.Context) *slog.Logger {
	limited := loglimit.New(ctx.Slogger().Handler())
	h.release = append(h.release, limited.Stop)
	return slog.New(limited)
}
