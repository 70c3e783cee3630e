package proxy

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// appPassword is an app password of Jane, and otherPassword one of Joe.
const (
	appPassword   = "app-password-of-jane"
	otherPassword = "app-password-of-joe"
)

// basic is what the header Authorization says of a name and a password.
func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// A shown request is one of a program to the site.
func (s *site) show(t testing.TB, path string, header http.Header) heardBack {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if r.Header["User-Agent"] == nil {
		r.Header.Set("User-Agent", "dav4j/2")
	}
	client := &http.Client{Transport: s.Client().Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read below
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return heardBack{resp.StatusCode, resp.Header, string(body)}
}

// heardBack is what a program gets.
type heardBack struct {
	status int
	header http.Header
	body   string
}

// auth is a request's header Authorization.
func auth(value string) http.Header { return http.Header{"Authorization": {value}} }

// appPasswords gives Jane and Joe their app passwords.
func (s *site) appPasswords() {
	s.authentik.EditUser("jane", func(u *authentiktest.User) { u.AppPasswords = []string{appPassword} })
	s.authentik.EditUser("joe", func(u *authentiktest.User) { u.AppPasswords = []string{otherPassword} })
}

// ended waits until each try of a flow has ended its session at authentik. The last
// thing that it asks there is whether a user is signed in still.
func (s *site) ended(t testing.TB) {
	t.Helper()
	testsite.Eventually(t, "the end of each try's session at authentik", func() bool { return s.front.signedIn.Load() == 0 })
}

// newClientsSite is a site that programs may use, by authentik's flow.
func newClientsSite(t testing.TB, change func(*Config), flows ...authentiktest.Flow) *site {
	t.Helper()
	s := newSite(t, func(c *Config) {
		c.Clients.Basic = true
		c.Open = func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/open") }
		if change != nil {
			change(c)
		}
	}, flows...)
	s.appPasswords()
	awaitWatch(t, s.gate, true) // when it begins, what is known of programs is doubted
	return s
}

// clientsWays runs a test for both ways to ask about Basic.
func clientsWays(t *testing.T, test func(t *testing.T, s *site), change func(*Config)) {
	t.Helper()
	t.Run("flow", func(t *testing.T) {
		t.Parallel()
		test(t, newClientsSite(t, change))
	})
	t.Run("token endpoint", func(t *testing.T) {
		t.Parallel()
		test(t, newTokenSite(t, change))
	})
}

// newTokenSite is a site that programs may use, by authentik's token endpoint.
func newTokenSite(t testing.TB, change func(*Config)) *site {
	t.Helper()
	s := newOIDCSite(t, func(reg *registration) {
		reg.provider.GrantTypes = append(reg.provider.GrantTypes, "client_credentials")
		reg.gate = func(c *Config) {
			c.Clients = ClientsConfig{Basic: true, Bearer: true}
			c.Open = func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/open") }
			if change != nil {
				change(c)
			}
		}
	})
	s.appPasswords()
	awaitWatch(t, s.gate, true) // when it begins, what is known of programs is doubted
	return s
}
