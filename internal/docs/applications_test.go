package docs

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// applications is the directory with a page for each application.
const applications = "docs/applications"

func applicationPages(t *testing.T) (all []string) {
	t.Helper()
	for _, page := range filesBelow(t, applications, func(path string) bool { return strings.HasSuffix(path, ".md") }) {
		if path.Base(page) != "README.md" {
			all = append(all, page)
		}
	}
	if len(all) < 20 {
		t.Fatalf("got %d pages, want at least 20: %v", len(all), all)
	}
	return all
}

func TestApplications_IndexLinksEveryPage(t *testing.T) {
	t.Parallel()
	index := read(t, applications+"/README.md")
	for _, page := range applicationPages(t) {
		if !strings.Contains(index, "]("+path.Base(page)+")") {
			t.Errorf("%s/README.md: got no link to %s, want one", applications, page)
		}
	}
}

// A recipe that was not tried must not look like one that was.
func TestApplications_EveryPageSaysWhatWasTried(t *testing.T) {
	t.Parallel()
	tried := regexp.MustCompile(`(?is)not tried here; from .*(version|documentation|issues|wiki).*|on 20\d\d-\d\d-\d\d`)
	for _, page := range applicationPages(t) {
		if !tried.MatchString(section(t, read(t, page), "## Tried")) {
			t.Errorf("%s: want a date, or what it is from, under the heading Tried", page)
		}
	}
}

// The pages are copied as they are, so Caddy must load each Caddyfile, and the
// gate must have nothing to say about it. Not parallel: Caddy's log is one for
// the process.
func TestApplications_GateHasNoWarningAboutACaddyfile(t *testing.T) {
	checked := 0
	for _, b := range blocks(t, "caddyfile") {
		if !strings.HasPrefix(b.path, applications+"/") {
			continue
		}
		checked++
		log, err := loaded(t, whole(b.text, topOptions(t)))
		if err != nil {
			t.Errorf("%s: got error %v, want none in\n%s", b.path, err, b.text)
		}
		if len(log) > 0 {
			t.Errorf("%s: got warnings %q, want none, for\n%s", b.path, log, b.text)
		}
	}
	if checked < 20 {
		t.Errorf("got %d Caddyfiles, want at least 20", checked)
	}
}

// onDisk matches what a Caddyfile reads from files that a test does not have.
var onDisk = regexp.MustCompile(`\{file\.[^}]+\}`)

// loaded loads a Caddyfile as "caddy validate" does and returns the warnings of
// the gate.
func loaded(t *testing.T, text string) (warnings []string, err error) {
	t.Helper()
	dir := t.TempDir()
	log, authority := filepath.Join(dir, "log"), filepath.Join(dir, "ca.pem")
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(authority, block, 0o600); err != nil {
		t.Fatal(err)
	}
	text = onDisk.ReplaceAllString(text, "a-secret-of-the-test")
	text = strings.ReplaceAll(text, "/etc/caddy/pve-root-ca.pem", authority)
	text = fmt.Sprintf("{\n\tadmin off\n\tauto_https off\n\tstorage file_system %q\n\tlog {\n\t\toutput file %q\n\t\tlevel WARN\n\t}\n}\n", dir, log) + text
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err != nil {
		return nil, err
	}
	var config caddy.Config
	if err := json.Unmarshal(adapted, &config); err != nil {
		return nil, err
	}
	err = caddy.Validate(&config)
	lines, _ := os.ReadFile(log) //nolint:gosec // in a directory of this test
	for line := range strings.Lines(string(lines)) {
		if strings.Contains(line, `"logger":"http.handlers.authentik`) {
			warnings = append(warnings, line)
		}
	}
	return warnings, err
}
