package flowclient

import (
	"net/http/httptest"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// standIn returns a client of a stand-in for authentik.
func standIn(t testing.TB, cfg authentiktest.Config) *Client {
	t.Helper()
	handler, err := authentiktest.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c, err := New(Config{URL: address(t, server.URL), PublicURL: address(t, "https://auth.example.com")})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// signedIn signs a user in with the flow of a new authentik.
func signedIn(t testing.TB, c *Client, name, password string) Visitor {
	t.Helper()
	v, f := Visitor{}, Flow{Slug: "default-authentication-flow"}
	step, err := c.Ask(t.Context(), v, f)
	shows[Identification](t, step, err)
	for _, a := range []Answer{IdentificationAnswer{UID: name}, PasswordAnswer{password}} {
		v.Cookies = step.Cookies
		if step, err = c.Answer(t.Context(), v, f, a); err != nil {
			t.Fatal(err)
		}
	}
	v.Cookies = step.Cookies
	if u, err := c.User(t.Context(), v); err != nil || u.Username != name {
		t.Fatalf("got user %q, %v, at %T", u.Username, err, step.Challenge)
	}
	return v
}
