package flowclient

import (
	"context"
	"net/http"
)

// Access is authentik's answer to whether a visitor may use an application. See
// Client.Access for what it proves.
type Access struct {
	// Passing is the result of the application's policies for the user who is
	// signed in, or for an anonymous visitor.
	Passing bool
	// Messages are those of the policies, in the visitor's language. They may contain
	// HTML. authentik shows them to administrators only.
	Messages []string
}

// Access asks authentik to check an application's policies for the visitor.
//
// Passing == true does not prove that the visitor is signed in. If no policy is
// bound to the application, authentik answers true to every request: without
// cookies, and with the cookies of a session that has ended. Passing == false says
// that this visitor may not use the application; a user without permission and a
// session that has ended get the same answer.
//
// So call User as well, with the same cookies and after Access. Only User says that
// the session exists and whose it is, and only both together say that this user
// may use the application.
//
// If there is no such application, the error is ErrApplicationNotFound. If authentik
// rejects the cookies themselves, which is rare, it is ErrUnauthenticated. Any other
// error leaves the question open.
func (c *Client) Access(ctx context.Context, v Visitor, application string) (Access, error) {
	if !slugs.MatchString(application) {
		return Access{}, ErrApplicationNotFound
	}
	q := request{
		endpoint: "core/applications/check_access",
		path:     "/api/v3/core/applications/" + application + "/check_access/",
		limit:    maxAnswer,
	}
	r, err := c.exchange(ctx, v, q)
	if err != nil {
		return Access{}, err
	}
	return decodeAccess(q, r, c.root(v))
}

func decodeAccess(q request, r reply, root string) (Access, error) {
	if r.unauthenticated(root) {
		return Access{}, ErrUnauthenticated
	}
	if r.status == http.StatusNotFound && r.fromAuthentik() {
		return Access{}, ErrApplicationNotFound
	}
	o, err := readObject(r.body)
	if r.status != http.StatusOK || err != nil || !o.has("passing") {
		return Access{}, unexpected(q, r, nil)
	}
	return Access{Passing: o.flag("passing", false), Messages: o.texts("messages")}, nil
}
