package flowclient

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
)

// User is a user who is signed in, as authentik describes them.
type User struct {
	// PK is the user's number in authentik's API.
	PK int
	// Username is never empty. It can change.
	Username string
	Name     string
	Email    string
	// UID is authentik's permanent identifier of the user, and never empty.
	UID       string
	Active    bool
	Superuser bool
	Groups    []Group
	// Roles is empty in releases before 2026.2.
	Roles []Role
	// Attributes is empty in the recorded releases, which only send Settings.
	Attributes map[string]any
	Settings   map[string]any
	// Type is "internal", "external", "service_account" or
	// "internal_service_account".
	Type string
	// Avatar is the address of a picture, often a data URL.
	Avatar string
	// SystemPermissions are the user's permissions in authentik itself.
	SystemPermissions []string
	// Original is the administrator who impersonates this user, or nil.
	Original *User
	// Raw is the user as authentik sent it.
	Raw json.RawMessage
}

// Group is a group that the user is in, directly or through another group.
type Group struct{ PK, Name string }

// Role is a role that the user has.
type Role struct{ PK, Name string }

// LogValue shows the user's identifier and user name, and no other personal data.
func (u User) LogValue() slog.Value {
	return slog.GroupValue(slog.String("uid", u.UID), slog.String("username", u.Username))
}

// User returns the user who is signed in with the visitor's cookies. If no user
// is signed in, the error is ErrUnauthenticated; after any other error it is
// open whether one is. This is the only method that proves a sign-in.
func (c *Client) User(ctx context.Context, v Visitor) (User, error) {
	q := request{endpoint: "core/users/me", path: "/api/v3/core/users/me/", limit: maxUser}
	r, err := c.exchange(ctx, v, q)
	if err != nil {
		return User{}, err
	}
	if r.unauthenticated(c.root(v)) {
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

// decodeUser requires a user name and an identifier: without them, different users
// could share a session.
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
