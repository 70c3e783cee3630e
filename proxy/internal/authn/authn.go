// Package authn finds out who a visitor is. A Source is one way to do that:
// with authentik's own session, in this package, or with OpenID Connect, in
// package oidc. It knows no page and no request. A visit is known to it by the
// step that it stands at and the request of OpenID Connect that it carries.
package authn

import (
	"context"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// ErrNotSignedIn says that no user is signed in with the cookies or tokens that
// authentik was given.
var ErrNotSignedIn = flowclient.ErrUnauthenticated

// A Source finds out who a visitor is. Only a source makes proofs, and only a
// proof becomes a session. Sources are safe for concurrent use.
type Source interface {
	// Name is the source's label in metrics and logs: session or oidc.
	Name() string
	// Begin asks for the first challenge of a visit. The request is the one of
	// OpenID Connect, and nil for other sources.
	Begin(ctx context.Context, v flowclient.Visitor, request *Request) (Opening, error)
	// Prove asks authentik who has signed in, once a flow of the visit has ended
	// at a step. ErrNotSignedIn says that no user has.
	Prove(ctx context.Context, v flowclient.Visitor, step flowclient.Step, request *Request) (Result, error)
	// Recheck asks authentik whether a session is still good. ErrNotSignedIn says
	// that it has ended. Any other error says nothing about the session.
	Recheck(ctx context.Context, rec *session.Record) (session.Proof, error)
	// SignOut ends authentik's session or tokens on which a session rests.
	SignOut(ctx context.Context, rec *session.Record) error
}

// An Opening is the first challenge of a visit, with its flow and the updated
// request of OpenID Connect.
type Opening struct {
	Flow    flowclient.Flow
	Step    flowclient.Step
	Request *Request
}

// A Result is what Prove found: Proved or Next.
type Result interface{ result() }

// Proved says who has signed in.
type Proved struct{ session.Proof }

// Next says that authentik has another challenge first.
type Next struct {
	Step    flowclient.Step
	Request *Request
}

func (Proved) result() {}
func (Next) result()   {}
