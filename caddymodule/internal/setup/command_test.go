package setup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	admin "github.com/flowsidecar/caddy-authentik/internal/authentikadmin"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// ran runs the command and returns its output.
func ran(t *testing.T, input string, args ...string) (out, said string, err error) {
	t.Helper()
	c := Command(func([]string) (http.RoundTripper, error) { return http.DefaultTransport, nil })
	var stdout, stderr bytes.Buffer
	c.SetOut(&stdout)
	c.SetErr(&stderr)
	c.SetIn(strings.NewReader(input))
	c.SetArgs(args)
	c.SilenceUsage = true
	err = c.ExecuteContext(t.Context())
	return stdout.String(), stderr.String(), err
}

// The token comes from the environment or a file, and is in no output.
func TestCommand_MakesShowsAndRemoves(t *testing.T) {
	at := standIn(t, authentiktest.Release202608)
	directory := t.TempDir()
	secret := filepath.Join(directory, "secret")
	file := filepath.Join(directory, "token")
	if err := os.WriteFile(file, []byte("the-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--url", at.url, "--site", "https://wiki.example.com", "--group", group, "--openid", "--secret-file", secret}
	with := func(more ...string) []string { return append(append([]string{}, args...), more...) }

	t.Setenv(TokenVariable, "the-token")
	out, said, err := ran(t, "", with("--dry-run")...)
	if err != nil || out != "" || !strings.Contains(said, "Nothing was changed") || !strings.Contains(said, "create OAuth2 provider") {
		t.Errorf("--dry-run: got %q %q %v, want only the plan", out, said, err)
	}
	if out, _, err = ran(t, "n\n", args...); err == nil || out != "" {
		t.Errorf("answered no: got %q %v, want nothing done", out, err)
	}
	t.Setenv(TokenVariable, "")
	if _, _, err = ran(t, "", with("--yes")...); err == nil || !strings.Contains(err.Error(), "API token") {
		t.Errorf("without a token: got %v, want an error that says so", err)
	}
	out, said, err = ran(t, "yes\n", with("--token-file", file)...)
	if err != nil || !strings.HasPrefix(out, "wiki.example.com {\n") || !strings.Contains(out, "client_secret {file."+secret+"}") {
		t.Fatalf("got %q %q %v, want lines for the Caddyfile", out, said, err)
	}
	kept, err := os.ReadFile(secret)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(secret); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v %v, want a file that only its owner reads", info.Mode(), err)
	}
	for _, hidden := range []string{"the-token", strings.TrimSpace(string(kept))} {
		if strings.Contains(out+said, hidden) {
			t.Errorf("got a secret in the output:\n%s%s", out, said)
		}
	}
	again, said, err := ran(t, "the-token\n", with("--yes", "--token-file", "-")...)
	if err != nil || again != out || !strings.Contains(said, "Nothing is left to be done") {
		t.Errorf("again: got %q %q %v, want the same lines and no change", again, said, err)
	}
	if _, said, err = ran(t, "", "--url", at.url, "--application", "wiki", "--remove", "--yes", "--token-file", file, "--secret-file", secret); err != nil {
		t.Errorf("--remove: got %q %v", said, err)
	}
	if _, err := os.Stat(secret); err == nil {
		t.Error("--remove: got the file with the secret, want it gone")
	}
	if apps, spare := at.server.Applications(); len(apps)+len(spare) != 0 {
		t.Errorf("--remove: got %+v %+v, want nothing", apps, spare)
	}
}

// hostile is a text that steers a terminal and makes up lines.
const hostile = "x\x1b]0;owned\x07\x1b[2J\r\ndone: all is well\u202etxt.\u2066\u200f"

// shows fails the test if a text has what a terminal would act on.
func shows(t *testing.T, what, text string) {
	t.Helper()
	if strings.ContainsFunc(text, func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) }) || strings.Contains(text, "\ndone: all is well") {
		t.Errorf("%s: got %q, want only what prints, and no line of another", what, text)
	}
}

// The operator is not the only one who writes names and errors at authentik.
func TestCommand_ShowsNoControlsOfAuthentik(t *testing.T) {
	t.Setenv(TokenVariable, "the-token")
	at := standIn(t, authentiktest.Release202608)
	made := wanted(t, at, func(w *Wanted) { w.OpenID = true })
	args := []string{"--url", at.url, "--site", made.Site, "--application", made.Slug, "--group", group, "--openid", "--secret-file", made.SecretFile, "--yes"}
	if _, _, err := ran(t, "", args...); err != nil {
		t.Fatal(err)
	}
	s := state(t, at, made)
	must(t, at.client.ChangeProvider(t.Context(), s.Named.PK, admin.Fields{"redirect_uris": []any{map[string]any{
		"matching_mode": "strict", "url": "https://a.example/" + hostile, "redirect_uri_type": "authorization",
	}}, "sub_mode": hostile}))
	must(t, at.client.ChangeApplication(t.Context(), made.Slug, admin.Fields{"policy_engine_mode": hostile}))
	_, said, err := ran(t, "", append(args, "--dry-run")...)
	if err != nil || !strings.Contains(said, "owned") {
		t.Fatalf("got %q %v, want the differences", said, err)
	}
	shows(t, "differences", said)
	must(t, at.client.ChangeApplication(t.Context(), made.Slug, admin.Fields{"meta_publisher": "theirs", "name": hostile, "meta_launch_url": hostile}))
	_, said, err = ran(t, "", args...)
	if err == nil || !strings.Contains(err.Error(), "owned") {
		t.Fatalf("got %v, want an error with the application's name", err)
	}
	shows(t, "foreign application", said+err.Error())
	at.api.AddProxy(map[string]any{"name": hostile, "external_host": hostile, "assigned_application_slug": "wiki"})
	at.api.AddProxy(map[string]any{
		"name": "x", "external_host": "https://wiki.example.com", "internal_host": hostile, "assigned_application_slug": "wiki",
		"skip_path_regex": hostile, "basic_auth_enabled": true, "basic_auth_user_attribute": hostile,
	})
	out, said, err := ran(t, "", "--url", at.url, "--from-outpost")
	if err != nil || !strings.Contains(out, "owned") {
		t.Fatalf("got %q %v, want comments", out, err)
	}
	shows(t, "outpost", strings.ReplaceAll(out, "\t", "")+said)
}

