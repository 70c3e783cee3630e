// Package decision says what a gate does with a request. It decides with values:
// the gate acts on them.
//
//   - decision.go: every decision, in one list
//   - maker.go: the functions that make them
//   - program.go: decisions about requests that show a credential
package decision

import (
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/group"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/relay"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
)

// A Decision is what the gate does with a request. These are all there are.
type Decision interface{ kind() string }

// Kind returns what a decision is counted as: pass, open, own, weigh, sign-in or
// refuse.
func Kind(d Decision) string { return d.kind() }

type (
	// A Pass is what most decisions are. With one pointer only it is boxed without an
	// allocation.
	Pass struct{ Session *session.Session } // to the application, with who is signed in
	// Open is to the application without a session: an open path, or a preflight.
	Open struct {
		Bare   bool // without the client's credentials
		Hidden bool // without the credential of a program, which admits no session
	}
	// Own is to the gate's own addresses.
	Own struct{}
	// Relayed is to authentik's own interface.
	Relayed struct {
		By     *group.Member
		Target relay.Target
	}
	// LeftOver is what that interface still asks for when its visit has ended.
	LeftOver struct{ By *group.Member }
	// Recheck is that authentik has to say first whether this user may pass.
	Recheck struct{}
	// Try is that authentik has to say first whether this credential is good.
	Try struct {
		Unasked Open // if it is not
		Passes  bool
	}
	// StepUp is that another kind of sign-in is demanded, or a newer one.
	StepUp struct{}
	// SignIn is to the sign-in page and back, or where a link leads.
	SignIn struct{ Link signin.Link }
	// Refuse is no further.
	Refuse struct{ Err *fault.Error }
)

// The kinds are labels of metrics.
func (Pass) kind() string     { return "pass" }
func (Open) kind() string     { return "open" }
func (Own) kind() string      { return "own" }
func (Relayed) kind() string  { return "own" }
func (LeftOver) kind() string { return "own" }
func (Recheck) kind() string  { return "weigh" }
func (Try) kind() string      { return "weigh" }
func (StepUp) kind() string   { return "sign-in" }
func (SignIn) kind() string   { return "sign-in" }
func (Refuse) kind() string   { return "refuse" }
