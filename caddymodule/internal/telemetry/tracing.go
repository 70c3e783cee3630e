package telemetry

import (
	"context"

	labels "go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// Scope is the instrumentation scope of the gate's spans.
const Scope = "github.com/flowsidecar/caddy-authentik/caddymodule"

// startSpan begins a span below the span in the context of a request, with the
// same tracer provider. Caddy's directive tracing has put that span there.
// Without such a span, or if it is not sampled, startSpan returns ctx and nil. The two
// parts of the name are joined only if there is a span.
func startSpan(ctx context.Context, kind trace.SpanKind, room, name string) (context.Context, trace.Span) {
	above := trace.SpanFromContext(ctx)
	if !above.IsRecording() {
		return ctx, nil
	}
	return above.TracerProvider().Tracer(Scope).Start(ctx, room+name, trace.WithSpanKind(kind))
}

// endSpan ends a span. The text of the error stays in the log: it may have an
// address with a query.
func endSpan(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// A Tracer traces what the gate does for a request.
type Tracer struct{}

// Start begins a span.
func (Tracer) Start(ctx context.Context, name string) (context.Context, proxy.Span) {
	ctx, started := startSpan(ctx, trace.SpanKindInternal, "", name)
	if started == nil {
		return ctx, nil
	}
	return ctx, span{started}
}

// Carry returns ctx with the span of another context.
func (Tracer) Carry(ctx, from context.Context) context.Context {
	above := trace.SpanFromContext(from)
	if !above.IsRecording() {
		return ctx
	}
	return trace.ContextWithSpan(ctx, above)
}

// A span is one part of a trace.
type span struct{ of trace.Span }

// Set sets an attribute.
func (s span) Set(key, value string) { s.of.SetAttributes(labels.String("authentik."+key, value)) }

// End ends the span.
func (s span) End() { s.of.End() }

// Interface guards.
var (
	_ proxy.Tracer = Tracer{}
	_ proxy.Span   = span{}
)
