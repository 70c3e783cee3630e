package flowclient

import (
	"crypto/rand"
	"maps"
)

// csrfHeader is the header that authentik compares with its CSRF cookie.
const csrfHeader = "X-authentik-CSRF"

// withCSRF returns the cookies with a CSRF token, which authentik requires in
// every POST of a signed-in session. authentik only compares the cookie with
// the header, and sets the cookie in few of its views. So if the cookie is
// missing, the client makes a token of the same form: 32 alphanumeric
// characters.
func (c Cookies) withCSRF() Cookies {
	if t, ok := c.claims(); c[csrfCookie] != "" || ok && !t.Authenticated {
		return c
	}
	out := maps.Clone(c)
	if out == nil {
		out = Cookies{}
	}
	out[csrfCookie] = (rand.Text() + rand.Text())[:32]
	return out
}
