package caddymodule

import (
	"bytes"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/spf13/cobra"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest/adminapi"
)

// newAdministered returns a site whose authentik has an administrators' API, with
// the token the-token, and no application.
func newAdministered(t *testing.T, release authentiktest.Release) *site {
	t.Helper()
	s := newSite(t)
	server, err := authentiktest.New(authentiktest.Config{
		Release: release, Tokens: map[string]string{"the-token": "akadmin", "adas-token": "ada"},
		Users: []authentiktest.User{
			{Username: "akadmin", Superuser: true},
			{Username: "ada", Name: "Ada Lovelace", Email: "ada@example.com", Password: "secret", Groups: []string{"staff"}},
			{Username: "bob", Name: "Bob", Email: "bob@example.com", Password: "secret"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.server = server
	s.standIn.Config.Handler = adminapi.New(server)
	return s
}

// command runs "caddy authentik ..." and returns its standard output.
func command(t testing.TB, args ...string) (string, error) {
	t.Helper()
	parent := &cobra.Command{Use: "authentik", SilenceUsage: true, SilenceErrors: true}
	addCommands(parent)
	var out bytes.Buffer
	parent.SetOut(&out)
	parent.SetErr(io.Discard)
	parent.SetArgs(args)
	err := parent.ExecuteContext(t.Context())
	return out.String(), err
}

// A newcomer's walk: one command, whose output is the Caddyfile, and Caddy.
func TestSetup_ItsLinesAdmitOnlyTheGroup(t *testing.T) {
	for name, more := range map[string][]string{
		"session": nil, "page": {"--openid"}, "redirect": {"--openid", "--login", "redirect"}, "public client": {"--openid", "--public-client"},
	} {
		for _, release := range authentiktest.Releases() {
			t.Run(name+"/"+string(release), func(t *testing.T) {
				s := newAdministered(t, release)
				t.Setenv("AUTHENTIK_TOKEN", "the-token")
				lines, err := command(t, append([]string{
					"setup", "--url", s.standIn.URL, "--site", "http://" + s.address, "--application", "wiki", "--group", "staff", "--yes",
					"--to", strings.TrimPrefix(s.app.URL, "http://"), "--secret-file", filepath.Join(t.TempDir(), "secret"),
				}, more...)...)
				if err != nil {
					t.Fatal(err)
				}
				s.load(lines)
				b := s.browser()
				if name == "redirect" {
					to := b.expect(b.follow(b.get("/x")), http.StatusSeeOther, "").Header.Get("Location")
					if !strings.HasPrefix(to, s.standIn.URL+"/application/o/authorize/?") {
						t.Errorf("got %q, want authentik's address", to)
					}
					return
				}
				b.expect(b.follow(b.signIn("/x", "ada")), http.StatusOK, `user "ada"`)
				other := s.browser()
				other.expect(other.signIn("/x", "bob"), http.StatusForbidden, "")
			})
		}
	}
}

func TestSetup_WritesACaddyfileForEachOutpostApplication(t *testing.T) {
	s := newAdministered(t, authentiktest.Release202608)
	api := adminapi.New(s.server)
	for _, fields := range []map[string]any{
		{"name": "Wiki", "assigned_application_slug": "wiki", "external_host": "https://wiki.example.com", "internal_host": "https://wiki:8443", "internal_host_ssl_validation": false, "skip_path_regex": "^/healthz$\n/x"},
		{"name": "All", "assigned_application_slug": "all", "external_host": "https://auth.example.com", "mode": "forward_domain", "cookie_domain": "example.com"},
		{"name": "Files", "assigned_application_slug": "files", "external_host": "https://files.example.com", "mode": "forward_single", "access_token_validity": "hours=8"},
	} {
		api.AddProxy(fields)
	}
	s.standIn.Config.Handler = api
	t.Setenv("AUTHENTIK_TOKEN", "the-token")
	text, err := command(t, "setup", "--url", s.standIn.URL, "--public-url", "https://auth.example.com", "--from-outpost")
	if err != nil {
		t.Fatal(err)
	}
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("got %v %v, want a Caddyfile without mistakes:\n%s", err, warnings, text)
	}
	for _, want := range []string{`"application":"wiki"`, `"application":"files"`, `"lifetime":"8h"`, `"preset":"authentik"`, `"insecure_skip_verify":true`} {
		if !bytes.Contains(config, []byte(want)) {
			t.Errorf("got %s, want %s in it", config, want)
		}
	}
}
