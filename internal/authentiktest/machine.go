package authentiktest

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// scopeAPI makes an access token a key to authentik's API.
const scopeAPI = "goauthentik.io/api"

// machine issues tokens for a username and an app password, sent in the form or
// packed into the client's secret. authentik's accounts for a provider's own
// secret are not part of the stand-in.
func (v *visit) machine(p Provider, app Application, form url.Values, secret string) *response {
	name, password := form.Get("username"), form.Get("password")
	if name == "" {
		packed, err := base64.StdEncoding.DecodeString(secret)
		if err != nil {
			return v.fails("invalid_grant")
		}
		name, password, _ = strings.Cut(string(packed), ":")
	}
	u, found := v.srv.find(func(u User) bool { return u.Username == name && !u.Inactive })
	if !found || !slices.Contains(u.AppPasswords, password) {
		return v.fails("invalid_grant")
	}
	passing, _ := v.srv.passes(app.Policies, app.PolicyMode, PolicyRequest{
		User: u, HTTP: v.request, Context: map[string]any{},
	})
	if !passing {
		return v.fails("invalid_grant")
	}
	g := grant{client: p.ClientID, user: u.PK, login: login{at: v.srv.now()}}
	if asked := strings.Fields(form.Get("scope")); len(asked) > 0 {
		g.scopes = p.granted(asked)
	}
	return unstored(http.StatusOK, v.tokens(p, app, g))
}

// apiBearer is the user of an access token that is valid for the API.
func (s *Server) apiBearer(token string) (User, bool) {
	g, found := s.grants.token(token)
	if !found || g.refresh || !slices.Contains(g.scopes, scopeAPI) || !s.alive(g) {
		return User{}, false
	}
	return s.current(User{PK: g.user}), true
}
