package flowclient

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
)

// User is who is signed in, as authentik says it.
type User struct {
	PK int
	// Username is never empty.
	Username string
	Name     string
	Email    string
	// UID is authentik's lasting name for the user, and never empty.
	UID       string
	Active    bool
	Superuser bool
	Groups    []Group
	// Roles are known from 2026.2 on.
	Roles []Role
	// Attributes is empty in the recorded releases, which tell only Settings.
	Attributes map[string]any
	Settings   map[string]any
	// Type is internal, external, service_account or internal_service_account.
	Type   string
	Avatar string
	// SystemPermissions name what the user may do in authentik.
	SystemPermissions []string
	// Original is the administrator who acts as this user, or nil.
	Original *User
	// Raw is the user as authentik sent it.
	Raw json.RawMessage
}

// Group is a group the user is in, directly or by way of another.
type Group struct{ PK, Name string }

// Role is a role the user has.
type Role struct{ PK, Name string }

// LogValue tells which user it is, and nothing about the person.
func (u User) LogValue() slog.Value {
	return slog.GroupValue(slog.String("uid", u.UID), slog.String("username", u.Username))
}

// User asks authentik who is signed in with the visitor's cookies. ErrUnauthenticated is
// authentik's word that nobody is; any other error says nothing about that.
func (c *Client) User(ctx context.Context, v Visitor) (User, error) {
	q := request{endpoint: "core/users/me", path: "/api/v3/core/users/me/"}
	r, err := c.exchange(ctx, v, q)
	if err != nil {
		return User{}, err
	}
	if r.nobody(c.root(v)) {
		return User{}, ErrUnauthenticated
	}
	if r.status != http.StatusOK {
		return User{}, unexpected(q, r, nil)
	}
	o, err := readObject(r.body)
	if err != nil {
		return User{}, unexpected(q, r, errNotJSON)
	}
	u, err := decodeMe(o)
	if err != nil {
		return User{}, unexpected(q, r, err)
	}
	return u, nil
}

// nobody knows the three ways in which authentik says that a session is nobody's: a
// refusal in its own JSON, the bare 400 of a session that ended during the request,
// and the way to the login of one that was bound to another network. A refusal of
// anything in front of authentik is none of them.
func (r reply) nobody(root string) bool {
	switch r.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		o, err := readObject(r.body)
		return err == nil && o.has("detail") && r.own()
	}
	return r.ended(root)
}

// ended knows the latter two.
func (r reply) ended(root string) bool {
	switch r.status {
	case http.StatusBadRequest:
		return len(r.body) == 0 && r.own()
	case http.StatusFound:
		path, ok := below(root, r.header.Get("Location"))
		return ok && partOf(path) == RedirectDefaultFlow
	}
	return false
}

func decodeMe(o object) (User, error) {
	u, err := decodeUser(o.object("user"), o["user"])
	if err != nil {
		return User{}, err
	}
	if in := o.object("original"); in != nil {
		original, err := decodeUser(in, o["original"])
		if err != nil {
			return User{}, err
		}
		u.Original = &original
	}
	return u, nil
}

// decodeUser insists on a name and a lasting name: a session for nobody in
// particular would be one for anybody.
func decodeUser(o object, raw []byte) (User, error) {
	u := User{
		PK:                o.number("pk"),
		Username:          o.text("username"),
		Name:              o.text("name"),
		Email:             o.text("email"),
		UID:               o.text("uid"),
		Active:            o.flag("is_active", false),
		Superuser:         o.flag("is_superuser", false),
		Groups:            each(o, "groups", func(g object) Group { return Group{PK: g.text("pk"), Name: g.text("name")} }),
		Roles:             each(o, "roles", func(g object) Role { return Role{PK: g.text("pk"), Name: g.text("name")} }),
		Attributes:        o.values("attributes"),
		Settings:          o.values("settings"),
		Type:              o.text("type"),
		Avatar:            o.text("avatar"),
		SystemPermissions: o.texts("system_permissions"),
		Raw:               json.RawMessage(append([]byte(nil), raw...)),
	}
	if u.Username == "" || u.UID == "" {
		return User{}, fmt.Errorf("decoding a user: %w", errNameless)
	}
	return u, nil
}