func TestCommand_ShowsNoControlsInErrorsOfAuthentik(t *testing.T) {
	t.Setenv(TokenVariable, "the-token")
	for name, text := range map[string]string{
		"detail": fmt.Sprintf(`{"detail": %s}`, quoted(hostile)), "field": fmt.Sprintf(`{%s: [%[1]s]}`, quoted(hostile)),
		"long": fmt.Sprintf(`{"detail": %q}`, strings.Repeat("long ", 1<<16)), "version": fmt.Sprintf(`{"version_current": %s}`, quoted("2024.2."+hostile)),
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if name != "version" {
				w.WriteHeader(http.StatusTeapot)
			}
			fmt.Fprint(w, text)
		}))
		t.Cleanup(server.Close)
		_, said, err := ran(t, "", "--url", server.URL, "--site", "https://wiki.example.com", "--everyone", "--yes")
		if err == nil || name != "long" && !strings.Contains(err.Error(), "owned") {
			t.Fatalf("%s: got %v, want an error with what authentik says", name, err)
		}
		shows(t, name, said+err.Error())
		if len(err.Error()) > 3000 {
			t.Errorf("%s: got an error of %d bytes, want a short one", name, len(err.Error()))
		}
	}
}

// quoted writes a text in JSON.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestCommand_FromOutpostOnlyReads(t *testing.T) {
	at := standIn(t, authentiktest.Release202608)
	at.api.AddProxy(map[string]any{
		"name": "Wiki", "external_host": "https://wiki.example.com", "internal_host": "http://wiki:3000", "assigned_application_slug": "wiki",
	})
	at.api.Before = func(r *http.Request) bool { t.Errorf("got %s %s, want no change", r.Method, r.URL.Path); return true }
	t.Setenv(TokenVariable, "the-token")
	out, _, err := ran(t, "", "--url", at.url, "--from-outpost")
	if err != nil || !strings.Contains(out, "wiki.example.com {\n") || !strings.Contains(out, "reverse_proxy http://wiki:3000") {
		t.Errorf("got %q %v, want the site", out, err)
	}
}

// Without a field that says how an outpost guards something, no Caddyfile is
// written that guards it in another way.
func TestCommand_FromOutpostNeedsItsFields(t *testing.T) {
	at := standIn(t, authentiktest.Release202608)
	at.api.AddProxy(map[string]any{
		"name": "Wiki", "external_host": "https://wiki.example.com", "internal_host": "https://wiki:3000", "assigned_application_slug": "wiki",
	})
	for field, needed := range map[string]bool{
		"name": true, "mode": true, "external_host": true, "assigned_application_slug": true, "internal_host_ssl_validation": true, "intercept_header_auth": true,
		"skip_path_regex": false, "cookie_domain": false, "access_token_validity": false, "basic_auth_enabled": false, "assigned_application_name": false,
	} {
		at.client.HTTP.Transport = partial{"providers/proxy/", field}
		all, err := at.client.Proxies(t.Context())
		if (err != nil) != needed || needed && !strings.Contains(err.Error(), field) {
			t.Errorf("without %s: got %v, want an error about it: %v", field, err, needed)
		}
		if text := FromOutpost(at.url, "", all); !needed && !strings.Contains(text, "wiki.example.com {\n") {
			t.Errorf("without %s: got %s, want the site", field, text)
		}
	}
}

// A connection that fails says which option to look at.
func TestCommand_FailedConnectionNamesTheOption(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	t.Setenv(TokenVariable, "the-token")
	for address, want := range map[string]string{
		secure.URL: "--trust", "http://127.0.0.1:1": "--url, or start authentik", "http://auth.invalid": "--url, or run this where",
	} {
		_, _, err := ran(t, "", "--url", address, "--site", "https://wiki.example.com", "--everyone", "--yes")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", address, err, want)
		}
	}
}

// The token goes only to the address that the operator has named.
func TestCommand_TokenFollowsNoRedirect(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("got %s with Authorization %q, want no request", r.URL.Path, r.Header.Get("Authorization"))
	}))
	t.Cleanup(other.Close)
	named := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(named.Close)
	t.Setenv(TokenVariable, "the-token")
	_, _, err := ran(t, "", "--url", named.URL, "--site", "https://wiki.example.com", "--everyone", "--yes")
	if err == nil || !strings.Contains(err.Error(), "a redirect to "+other.URL) {
		t.Errorf("got %v, want an error that names the redirect", err)
	}
}
