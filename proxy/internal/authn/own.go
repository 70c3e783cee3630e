package authn

import (
	"context"
	"errors"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// Authentik is the part of authentik that answers about users and their
// sessions.
type Authentik interface {
	Ask(context.Context, flowclient.Visitor, flowclient.Flow) (flowclient.Step, error)
	DefaultFlow(ctx context.Context, v flowclient.Visitor, designation string) (flowclient.Flow, error)
	User(context.Context, flowclient.Visitor) (flowclient.User, error)
	Access(ctx context.Context, v flowclient.Visitor, application string) (flowclient.Access, error)
}

// Own is the source that identifies visitors by authentik's own session. The
// gate holds the session's cookies.
type Own struct {
	Authentik   Authentik
	Application string // may be empty
	// First returns the flow that a visit begins with, and Opening its first
	// challenge.
	First   func(context.Context, flowclient.Visitor) (flowclient.Flow, error)
	Opening func(context.Context, flowclient.Visitor, flowclient.Flow) (flowclient.Step, error)
}

var _ Source = Own{}

// Name implements [Source].
func (Own) Name() string { return "session" }

// Begin implements [Source].
func (o Own) Begin(ctx context.Context, v flowclient.Visitor, _ *Request) (Opening, error) {
	flow, err := o.First(ctx, v)
	if err != nil {
		return Opening{}, err
	}
	step, err := o.Opening(ctx, v, flow)
	return Opening{Flow: flow, Step: step}, err
}

// Prove asks whether the user of the visit's cookies may use the application,
// and then who that user is. Both questions are needed: without a session
// check_access answers too, and says yes if no policy is bound.
func (o Own) Prove(ctx context.Context, v flowclient.Visitor, _ flowclient.Step, _ *Request) (Result, error) {
	passing := true
	if o.Application != "" {
		var err error
		if passing, err = Access(ctx, o.Authentik, v, o.Application); err != nil {
			return nil, err
		}
	}
	who, err := Me(ctx, o.Authentik, v, passing)
	return Proved{who}, err
}

// Recheck asks only who the user is; the session's applications have been asked
// about before.
func (o Own) Recheck(ctx context.Context, rec *session.Record) (session.Proof, error) {
	return Me(ctx, o.Authentik, rec.Visitor(), true)
}

// SignOut implements [Source].
func (o Own) SignOut(ctx context.Context, rec *session.Record) error {
	return Invalidate(ctx, o.Authentik, rec.Visitor())
}

// Access asks authentik whether the user of a visitor's cookies may use an
// application. authentik also answers without a session, so the answer does not
// prove that a user is signed in.
func Access(ctx context.Context, a Authentik, v flowclient.Visitor, application string) (bool, error) {
	said, err := a.Access(ctx, v, application)
	return said.Passing, err
}

// Me asks authentik who is signed in with a visitor's cookies.
func Me(ctx context.Context, a Authentik, v flowclient.Visitor, passing bool) (session.Proof, error) {
	u, err := a.User(ctx, v)
	if err != nil {
		return session.Proof{}, err
	}
	if u.Username == "" || u.UID == "" || !u.Active {
		return session.Proof{}, ErrNotSignedIn
	}
	who := user.User{Username: u.Username, Name: u.Name, Email: u.Email, UID: u.UID, Attributes: u.Attributes}
	for _, group := range u.Groups {
		who.Groups = append(who.Groups, group.Name)
	}
	sid, _ := v.Cookies.Session()
	return session.Proof{User: who, Passing: passing, Cookies: v.Cookies, SID: sid}, nil
}

var errStillSignedIn = errors.New("authentik's invalidation flow has not ended its session; it asks the visitor something")

// Invalidate ends authentik's session with the invalidation flow of its brand,
// unless that flow asks the visitor a question. It then checks that the session
// has ended, since a flow need not sign the user out.
func Invalidate(ctx context.Context, a Authentik, v flowclient.Visitor) error {
	flow, err := a.DefaultFlow(ctx, v, "invalidation")
	if err != nil {
		return err
	}
	_, asked := a.Ask(ctx, v, flow) // the flow may fail once it has ended its own session
	switch _, err := a.User(ctx, v); {
	case errors.Is(err, ErrNotSignedIn):
		return nil
	case err != nil:
		return err
	}
	return errors.Join(errStillSignedIn, asked)
}
