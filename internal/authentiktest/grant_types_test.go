package authentiktest

import (
	"net/http"
	"slices"
	"testing"
)

func TestGrantTypes_AreLimitedInReleasesThatLimitThem(t *testing.T) {
	t.Parallel()
	without := func(kind string) []string {
		return slices.DeleteFunc(slices.Clone(everyGrant), func(one string) bool { return one == kind })
	}
	for what, list := range map[string][]string{"none": {}, "all": everyGrant, "unset": nil} {
		for _, kind := range everyGrant {
			checkGrant(t, Release202510, list, kind, true)
			for _, release := range []Release{Release202605, Release202608} {
				checkGrant(t, release, list, kind, what == "all")
				checkGrant(t, release, without(kind), kind, false)
			}
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
			t.Errorf("%s, grant types %v: authorization of %s: got refused %t", release, list, kind, refused)
		}
	}
	if kind == "hybrid" || kind == "implicit" || s.dialect.grantRefused == "invalid_grant" {
		return // of a code that there is not, 2026.8 says the same
	}
	got := c.submit(tokenPath, "grant_type", kind, "client_id", "oi-code", "client_secret", "oi-code-secret", "redirect_uri", callback)
	if refused := got["error"] == or(s.dialect.grantRefused, "invalid_request"); refused == allowed {
		t.Errorf("%s, grant types %v: token endpoint, %s: got %v", s.dialect.version, list, kind, got)
	}
}

func TestGrantTypes_MissingOnesAreAnInvalidGrantIn202608(t *testing.T) {
	t.Parallel()
	for kind, fields := range map[string]func(code, refresh string) []string{
		"authorization_code": func(code, _ string) []string { return []string{"code", code, "redirect_uri", callback} },
		"refresh_token":      func(_, refresh string) []string { return []string{"refresh_token", refresh} },
	} {
		s, c, _ := twoClients(t, Release202608)
		code, answer := granted(s, c)
		refresh, _ := answer["refresh_token"].(string)
		form := append(fields(code, refresh), "grant_type", kind, "client_id", "oi-one", "client_secret", "oi-one-secret")
		s.EditApplication("oi-one", func(a *Application) { a.Provider.GrantTypes = nil })
		want(t, c.submit(tokenPath, form...), "error", "invalid_grant")
		s.EditApplication("oi-one", func(a *Application) { a.Provider.GrantTypes = []string{kind} })
		want(t, c.submit(tokenPath, form...), "status", http.StatusOK)
	}
}

func TestGrantTypes_DeviceEndpointNeedsItsOwnIn202608(t *testing.T) {
	t.Parallel()
	for release, refused := range map[Release]any{Release202605: nil, Release202608: "invalid_client"} {
		s, c, _ := twoClients(t, release)
		s.EditApplication("oi-one", func(a *Application) { a.Provider.GrantTypes = []string{"authorization_code"} })
		want(t, c.submit("/application/o/device/", "client_id", "oi-one"), "error", refused)
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
