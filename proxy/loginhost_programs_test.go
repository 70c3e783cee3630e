package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// program sends a request of a program with a credential.
func (d *domains) program(address, authorization string) (status int, body string) {
	d.Helper()
	r, err := http.NewRequestWithContext(d.Context(), http.MethodGet, address, nil)
	if err != nil {
		d.Fatal(err)
	}
	r.Header.Set("User-Agent", "dav4j/2")
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	res, err := d.transport.RoundTrip(r)
	if err != nil {
		d.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // read below
	text, err := io.ReadAll(res.Body)
	if err != nil {
		d.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// Programs show app passwords to a site whose visitors sign in at a login host. Their
// sessions do not rest on that of a browser, and have no second factor.
func TestLoginHost_ProgramsShowAppPasswords(t *testing.T) {
	t.Parallel()
	d := newDemanding(t, func(origin string, cfg *Config) {
		if origin == wikiHost {
			cfg.Clients.Basic = true
			cfg.Rules = []Rule{{Match: below("/admin"), RequireMFA: true}}
		}
	})
	d.authentik.EditUser("jane", func(u *authentiktest.User) { u.AppPasswords, u.Devices = []string{appPassword}, nil })
	d.authentik.EditUser("joe", func(u *authentiktest.User) { u.AppPasswords = []string{otherPassword} })
	for _, tt := range []struct {
		name, path, authorization string
		want                      int
	}{
		{"an app password", "/dav", basic("jane", appPassword), http.StatusOK},
		{"again", "/dav", basic("jane", appPassword), http.StatusOK},
		{"of a user who may not", "/dav", basic("joe", otherPassword), http.StatusUnauthorized},
		{"a wrong one", "/dav", basic("jane", "wrong"), http.StatusUnauthorized},
		{"a token", "/dav", "Bearer " + appPassword, http.StatusUnauthorized},
		{"none", "/dav", "", http.StatusUnauthorized},
		{"where a second factor is demanded", "/admin", basic("jane", appPassword), http.StatusForbidden},
	} {
		if got, body := d.program(wikiHost+tt.path, tt.authorization); got != tt.want {
			t.Errorf("%s: got status %d, want %d: %s", tt.name, got, tt.want, body)
		}
	}
	for _, r := range d.reached(wikiHost) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Remote-User") != "jane" {
			t.Errorf("got the application told %q of %q, want jane without a credential", r.Header.Get("Authorization"), r.Header.Get("Remote-User"))
		}
	}
	if status, _ := d.program(filesHost+"/", basic("jane", appPassword)); status != http.StatusUnauthorized {
		t.Errorf("got status %d at a site without clients, want 401", status)
	}
	jane := d.guest()
	jane.signsIn(wikiHost+"/", "jane", "open sesame")
	jane.press(jane.open(authHost+"/.authentik/logout"), "Sign out")
	if status, _ := d.program(wikiHost+"/dav", basic("jane", appPassword)); status != http.StatusOK {
		t.Errorf("got status %d after a browser has signed out, want 200", status)
	}
	d.authentik.EditUser("jane", func(u *authentiktest.User) { u.AppPasswords = nil })
	d.later(11 * time.Minute)
	if status, _ := d.program(wikiHost+"/dav", basic("jane", appPassword)); status != http.StatusUnauthorized {
		t.Errorf("got status %d with a deleted app password, want 401", status)
	}
}

// Tokens are issued for a client, which a site with a login host does not have.
func TestLoginHost_BearerIsRefusedAtStart(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	cfg := d.running(wikiHost).cfg
	cfg.Clients.Basic, cfg.Clients.Bearer = true, true
	if g, err := New(cfg); err == nil || !strings.Contains(err.Error(), "bearer cannot be used with login at") {
		t.Errorf("got %v, %v, want bearer refused", g, err)
	}
}
