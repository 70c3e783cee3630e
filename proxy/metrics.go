package proxy

import (
	"context"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
)

// Metrics counts what the gate does. Labels have closed sets of values: never a
// user, a path or a host. Implementations are safe for concurrent use and
// return at once.
type Metrics interface {
	// Decision counts one decision: pass, open, own, sign-in or refuse.
	Decision(kind string)
	// Step counts one step of a challenge. outcome is asked, or for its answer
	// accepted, refused, failed, or slowed; slowed means that the answer was
	// not passed on, because there were too many. authentik chooses the text of
	// a component, so a label must be one of flowclient.Components.
	Step(component, outcome string)
	// Program counts one try of a program's credential: accepted, refused or
	// failed by authentik, or slowed if it was not passed on because there were
	// too many. A credential whose last result is still cached is not tried. The
	// scheme is basic or bearer.
	Program(scheme, outcome string)
	// SignIn counts the end of a visit: admitted, denied or failed. The source
	// is session, oidc or host (a login host).
	SignIn(source, outcome string)
	// SignInTook measures a sign-in that has begun a session: from the first
	// challenge, or from the redirect to authentik, to the session.
	SignInTook(source string, took time.Duration)
	// Refused counts a request that was refused for another reason than a
	// missing sign-in. The code is one of package fault.
	Refused(code string)
	// Ended counts a session's end: signed-out, replaced, gone, idle, limit,
	// admin, or with Config.Audit lifetime. back-channel and front-channel count
	// notices, each of which may end several sessions.
	Ended(reason string)
	// HeaderLeftOut counts an identity header that a session lacks because its
	// value is too long. The name is one of the configuration.
	HeaderLeftOut(name string)
}

// NopMetrics counts nothing.
type NopMetrics struct{}

// Decision does nothing.
func (NopMetrics) Decision(string) {}

// Step does nothing.
func (NopMetrics) Step(string, string) {}

// Program does nothing.
func (NopMetrics) Program(string, string) {}

// SignIn does nothing.
func (NopMetrics) SignIn(string, string) {}

// SignInTook does nothing.
func (NopMetrics) SignInTook(string, time.Duration) {}

// Refused does nothing.
func (NopMetrics) Refused(string) {}

// Ended does nothing.
func (NopMetrics) Ended(string) {}

// HeaderLeftOut does nothing.
func (NopMetrics) HeaderLeftOut(string) {}

// A Tracer begins spans of a distributed trace: one for each request of a
// sign-in or sign-out. Its methods say what an implementation must do. Calls to
// authentik and to the store have the context that Start has returned; the
// transport and the store can begin further spans there.
type Tracer = exchange.Tracer

// A Span is one part of a trace.
type Span = exchange.Span

// carry returns the function that gives background work the span of the request
// that waits for it.
func (cfg Config) carry() func(ctx, from context.Context) context.Context {
	if cfg.Tracer == nil {
		return func(ctx, _ context.Context) context.Context { return ctx }
	}
	return cfg.Tracer.Carry
}
