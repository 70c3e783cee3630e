package host

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/background"
)

// registerAfter is how long after its start a gate registers in the store. So a
// gate that is only checked, and closed at once, leaves no record.
const registerAfter = time.Second

// Stay calls renew, until the context ends, often enough that the registration
// never expires. After the first call it calls started, which may be nil.
func Stay(backgroundCtx context.Context, renew, started func(context.Context)) {
	if !background.Sleep(backgroundCtx, registerAfter) {
		return
	}
	renew(backgroundCtx)
	if started != nil {
		started(backgroundCtx)
	}
	for background.Sleep(backgroundCtx, RegisterEvery) {
		renew(backgroundCtx)
	}
}

// ErrNoStepUp says that a login host has no flow that meets the gate's demands.
var ErrNoStepUp = errors.New("the site demands a second factor, and the login host has no flow for that; write step_up <flow> at the login host")

// Stay keeps the gate known to its login host until the context ends. It logs a
// warning, before the first visitor comes, if there is no login host or if the
// login host cannot meet the gate's demands.
func (m *Member) Stay(backgroundCtx context.Context, log *slog.Logger) {
	renew := func(ctx context.Context) {
		if err := m.Renew(ctx); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "login host: this gate cannot be registered", "error", fault.Cause(err), "login_at", m.Origin)
		}
	}
	Stay(backgroundCtx, renew, func(ctx context.Context) {
		at, err := m.Introduce(ctx)
		if err == nil && m.NeedsStepUp && !at.StepUp {
			err = fault.New(fault.StepUpRefused, ErrNoStepUp)
		}
		if err != nil && ctx.Err() == nil {
			e := fault.From(err)
			log.ErrorContext(ctx, "login host: visitors cannot sign in", "code", e.Code, "error", fault.Cause(err),
				"login_at", m.Origin, "remedy", e.Remedy())
		}
	})
}
