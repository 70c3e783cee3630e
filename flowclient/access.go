package flowclient

import (
	"context"
	"net/http"
)

// Access is whether a visitor may use an application.
type Access struct {
	Passing bool
	// Messages are the policies', in the visitor's language, and may hold HTML.
	Messages []string
}

// Access asks authentik whether the visitor may use an application. It says yes to
// nobody at all where an application has no policies, so it is no proof that
// anybody is signed in: ask User as well, and ask it last.
func (c *Client) Access(ctx context.Context, v Visitor, application string) (Access, error) {
	if !slugs.MatchString(application) {
		return Access{}, ErrApplicationNotFound
	}
	q := request{
		endpoint: "core/applications/check_access",
		path:     "/api/v3/core/applications/" + application + "/check_access/",
	}
	r, err := c.exchange(ctx, v, q)
	if err != nil {
		return Access{}, err
	}
	return decodeAccess(q, r, c.root(v))
}

func decodeAccess(q request, r reply, root string) (Access, error) {
	if r.nobody(root) {
		return Access{}, ErrUnauthenticated
	}
	if r.status == http.StatusNotFound && r.own() {
		return Access{}, ErrApplicationNotFound
	}
	o, err := readObject(r.body)
	if r.status != http.StatusOK || err != nil || !o.has("passing") {
		return Access{}, unexpected(q, r, nil)
	}
	return Access{Passing: o.flag("passing", false), Messages: o.texts("messages")}, nil
}
