package proxy

import "time"

// Metrics is told what the gate does. Labels come from closed sets: never a
// user, a path or a host. Implementations are safe for concurrent use and
// return at once.
type Metrics interface {
	// Decision counts one decision: pass, open, own, sign-in, refuse.
	Decision(kind string)
	// Step counts one challenge drawn or answered; component is "other" for
	// those that authentik has added since.
	Step(component, outcome string)
	// SignIn counts the end of a visit: admitted, denied, failed.
	SignIn(way, outcome string)
	// Ended counts a session's end: signed-out, expired, gone.
	Ended(reason string)
	// Request measures one call to authentik.
	Request(endpoint string, took time.Duration)
	// Store measures one operation of the session store.
	Store(operation string, took time.Duration)
}

// NopMetrics counts nothing.
type NopMetrics struct{}

// Decision does nothing.
func (NopMetrics) Decision(string) {}

// Step does nothing.
func (NopMetrics) Step(string, string) {}

// SignIn does nothing.
func (NopMetrics) SignIn(string, string) {}

// Ended does nothing.
func (NopMetrics) Ended(string) {}

// Request does nothing.
func (NopMetrics) Request(string, time.Duration) {}

// Store does nothing.
func (NopMetrics) Store(string, time.Duration) {}
