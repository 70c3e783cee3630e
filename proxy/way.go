package proxy

import (
	"context"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A way is how the gate comes to know who a visitor is: by authentik's own session, or by OpenID Connect. Only a way
// makes a proved, and only of that a session is made.
type way interface {
	// name is the way's label in metrics and logs.
	name() string
	// begin asks for the first question of a visit, and puts it into the visit.
	begin(ctx context.Context, v flowclient.Visitor, vis visit) (visit, error)
	// prove asks authentik who has signed in, once a flow of the visit has ended. errNobody is
	// authentik's word that nobody has.
	prove(ctx context.Context, v flowclient.Visitor, vis visit) (proved, error)
	// recheck asks authentik what has become of a session. errNobody is its word that the session is over, whatever
	// else goes wrong says nothing.
	recheck(ctx context.Context, rec *record) (proved, error)
	// leave ends at authentik what a session rests on.
	leave(ctx context.Context, rec *record) error
}

func (g *Gate) newWay() way {
	if g.cfg.OIDC.used() {
		return oidcWay{g}
	}
	return sessionWay{g}
}

// A sessionWay knows visitors by authentik's own session, whose cookies the gate holds.
type sessionWay struct{ *Gate }

func (sessionWay) name() string { return "session" }

func (w sessionWay) begin(ctx context.Context, v flowclient.Visitor, vis visit) (visit, error) {
	flow, err := w.first(ctx, v)
	if err != nil {
		return vis, err
	}
	step, err := w.opening(ctx, v, flow)
	if err != nil {
		return vis, err
	}
	vis.First, vis.Opening = flow, step.Challenge.Component()
	return vis.at(step), nil
}

// prove asks authentik who is signed in with the visit's cookies, and whether they may use the application. The user comes
// last: check_access also answers for nobody, and then with yes where nothing is bound.
func (w sessionWay) prove(ctx context.Context, v flowclient.Visitor, _ visit) (proved, error) {
	passing := true
	if w.cfg.Application != "" {
		var err error
		if passing, err = w.access(ctx, v, w.cfg.Application); err != nil {
			return proved{}, err
		}
	}
	return w.me(ctx, v, passing)
}

// recheck asks for the user alone; the gate asks for the applications before.
func (w sessionWay) recheck(ctx context.Context, rec *record) (proved, error) {
	return w.me(ctx, rec.visitor(), true)
}

func (w sessionWay) leave(ctx context.Context, rec *record) error {
	return w.invalidate(ctx, rec.visitor())
}

// access asks authentik whether the user of a visitor's cookies may use an application. It answers for
// nobody as well, so this proves nothing.
func (g *Gate) access(ctx context.Context, v flowclient.Visitor, application string) (bool, error) {
	said, err := g.cfg.Client.Access(ctx, v, application)
	return said.Passing, err
}

// me asks authentik who is signed in with a visitor's cookies.
func (g *Gate) me(ctx context.Context, v flowclient.Visitor, passing bool) (proved, error) {
	u, err := g.cfg.Client.User(ctx, v)
	if err != nil {
		return proved{}, err
	}
	if u.Username == "" || u.UID == "" || !u.Active {
		return proved{}, errNobody
	}
	who := User{Username: u.Username, Name: u.Name, Email: u.Email, UID: u.UID, Attributes: u.Attributes}
	for _, group := range u.Groups {
		who.Groups = append(who.Groups, group.Name)
	}
	sid, _ := v.Cookies.Session()
	return proved{user: who, passing: passing, cookies: v.Cookies, sid: sid}, nil
}
