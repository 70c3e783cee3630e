package flowclient

import (
	"crypto/rand"
	"maps"
)

// csrfHeader is where authentik looks for the value of its CSRF cookie.
const csrfHeader = "X-authentik-CSRF"

// guarded returns the cookies with a CSRF pair among them, which authentik wants
// in every POST of a session that is signed in. It is a plain double submit, and
// no view outside of the login hands the cookie out, so where it is missing the
// client makes one up: 32 alphanumeric characters, which is the form of it.
func (c Cookies) guarded() Cookies {
	if t, ok := c.ticket(); c[csrfCookie] != "" || ok && !t.Authenticated {
		return c
	}
	out := maps.Clone(c)
	if out == nil {
		out = Cookies{}
	}
	out[csrfCookie] = (rand.Text() + rand.Text())[:32]
	return out
}
