package redis

import (
	"log/slog"
	"strings"

	"github.com/flowsidecar/caddy-authentik/internal/processtest"
)

// lines is a log in JSON.
type lines struct{ processtest.Log }

func (l *lines) count(message string) int { return strings.Count(l.String(), message) }

func (l *lines) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
