package exchange

import "context"

// A Tracer begins spans of a distributed trace. It is safe for concurrent use.
type Tracer interface {
	// Start begins a span below the span of ctx. It returns the context for
	// everything that belongs to the new span. If ctx has no span, the request
	// is not traced: Start returns ctx and a nil Span.
	Start(ctx context.Context, name string) (context.Context, Span)
	// Carry returns ctx with the span of another context. With it, work that
	// several requests wait for belongs to the trace of the first one.
	Carry(ctx, from context.Context) context.Context
}

// A Span is one part of a trace. Its attributes have closed sets of values:
// never a user, a path or an answer.
type Span interface {
	Set(key, value string)
	End()
}

// Spanned returns a handler that runs in a span of this name, if the request is
// traced.
func Spanned(name string, answer func(*Exchange)) func(*Exchange) {
	return func(x *Exchange) {
		if x.Tracer == nil {
			answer(x)
			return
		}
		ctx, span := x.Tracer.Start(x.Context(), name)
		if span == nil {
			answer(x)
			return
		}
		defer span.End()
		x.R, x.Span = x.R.WithContext(ctx), span
		answer(x)
	}
}

// Mention sets an attribute of the request's span, if there is one.
func (x *Exchange) Mention(key, value string) {
	if x.Span != nil {
		x.Span.Set(key, value)
	}
}
