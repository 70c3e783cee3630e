package exchange

import "context"

// A Tracer begins spans of a distributed trace. It is safe for concurrent use.
type Tracer interface {
	// Start begins a span below the one that ctx has. It returns the context for
	// what belongs to the span. If ctx has none, nothing is traced: it returns ctx
	// and a nil Span.
	Start(ctx context.Context, name string) (context.Context, Span)
	// Carry returns ctx with the span of another context. Work that several requests
	// wait for then belongs to the trace of the first.
	Carry(ctx, from context.Context) context.Context
}

// A Span is one part of a trace. Its attributes come from closed sets: never a
// user, a path or an answer.
type Span interface {
	Set(key, value string)
	End()
}

// Spanned returns a handler that runs within a span of this name, if the
// request is traced.
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
