package caddymodule

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/google/go-cmp/cmp"
)

func readRoot(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", name)) //nolint:gosec // names of this test alone
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestXcaddyFile_IsTrue(t *testing.T) {
	t.Parallel()
	var says struct {
		Name, Description, Module, Package, Caddy, Go, Build string
		Modules, Directives                                  []string
	}
	strict := json.NewDecoder(strings.NewReader(readRoot(t, "xcaddy.json")))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&says); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(registered(), says.Modules); diff != "" {
		t.Errorf("got other module ids than registered (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"authentik"}, says.Directives); diff != "" {
		t.Errorf("got other directives than registered (-want +got):\n%s", diff)
	}
	mod := readRoot(t, "go.mod")
	for _, line := range []string{
		"module " + says.Module + "\n",
		"\ngo " + says.Go + "\n",
		"github.com/caddyserver/caddy/v2 " + says.Caddy + "\n",
	} {
		if !strings.Contains(mod, line) {
			t.Errorf("got no line %q in go.mod, want it", line)
		}
	}
	if says.Package != says.Module+"/caddymodule" || says.Build != "xcaddy build --with "+says.Package {
		t.Errorf("got package %s, built with %s, want those of module %s", says.Package, says.Build, says.Module)
	}
	if says.Name == "" || says.Description == "" {
		t.Errorf("got name %q and description %q, want both", says.Name, says.Description)
	}
}

// registered returns the ids of our modules, without those of other tests.
func registered() []string {
	ids := []string{string(Handler{}.CaddyModule().ID), string(Admin{}.CaddyModule().ID)}
	for _, m := range caddy.GetModules(storesNamespace) {
		if !strings.HasPrefix(m.ID.Name(), "test") {
			ids = append(ids, string(m.ID))
		}
	}
	slices.Sort(ids)
	return ids
}

func TestExample_IsFormatted(t *testing.T) {
	t.Parallel()
	example := readRoot(t, "Caddyfile.example")
	if diff := cmp.Diff(string(caddyfile.Format([]byte(example))), example); diff != "" {
		t.Errorf("got the example in another format than caddy fmt (-want +got):\n%s", diff)
	}
}

func TestExample_IsValidWithAllOptions(t *testing.T) {
	t.Parallel()
	example := readRoot(t, "Caddyfile.example")
	everything := commented.ReplaceAllString(example, "$1$2")
	if everything == example {
		t.Fatal("got no line that is commented out, want some")
	}
	for name, text := range map[string]string{"as it is": example, "with all of it": everything} {
		if got := adapt(t, text); strings.HasPrefix(got, "error: ") {
			t.Errorf("%s: got %s, want no error", name, got)
		}
	}
	for _, s := range new(Handler).settings() {
		option := s.Name[strings.LastIndex(s.Name, " ")+1:]
		if !strings.Contains(everything, "\t"+option+" ") {
			t.Errorf("got no %s in the example, want it", s.Name)
		}
	}
	for _, option := range []string{"trust", "sessions", "persistent", "require mfa", "require group", "scopes", "sign_out_back", "only", "open", "on", "sign_on form", "sign_on basic", "sign_out", "app_cookies", "clear_site_data", "clients", "preflight", "late_forms", "login at", "login_host", "audit"} {
		if !regexp.MustCompile(`(?m)^\t+(?:# )?` + option + `(?: |$)`).MatchString(example) {
			t.Errorf("got no %s in the example, want it", option)
		}
	}
}

// commented matches a line with an option that is commented out.
var commented = regexp.MustCompile(`(?m)^(\t+)# ((?:trust|pin|tls_name|key|client_secret|require|idle|domain|max_per_user|persistent|sign_out_back|debug|style|templates|language)\b[^,.]*(?:\.\S+)?)$`)

// What users build must never hold the stand-in for authentik: an attacker
// who can set its address could sign in as any user.
func TestModule_NeverContainsTheStandIn(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("asks the go command")
	}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "github.com/flowsidecar/caddy-authentik/caddymodule").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Split(string(out), "\n")
	if !slices.Contains(deps, "github.com/flowsidecar/caddy-authentik/proxy") {
		t.Fatal("got a list of imports without the package proxy, want all of them")
	}
	for _, dep := range deps {
		if strings.Contains(dep, "authentiktest") || strings.HasSuffix(dep, "/caddytest") || dep == "testing" {
			t.Errorf("got an import of %s in caddymodule, want none", dep)
		}
	}
}
