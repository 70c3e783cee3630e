// Package authn finds out who a visitor is. A Source does so in one way: Own,
// in this package, uses authentik's own session, and package oidc uses OpenID
// Connect.
//
// The package knows no pages and no HTTP requests. Of a visit it knows the
// current step and the request of OpenID Connect.
package authn

import (
	"context"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// ErrNotSignedIn says that no user is signed in with the cookies or tokens that
// were sent to authentik.
var ErrNotSignedIn = flowclient.ErrUnauthenticated

// A Source finds out who a visitor is. Only a source makes proofs, and only a
// proof becomes a session. Sources are safe for concurrent use.
type Source interface {
	// Name is the source's label in metrics and logs: session or oidc.
	Name() string
	// Begin asks for the first challenge of a visit. The request is that of
	// OpenID Connect, and nil for other sources.
	Begin(ctx context.Context, v flowclient.Visitor, request *Request) (Opening, error)
	// Prove asks authentik who has signed in, after a flow of the visit has
	// ended at a step. It returns ErrNotSignedIn if no user has signed in.
	Prove(ctx context.Context, v flowclient.Visitor, step flowclient.Step, request *Request) (Result, error)
	// Recheck asks authentik whether a session is still valid. It returns
	// ErrNotSignedIn if the session has ended. Any other error says nothing
	// about the session.
	Recheck(ctx context.Context, rec *session.Record) (session.Proof, error)
	// SignOut ends the session or revokes the tokens at authentik on which a
	// session rests.
	SignOut(ctx context.Context, rec *session.Record) error
}

// An Opening is the first challenge of a visit, with its flow and the updated
// request of OpenID Connect.
type Opening struct {
	Flow    flowclient.Flow
	Step    flowclient.Step
	Request *Request
}

// A Result is what Prove found: a Proved or a Next.
type Result interface{ result() }

// Proved says who has signed in.
type Proved struct{ session.Proof }

// Next says that authentik has another challenge before it names the user.
type Next struct {
	Step    flowclient.Step
	Request *Request
}

func (Proved) result() {}
func (Next) result()   {}
