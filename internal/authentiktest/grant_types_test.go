package authentiktest

import (
	"net/http"
	"slices"
	"testing"
)

func TestGrantTypesAreLimitedWhereTheReleaseDoes(t *testing.T) {
	t.Parallel()
	everything := []string{"authorization_code", "hybrid", "implicit", "refresh_token", "client_credentials", "password", grantDevice}
	without := func(kind string) []string {
		return slices.DeleteFunc(slices.Clone(everything), func(one string) bool { return one == kind })
	}
	for what, list := range map[string][]string{"none": {}, "all": everything, "unset": nil} {
		for _, kind := range everything {
			allowed := what != "none"
			checkGrant(t, Release202605, list, kind, allowed)
			checkGrant(t, Release202510, list, kind, true)
			checkGrant(t, Release202605, without(kind), kind, false)
		}
	}
}

// checkGrant tries to use a grant type where the client may use those of list.
func checkGrant(t *testing.T, release Release, list []string, kind string, allowed bool) {
	t.Helper()
	s, c := serve(t, Config{
		Release: release, SigningKey: signingKey(),
		Applications: []Application{relying("oi-code", func(p *Provider) { p.GrantTypes = list })},
	})
	if response, browser := map[string]string{
		"authorization_code": "code", "hybrid": "code id_token", "implicit": "id_token",
	}[kind]; browser {
		if refused := c.refusedAuthorization(response); refused == allowed {
			t.Errorf("%s with %v: authorize refuses %s: %t", release, list, kind, refused)
		}
	}
	if kind == "hybrid" || kind == "implicit" {
		return
	}
	got := c.submit(tokenPath, "grant_type", kind, "client_id", "oi-code", "client_secret", "oi-code-secret", "redirect_uri", callback)
	if refused := got["error"] == "invalid_request"; refused == allowed {
		t.Errorf("%s with %v: the token endpoint answers %s with %v", s.dialect.version, list, kind, got)
	}
}

// refusedAuthorization asks for an authorization and reports whether the
// client is told that it may not. Otherwise the visitor is to sign in.
func (c *client) refusedAuthorization(response string) bool {
	c.t.Helper()
	b := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	q := query{
		{"client_id", "oi-code"}, {"redirect_uri", callback}, {"response_type", response}, {"nonce", "n"}, {"state", "s"},
	}
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.base+"/application/o/authorize/?"+q.encode(), http.NoBody)
	if err != nil {
		c.t.Fatal(err)
	}
	res, err := b.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	mark := "?"
	if response != "code" {
		mark = "#"
	}
	const told = "error=invalid_request&error_description=The%20request%20is%20otherwise%20malformed&state=s"
	return res.StatusCode == http.StatusFound && res.Header.Get("Location") == callback+mark+told
}
