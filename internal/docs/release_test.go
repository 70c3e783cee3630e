package docs

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// readYAML reads a file as YAML, which must have no key twice.
func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, path)), into); err != nil {
		t.Fatalf("%s: got error %v, want none", path, err)
	}
}

// A workflow is what the tests look at in one.
type workflow struct {
	On          map[string]any
	Permissions map[string]string
	Jobs        map[string]struct {
		Timeout  int `yaml:"timeout-minutes"`
		Strategy struct{ Matrix map[string][]string }
		Steps    []struct{ Uses, Run, Name string }
	}
}

func workflows(t *testing.T) map[string]workflow {
	t.Helper()
	all := map[string]workflow{}
	for _, path := range filesBelow(t, ".github/workflows", func(path string) bool { return filepath.Ext(path) == ".yml" }) {
		var w workflow
		readYAML(t, path, &w)
		all[strings.TrimSuffix(filepath.Base(path), ".yml")] = w
	}
	return all
}

// has reports whether a step of a workflow runs a text.
func (w workflow) has(text string) bool {
	for _, job := range w.Jobs {
		for _, step := range job.Steps {
			if strings.Contains(step.Run, text) {
				return true
			}
		}
	}
	return false
}

func TestWorkflows_DoWhatTheDocumentsSay(t *testing.T) {
	t.Parallel()
	all := workflows(t)
	for name, want := range map[string]struct{ on, run string }{
		"ci": {"pull_request", ".ci/run"}, "weekly": {"schedule", ".ci/run"},
		"contract": {"schedule", "./internal/contract"}, "release": {"push", ".ci/notes"},
	} {
		w, there := all[name]
		if !there {
			t.Errorf("got no workflow %s, want it", name)
			continue
		}
		if _, on := w.On[want.on]; !on || !w.has(want.run) {
			t.Errorf("%s: got neither %s nor %s, want both", name, want.on, want.run)
		}
	}
	if !all["weekly"].has("go get -u") || !all["release"].has(".ci/run") {
		t.Error("got a weekly run without newer dependencies, or a release without the checks, want both")
	}
	for name, w := range all {
		if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" {
			t.Errorf("%s: got the permissions %v, want only that of reading", name, w.Permissions)
		}
		for job, j := range w.Jobs {
			if j.Timeout == 0 {
				t.Errorf("%s: %s: got no timeout, want one", name, job)
			}
		}
	}
}

// The releases that are supported are those of the contract's workflow and of the
// stand-in.
func TestSupported_TableNamesTheReleasesThatAreTested(t *testing.T) {
	t.Parallel()
	release := regexp.MustCompile("^`([0-9.]+)`$")
	var documented []string
	for _, r := range table(t, section(t, read(t, "docs/supported.md"), "## authentik")) {
		if match := release.FindStringSubmatch(r[0]); match != nil {
			documented = append(documented, match[1])
		}
	}
	contract := workflows(t)["contract"].Jobs["contract"]
	same(t, "releases of the workflow", contract.Strategy.Matrix["authentik"], documented)
	standIn := found(t, `Release\d+ +(?:Release )?= "([0-9.]+)"`, sources(t, "internal/authentiktest"))
	for _, r := range documented {
		if !slices.Contains(standIn, r) {
			t.Errorf("got %v in the stand-in, want %s too", standIn, r)
		}
	}
}

func TestRelease_ContainsNoStandIn(t *testing.T) {
	t.Parallel()
	var config struct {
		Version int
		Builds  []struct {
			Main string
			Tags []string
		}
		Sboms     []struct{ Artifacts string }
		Signs     []struct{ Cmd, Artifacts string }
		Checksum  struct{ Algorithm string }
		Source    struct{ Enabled bool }
		Changelog struct{ Disable bool }
		Release   struct{ Draft bool }
	}
	readYAML(t, ".goreleaser.yaml", &config)
	if config.Version != 2 || len(config.Builds) != 1 || len(config.Sboms) != 2 || len(config.Signs) != 1 ||
		config.Signs[0].Artifacts != "checksum" || !config.Source.Enabled || !config.Release.Draft {
		t.Errorf("got %+v, want a build, its source, lists of what is in them, and a signature", config)
	}
	if testing.Short() {
		t.Skip("asks the go command")
	}
	for _, build := range config.Builds {
		list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", strings.Join(build.Tags, ","), build.Main) //nolint:gosec // of this repository
		list.Dir = root
		out, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(out), "caddy-authentik/caddymodule") {
			t.Fatalf("got %s without the gate, want it", build.Main)
		}
		for dep := range strings.Lines(string(out)) {
			if strings.Contains(dep, "/internal/demo") || strings.Contains(dep, "authentiktest") {
				t.Errorf("got %s in a release, want none of the demonstration", dep)
			}
		}
	}
}

// The notes of a release are the section of its version.
func TestNotes_AreThoseOfTheVersion(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("bash is missing")
	}
	notes := func(version string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "bash", ".ci/notes", version)
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := notes("v99.0.0"); err == nil || !strings.Contains(out, "has no section") {
		t.Errorf("a version that is not there: got %v: %s, want an error", err, out)
	}
	changelog := read(t, "CHANGELOG.md")
	for _, match := range regexp.MustCompile(`(?m)^## \[([0-9.]+)\] - (.*)$`).FindAllStringSubmatch(changelog, -1) {
		out, err := notes("v" + match[1])
		if match[2] == "unreleased" {
			if err == nil || !strings.Contains(out, "has no date") {
				t.Errorf("%s, unreleased: got %v, want an error about the date", match[1], err)
			}
			continue
		}
		if err != nil || !strings.Contains(out, "### ") || strings.Contains(out, "\n## ") {
			t.Errorf("%s: got %v: %.200s, want its section", match[1], err, out)
		}
	}
}

// The compose file for the contract starts authentik on the network of the machine.
func TestContract_ComposeFileIsWhatTheContractNeeds(t *testing.T) {
	t.Parallel()
	var compose struct {
		Services map[string]struct {
			Command     string
			NetworkMode string `yaml:"network_mode"`
			Environment map[string]string
			Image       string
		}
	}
	readYAML(t, ".ci/authentik.compose.yaml", &compose)
	for _, name := range []string{"server", "worker"} {
		s := compose.Services[name]
		if s.Command != name || s.NetworkMode != "host" || s.Environment["AUTHENTIK_BOOTSTRAP_TOKEN"] == "" || !strings.Contains(s.Image, "AUTHENTIK_TAG") {
			t.Errorf("%s: got %+v, want it on the network of the machine with the token of the contract", name, s)
		}
	}
}
