// Package programs tests real programs without a browser: curl, git and rclone,
// through a real Caddy.
package programs

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/processtest"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// appPassword is Jane's.
const appPassword = "an-app-password-of-jane"

// find returns the path of a program. Without the program the test is skipped,
// and fails in CI.
func find(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") != "" {
		t.Fatalf("got error %[2]v, want %[1]s installed", name, err)
	}
	if err != nil {
		t.Skipf("%s is not installed; install the package of that name", name)
	}
	return path
}

// site starts a site that programs may use, before an application.
func site(t *testing.T, application string, u testsite.Setup) *testsite.Site {
	t.Helper()
	u.Scheme = "http"
	jane := testsite.UserJane()
	jane.AppPasswords = []string{appPassword}
	u.Authentik.Users = []authentiktest.User{jane}
	if application != "" {
		u.Routes = "authentik AUTHENTIK {\n\t\t" + strings.Join(u.Gate, "\n\t\t") + "\n\t}\n\treverse_proxy " + strings.TrimPrefix(application, "http://")
	}
	s := u.Start(t)
	t.Cleanup(func() {
		if strings.Contains(s.Journal.String(), appPassword) {
			t.Error("got the app password in Caddy's log, want it nowhere")
		}
	})
	return s
}

// flow is a site that asks authentik's flow about app passwords.
func flow(t *testing.T, application string) *testsite.Site {
	t.Helper()
	return site(t, application, testsite.Setup{Gate: []string{"clients basic", "recheck 10s"}})
}

// command is a program that sees nothing of the machine's own configuration.
func command(ctx context.Context, t *testing.T, path string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(ctx, path, args...) //nolint:gosec // programs of the test
	home := t.TempDir()
	cmd.Dir = home
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=Jane", "GIT_AUTHOR_EMAIL=jane@example.com", "GIT_COMMITTER_NAME=Jane", "GIT_COMMITTER_EMAIL=jane@example.com")
	return cmd
}

// run runs a program to its end and returns what it prints.
func run(t *testing.T, path string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testsite.Timeout)
	defer cancel()
	var out bytes.Buffer
	cmd := command(ctx, t, path, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// must is run for a program that has to succeed.
func must(t *testing.T, path string, args ...string) string {
	t.Helper()
	out, err := run(t, path, args...)
	if err != nil {
		t.Fatalf("%s %s: got error %v, want none\n%s", filepath.Base(path), args[0], err, out)
	}
	return out
}

func TestCurl_SendsAnAppPassword(t *testing.T) {
	t.Parallel()
	curl := find(t, "curl")
	s := flow(t, "")
	status := func(args ...string) string {
		return must(t, curl, append(args, "-sS", "-o", "/dev/null", "-w", "%{http_code}", s.Address+"/dav/")...)
	}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"at once":       {[]string{"-u", "jane:" + appPassword}, "200"},
		"when asked":    {[]string{"--anyauth", "-u", "jane:" + appPassword}, "200"},
		"nothing":       {nil, "401"},
		"wrong":         {[]string{"-u", "jane:wrong"}, "401"},
		"wrong, asked":  {[]string{"--anyauth", "-u", "jane:wrong"}, "401"},
		"as a browser":  {[]string{"--anyauth", "-A", "Mozilla/5.0", "-u", "jane:" + appPassword}, "401"}, // which is not asked
		"from a script": {[]string{"-H", "Sec-Fetch-Site: cross-site", "-H", "Sec-Fetch-Mode: cors", "-u", "jane:" + appPassword}, "401"},
	} {
		if got := status(tt.args...); got != tt.want {
			t.Errorf("%s: got status %s, want %s", name, got, tt.want)
		}
	}
	for _, r := range s.App.Requests() {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Remote-User") != testsite.Jane {
			t.Errorf("got %v at the application, want Jane and no credential", r.Header)
		}
	}
}

