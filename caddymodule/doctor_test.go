package caddymodule

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"unicode"

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

// Without a storage in the configuration there is Caddy's own.
func TestDoctor_LoadsAGateWithCaddysOwnStorage(t *testing.T) {
	opened, err := openForDoctor(t.Context(), nil, json.RawMessage(`{"handler": "authentik", "url": "http://127.0.0.1:1"}`), "http://localhost")
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if opened.Gate == nil || opened.StoreName != "storage" || storageRoot(nil) == "" {
		t.Errorf("got %+v with root %q, want a gate with a storage", opened, storageRoot(nil))
	}
	for text, want := range map[string]string{`{"module": "file_system", "root": "/x"}`: "/x", `{"module": "consul"}`: "", `{`: ""} {
		if got := storageRoot(json.RawMessage(text)); got != want {
			t.Errorf("%s: got root %q, want %q", text, got, want)
		}
	}
}

func TestDoctor_WithoutAFileExaminesNothing(t *testing.T) {
	for _, args := range [][]string{{"--config", "/nowhere/Caddyfile"}, {"--timeout", "0s"}, {"--user", "ada", "--password-file", "/nowhere"}} {
		file := filepath.Join(t.TempDir(), "Caddyfile")
		if err := os.WriteFile(file, []byte("http://localhost:1 {\n\tauthentik http://127.0.0.1:1\n}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := command(t, append([]string{"doctor", "--config", file}, args...)...)
		if err == nil || out != "" || strings.HasPrefix(err.Error(), "exiting with status") {
			t.Errorf("%v: got %q and %v, want its own error", args, out, err)
		}
	}
}

func TestDoctor_KnowsALoginHost(t *testing.T) {
	s := newAdministered(t, authentiktest.Release202608)
	const text = `http://auth.localhost:PORT {
	bind 127.0.0.1
	authentik AUTHENTIK {
		login_host
	}
	reverse_proxy AUTHENTIK
}
http://wiki.localhost:PORT {
	bind 127.0.0.1
	authentik AUTHENTIK {
		public_url http://auth.localhost:PORT
		login at http://auth.localhost:PORT
		application open
	}
	reverse_proxy APP
}
`
	s.server.SetApplications([]authentiktest.Application{{Slug: "open", Policies: []authentiktest.Policy{{Group: "staff"}}}}, nil)
	s.load(text)
	t.Setenv("AUTHENTIK_TEST_PASSWORD", "secret")
	e := s.examine(t, "", text, "--user", "ada")
	for _, f := range e.Findings {
		if f.Level == doctor.Failure && f.Code != "name-unresolved" {
			t.Errorf("got %+v, want no failure", f)
		}
	}
	for _, want := range []string{"visitors sign in at the login host http://auth.localhost"} {
		if !strings.Contains(e.text, want) {
			t.Errorf("got %s, want %q in it", e.text, want)
		}
	}
}

// Each site of other proxies has a gate that a sign-in can begin at.
func TestDoctor_ExaminesTheSitesOfOtherProxies(t *testing.T) {
	s := newAdministered(t, authentiktest.Release202608)
	s.server.SetApplications([]authentiktest.Application{{Slug: "wiki", Policies: []authentiktest.Policy{{Group: "staff"}}}}, nil)
	e := s.examine(t, "", "SITE {\n\tauthentik AUTHENTIK {\n\t\tforward_auth {\n\t\t\tfrom 127.0.0.1 nginx\n\t\t\tsite wiki.localhost application wiki\n\t\t\tsite gone.localhost application gone\n\t\t}\n\t}\n}\n")
	found := map[string]bool{}
	for _, f := range e.Findings {
		found[f.Site+" "+f.Code] = true
	}
	if !found["wiki.localhost gate"] || found["wiki.localhost application-not-found"] || !found["gone.localhost application-not-found"] {
		t.Errorf("got %s, want a gate at wiki.localhost, and no application for gone.localhost", e.text)
	}
}

// What authentik, its certificate and its API say is shown without what a terminal
// would act on.
func TestDoctor_ShowsNoControlsOfOthers(t *testing.T) {
	const hostile = "x\x1b]0;owned\x07\r\nfailure \u202etxt.\u2066\u200f"
	quoted, err := json.Marshal(hostile)
	if err != nil {
		t.Fatal(err)
	}
	answers := func(path string, status int, text string) func(*testing.T, *brokenSite) {
		return func(_ *testing.T, s *brokenSite) {
			s.front = atPath(path, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				_, _ = fmt.Fprint(w, strings.ReplaceAll(text, "HOSTILE", string(quoted)))
			})
		}
	}
	for name, tt := range map[string]struct {
		prepare func(*testing.T, *brokenSite)
		site    string
		code    string
	}{
		"message of a flow":    {answers("/api/v3/flows/executor/default-authentication-flow/", 200, `{"component": "ak-stage-access-denied", "error_message": HOSTILE}`), gated, "flow-refuses"},
		"flow of a brand":      {answers("/api/v3/core/brands/current/", 200, `{"flow_authentication": HOSTILE}`), gated, "flow-not-found"},
		"error of the API":     {answers("/api/v3/core/users/me/", 403, `{"detail": HOSTILE}`), gated, "token-rejected"},
		"release":              {answers("/api/v3/admin/version/", 200, `{"version_current": HOSTILE}`), gated, "release-unknown"},
		"error about a secret": {answers("/application/o/token/", 400, `{"error": HOSTILE}`), openID(""), "client"},
		"issuer":               {answers("/application/o/client/.well-known/openid-configuration", 200, `{"issuer": HOSTILE}`), openID(""), "issuer-mismatch"},
		"name of a certificate": {func(t *testing.T, s *brokenSite) {
			s.overTLS(t, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses, c.Subject.CommonName = nil, nil, hostile })
		}, trusting, "tls-name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AUTHENTIK_TOKEN", "the-token")
			s := newBrokenSite(t)
			s.clientFile(t)
			tt.prepare(t, s)
			e := s.examine(t, "", strings.ReplaceAll(tt.site, "FILES", s.files))
			there := false
			for _, f := range e.Findings {
				there = there || f.Code == tt.code
				if strings.ContainsFunc(f.Seen+f.Write+f.Site, func(c rune) bool { return !unicode.IsPrint(c) }) {
					t.Errorf("got %q, want only what prints", f)
				}
			}
			if !there {
				t.Errorf("got %s, want %s", e.text, tt.code)
			}
		})
	}
}

