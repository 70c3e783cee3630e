package proxy

import (
	"context"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
)

// A Tracer begins spans of a distributed trace: one for each request of a sign-in
// or sign-out. Its methods say what an implementation has to do. Calls to
// authentik and to the store are made with the context that Start has returned;
// the transport and the store can begin spans of their own there.
type Tracer = exchange.Tracer

// A Span is one part of a trace.
type Span = exchange.Span

// carry returns what gives background work the span of the request that waits for
// it.
func (cfg Config) carry() func(ctx, from context.Context) context.Context {
	if cfg.Tracer == nil {
		return func(ctx, _ context.Context) context.Context { return ctx }
	}
	return cfg.Tracer.Carry
}
