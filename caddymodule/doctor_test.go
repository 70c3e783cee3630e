package caddymodule

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/doctor"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// examined is what the doctor says.
type examined struct {
	Failures, Warnings int
	Findings           []doctor.Finding
	text               string
}

// examine runs the doctor on a Caddyfile, in which SITE, AUTHENTIK and APP stand
// for addresses.
func (s *site) examine(t *testing.T, options, text string, args ...string) examined {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, s.caddyfile(options, text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := command(t, append([]string{"doctor", "--json", "--config", file}, args...)...)
	var e examined
	if json.Unmarshal([]byte(out), &e) != nil {
		t.Fatalf("got %q and %v, want a report", out, err)
	}
	e.text = out
	return e
}

func TestDoctor_FindsNothingAtAHealthySite(t *testing.T) {
	for name, more := range map[string][]string{"session": nil, "OpenID Connect": {"--openid"}} {
		for _, release := range authentiktest.Releases() {
			t.Run(name+"/"+string(release), func(t *testing.T) {
				s := newAdministered(t, release)
				t.Setenv("AUTHENTIK_TOKEN", "the-token")
				t.Setenv("AUTHENTIK_TEST_PASSWORD", "secret")
				lines, err := command(t, append([]string{
					"setup", "--url", s.standIn.URL, "--site", "http://" + s.address, "--application", "wiki", "--group", "staff", "--yes",
					"--to", s.app.Listener.Addr().String(), "--secret-file", filepath.Join(t.TempDir(), "secret"),
				}, more...)...)
				if err != nil {
					t.Fatal(err)
				}
				s.load(lines)
				e := s.examine(t, "", lines, "--user", "ada")
				if e.Failures+e.Warnings > 0 || !slices.ContainsFunc(e.Findings, func(f doctor.Finding) bool { return f.Code == "sign-in" && f.Level == doctor.OK }) {
					t.Errorf("got %s, want no failure, no warning and a sign-in", e.text)
				}
			})
		}
	}
}
