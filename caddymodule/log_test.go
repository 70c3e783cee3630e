package caddymodule

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// loggedSite is a site whose log a test reads.
func loggedSite(t *testing.T, text string) (*site, string) {
	t.Helper()
	s := newSite(t)
	file := filepath.Join(t.TempDir(), "log")
	if err := s.try("log gate {\n\t\toutput file "+file+"\n\t\tinclude http.handlers.authentik\n\t}", text); err != nil {
		t.Fatal(err)
	}
	return s, file
}

// linesAbout returns the lines of a log with a code.
func linesAbout(t testing.TB, file, code string) (lines []map[string]any) {
	t.Helper()
	text, err := os.ReadFile(file) //nolint:gosec // in a directory of this test
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("got %q, want a line of JSON: %v", line, err)
		}
		if fields["code"] == code {
			lines = append(lines, fields)
		}
	}
	return lines
}

func TestLog_OfAFailureIsOneLineWithTheRemedy(t *testing.T) {
	s, file := loggedSite(t, "SITE {\n\tauthentik AUTHENTIK {\n\t\tflow main\n\t\tapplication wiki\n\t}\n\treverse_proxy APP\n}\n")
	s.standIn.Close()
	b := s.browser()
	b.expect(b.get("/.authentik/login"), http.StatusServiceUnavailable, "authentik-unreachable")
	lines := linesAbout(t, file, "authentik-unreachable")
	if len(lines) != 1 {
		t.Fatalf("got %d lines, want 1: %v", len(lines), lines)
	}
	for field, want := range map[string]string{
		"msg": "refused", "level": "error", "site": "http://" + s.address, "client_ip": "127.0.0.1",
		"authentik": s.standIn.URL, "flow": "main", "application": "wiki",
	} {
		if got := lines[0][field]; got != want {
			t.Errorf("got %s %v, want %s", field, got, want)
		}
	}
	if remedy, _ := lines[0]["remedy"].(string); !strings.Contains(remedy, "check that Caddy reaches authentik") {
		t.Errorf("got the remedy %q, want what to do", remedy)
	}
	for field, value := range lines[0] {
		if text, _ := value.(string); value == nil || field == "stacktrace" || field == "stack" || strings.Contains(text, "\n") {
			t.Errorf("got %s %v, want no stack frames and nothing that is null", field, value)
		}
	}
}

func TestLog_OfAProblemIsALineAndACount(t *testing.T) {
	s, file := loggedSite(t, oneLine)
	b := s.browser()
	for range 50 {
		b.expect(b.get("/.authentik/nothing"), http.StatusNotFound, "")
	}
	s.load(oneLine + "\n# another configuration\n") // which ends the first and its counts
	lines := linesAbout(t, file, "not-found")
	total := 0
	for _, line := range lines {
		repeated, counted := line["repeated"].(float64)
		if !counted {
			repeated = 1
		}
		total += int(repeated)
	}
	if len(lines) < 2 || len(lines) > 20 || total != 50 {
		t.Errorf("got %d lines about %d requests, want a line and counts about 50", len(lines), total)
	}
}

func TestLog_HasNoNullError(t *testing.T) {
	s, file := loggedSite(t, "SITE {\n\tauthentik AUTHENTIK {\n\t\trequire group admins\n\t}\n\treverse_proxy APP\n}\n")
	b := s.browser()
	b.expect(b.signIn("/", "bob"), http.StatusForbidden, "not-allowed")
	lines := linesAbout(t, file, "not-allowed")
	if len(lines) == 0 {
		t.Fatal("got no line, want one about the refusal")
	}
	for _, line := range lines {
		if value, has := line["error"]; has && value == nil {
			t.Errorf("got %v, want no error that is null", line)
		}
		if line["remedy"] == nil || line["site"] == nil {
			t.Errorf("got %v, want a site and a remedy", line)
		}
	}
}

// TestLog_WarnsOfAnAddressThatBrowsersCannotOpen: pages link to authentik where its
// own are needed.
func TestLog_WarnsOfAnAddressThatBrowsersCannotOpen(t *testing.T) {
	for options, warned := range map[string]bool{
		"": false, "site https://app.example.com": true, "site https://app.example.com\n\t\tpublic_url https://auth.example.com": false,
	} {
		_, file := loggedSite(t, "SITE {\n\tauthentik AUTHENTIK {\n\t\t"+options+"\n\t}\n\treverse_proxy APP\n}\n")
		text, err := os.ReadFile(file) //nolint:gosec // in a directory of this test
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if got := strings.Contains(string(text), `"public_url: not set`); got != warned {
			t.Errorf("%q: got a warning %t, want %t:\n%s", options, got, warned, text)
		}
	}
}