func TestCurl_SendsAToken(t *testing.T) {
	t.Parallel()
	curl := find(t, "curl")
	u := testsite.Setup{Gate: []string{"clients basic bearer"}}.OIDC()
	u.Authentik.Applications[0].Provider.GrantTypes = append(u.Authentik.Applications[0].Provider.GrantTypes, "client_credentials")
	s := site(t, "", u)
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"gate of app"}, "username": {testsite.Jane}, "password": {appPassword}, "scope": {"openid profile email"},
	}
	var said struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(must(t, curl, "-sS", "-d", form.Encode(), s.Inner+"/application/o/token/")), &said); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"a token":         {[]string{"--oauth2-bearer", said.Token}, "200"},
		"a wrong one":     {[]string{"--oauth2-bearer", said.Token + "x"}, "401"},
		"an app password": {[]string{"--anyauth", "-u", "jane:" + appPassword}, "200"},
		"the own one":     {[]string{"-u", "jane:" + testsite.Password}, "401"},
	} {
		if got := must(t, curl, append(tt.args, "-sS", "-o", "/dev/null", "-w", "%{http_code}", s.Address+"/api")...); got != tt.want {
			t.Errorf("%s: got status %s, want %s", name, got, tt.want)
		}
	}
	if strings.Contains(s.Journal.String(), said.Token) {
		t.Error("got the token in Caddy's log, want it nowhere")
	}
}

// TestGit_ClonesAndPushes: git asks for a name and password when it is prompted.
func TestGit_ClonesAndPushes(t *testing.T) {
	t.Parallel()
	git := find(t, "git")
	backend := filepath.Join(strings.TrimSpace(must(t, git, "--exec-path")), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skipf("git has no server for HTTP: %v", err)
	}
	root := t.TempDir()
	repository := filepath.Join(root, "app.git")
	must(t, git, "init", "-q", "--bare", "-b", "main", repository)
	must(t, git, "-C", repository, "config", "http.receivepack", "true")
	server := httptest.NewServer(&cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"}})
	t.Cleanup(server.Close)
	s := flow(t, server.URL)
	helper := func(password string) string {
		return "credential.helper=!f() { echo username=jane; echo password=" + password + "; }; f"
	}
	clone := filepath.Join(t.TempDir(), "clone")
	must(t, git, "-c", helper(appPassword), "clone", "-q", s.Address+"/app.git", clone)
	if err := os.WriteFile(filepath.Join(clone, "README"), []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, git, "-C", clone, "add", "README")
	must(t, git, "-C", clone, "commit", "-q", "-m", "first")
	must(t, git, "-C", clone, "-c", helper(appPassword), "push", "-q", "origin", "HEAD:main")
	if got := must(t, git, "-C", repository, "log", "--format=%s", "main"); strings.TrimSpace(got) != "first" {
		t.Errorf("got commits %q in the repository, want the first", got)
	}
	for name, args := range map[string][]string{"wrong password": {"-c", helper("wrong")}, "no password": {"-c", "credential.helper="}} {
		if out, err := run(t, git, append(args, "ls-remote", s.Address+"/app.git")...); err == nil {
			t.Errorf("%s: got %q, want a failure", name, out)
		}
	}
}

// TestRclone_UsesWebDAV: PROPFIND, MKCOL, PUT and DELETE, many at a time.
func TestRclone_UsesWebDAV(t *testing.T) {
	t.Parallel()
	rclone := find(t, "rclone")
	address, served, local := processtest.Free(t), t.TempDir(), t.TempDir()
	process := processtest.Start(t, command(context.Background(), t, rclone, "serve", "webdav", served, "--addr", address))
	t.Cleanup(process.Kill)
	testsite.Eventually(t, "an answer of rclone", func() bool {
		res, err := http.Get("http://" + address + "/") //nolint:noctx // the test's own server
		return err == nil && res.Body.Close() == nil
	})
	s := flow(t, "http://"+address)
	for _, name := range []string{"a.txt", "b.txt", "in/c.txt"} {
		file := filepath.Join(local, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	remote := func(password string) string {
		hidden := strings.TrimSpace(must(t, rclone, "obscure", password))
		return ":webdav,url='" + s.Address + "/',vendor=other,user=jane,pass='" + hidden + "':"
	}
	must(t, rclone, "copy", local, remote(appPassword)+"backup")
	if got, err := os.ReadFile(filepath.Join(served, "backup", "in", "c.txt")); err != nil || string(got) != "in/c.txt" { //nolint:gosec // of the test
		t.Fatalf("got %q, %v behind the gate, want the file", got, err)
	}
	must(t, rclone, "check", local, remote(appPassword)+"backup")
	must(t, rclone, "purge", remote(appPassword)+"backup")
	if out, err := run(t, rclone, "lsf", "--retries", "1", remote("wrong")); err == nil {
		t.Errorf("wrong password: got %q, want a failure", out)
	}
	s.StandIn.EditUser(testsite.Jane, func(u *authentiktest.User) { u.AppPasswords = nil })
	testsite.Eventually(t, "the end of the app password at the recheck", func() bool {
		_, err := run(t, rclone, "lsf", "--retries", "1", remote(appPassword))
		return err != nil
	})
}
