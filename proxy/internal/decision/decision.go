// Package decision says what a gate does with a request. A decision is a value;
// the gate acts on it.
//
//   - decision.go: every decision, in one list
//   - maker.go: the functions that make decisions
//   - program.go: decisions about requests that show a credential
package decision

import (
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/group"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/relay"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
)

// A Decision is what the gate does with a request. The types in this file are
// all decisions that there are.
type Decision interface{ kind() string }

// Kind returns the metric label of a decision: pass, open, own, weigh, sign-in
// or refuse.
func Kind(d Decision) string { return d.kind() }

type (
	// Pass sends the request to the application, with the signed-in user. It is
	// the most frequent decision. It has only one pointer, so that an interface
	// can hold it without an allocation.
	Pass struct{ Session *session.Session }
	// Open sends the request to the application without a session: the path is
	// open, or the request is a preflight.
	Open struct {
		Bare   bool // without the client's credentials
		Hidden bool // without the credential of a program that has no session
	}
	// Own answers the request at one of the gate's own addresses.
	Own struct{}
	// Relayed sends the request to authentik's own interface.
	Relayed struct {
		By     *group.Member
		Target relay.Target
	}
	// LeftOver is for a request that authentik's interface still makes after
	// its visit has ended.
	LeftOver struct{ By *group.Member }
	// Recheck asks authentik first whether this user may pass.
	Recheck struct {
		Unasked Open // the decision if the user may not, for a request that Passes anyway
		Passes  bool
	}
	// Try asks authentik first whether this credential is valid.
	Try struct {
		Unasked Open // the decision if it is not valid
		Passes  bool
	}
	// StepUp demands another kind of sign-in, or a newer one.
	StepUp struct{}
	// SignIn sends the browser to the sign-in page and back, or to the address
	// of a link.
	SignIn struct{ Link signin.Link }
	// Refuse answers the request with an error.
	Refuse struct{ Err *fault.Error }
)

// The kinds of decisions, as labels of metrics.
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