// The token never goes to a server whose certificate was not checked as the
// options say, also if the gate cannot be loaded.
func TestDoctor_TokenGoesOnlyWhereTheCertificateIsAsConfigured(t *testing.T) {
	const mistake = "\t\tpage {\n\t\t\tstyle /nowhere.css\n\t\t}\n" // for which the gate is not loaded
	for name, tt := range map[string]struct {
		options string
		sent    bool
		code    string
	}{
		"as configured":       {"trust FILES/authority.pem", true, ""},
		"another pin":         {"pin " + strings.Repeat("ab", 32), false, "tls-pin"},
		"another name":        {"trust FILES/authority.pem\n\t\ttls_name other.example.com", false, "tls-name"},
		"a trust that is not": {"trust FILES/nowhere.pem", false, "token-withheld"},
		"a wrong pin":         {"pin {env.NO_SUCH_PIN}", false, "token-withheld"},
		"no authority":        {"flow default-authentication-flow", false, "tls-authority"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newBrokenSite(t)
			var sent atomic.Bool
			s.front = func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("Authorization") != "" {
						sent.Store(true)
					}
					next.ServeHTTP(w, r)
				})
			}
			s.overTLS(t, nil)
			// A server that Go's own clients trust.
			pem, err := os.ReadFile(filepath.Join(s.files, "authority.pem"))
			if err != nil {
				t.Fatal(err)
			}
			trusted := x509.NewCertPool()
			trusted.AppendCertsFromPEM(pem)
			standard := http.DefaultTransport
			http.DefaultTransport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}}
			t.Cleanup(func() { http.DefaultTransport = standard })
			t.Setenv("AUTHENTIK_TOKEN", "the-token")
			e := s.examine(t, "", "SITE {\n\tauthentik AUTHENTIK {\n\t\t"+strings.ReplaceAll(tt.options, "FILES", s.files)+"\n"+mistake+"\t}\n}\n")
			if sent.Load() != tt.sent {
				t.Errorf("got the token sent: %v, want %v\n%s", sent.Load(), tt.sent, e.text)
			}
			if !slices.ContainsFunc(e.Findings, func(f doctor.Finding) bool { return f.Code == "config-invalid" }) ||
				tt.code != "" && !slices.ContainsFunc(e.Findings, func(f doctor.Finding) bool { return f.Code == tt.code }) {
				t.Errorf("got %s, want config-invalid and %s", e.text, tt.code)
			}
		})
	}
}
