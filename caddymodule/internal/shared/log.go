package shared

import (
	"context"
	"log/slog"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap/exp/zapslog"
)

// Log returns a logger that passes each line to Caddy's log at that moment. A
// value that outlives a reload must not keep the log of its first
// configuration, whose files are closed with that configuration.
func Log() *slog.Logger { return slog.New(currentLog{}) }

type currentLog struct{}

func (currentLog) now() slog.Handler {
	return zapslog.NewHandler(caddy.Log().Core(), zapslog.WithName(Stores), zapslog.AddStacktraceAt(slog.Level(127)))
}

// Enabled implements slog.Handler.
func (c currentLog) Enabled(ctx context.Context, level slog.Level) bool {
	return c.now().Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (c currentLog) Handle(ctx context.Context, r slog.Record) error { return c.now().Handle(ctx, r) }

// WithAttrs implements slog.Handler. The attributes belong to the log of this
// moment: a value that outlives a reload must not keep the logger that it
// returns.
func (c currentLog) WithAttrs(attrs []slog.Attr) slog.Handler { return c.now().WithAttrs(attrs) }

// WithGroup implements slog.Handler, as WithAttrs does.
func (c currentLog) WithGroup(name string) slog.Handler { return c.now().WithGroup(name) }
