package proxy

// Metrics is told what the gate does. Labels come from closed sets: never a
// user, a path or a host. Implementations are safe for concurrent use and
// return at once.
type Metrics interface {
	// Decision counts one decision: pass, open, own, sign-in, refuse.
	Decision(kind string)
	// Step counts one challenge: asked, and, of its answer, accepted, refused,
	// failed or, where there were too many, slowed: not passed on. Components are authentik's own words: whoever labels by them
	// takes those of flowclient.Components alone.
	Step(component, outcome string)
	// SignIn counts the end of a visit: admitted, denied, failed. The way is session or oidc.
	SignIn(way, outcome string)
	// Ended counts a session's end: signed-out, replaced, gone, idle, limit, admin; and back-channel and front-channel
	// for notices, each of which may end several.
	Ended(reason string)
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
