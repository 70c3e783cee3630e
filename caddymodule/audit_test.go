package caddymodule

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// auditLines returns the lines of a log that are about an event, each with its
// fields.
func auditLines(t testing.TB, file, event string) (lines []map[string]any) {
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
		if fields["logger"] == "http.handlers.authentik.audit" && (event == "" || fields["event"] == event) {
			lines = append(lines, fields)
		}
	}
	return lines
}

// auditFields are the fields of every line, besides those of Caddy.
var auditFields = []string{"event", "reason", "user", "session", "site", "client_ip", "way", "component", "authentik"}

func TestAudit_HasOneLineForEachEvent(t *testing.T) {
	o := newTerminal(t, oneLine)
	file := t.TempDir() + "/audit"
	log := "admin " + o.api + "\n\tlog audit {\n\t\toutput file " + file + "\n\t\tinclude http.handlers.authentik.audit\n\t}"
	if err := o.try(log, "SITE {\n\tauthentik AUTHENTIK {\n\t\taudit\n\t\ton /admin/* {\n\t\t\trequire group admins\n\t\t}\n\t}\n\treverse_proxy APP\n}\n"); err != nil {
		t.Fatal(err)
	}
	ada, bob := o.browser(), o.browser()
	page := ada.follow(ada.get("/"))
	page = ada.fill(page, "uid_field", "ada")
	page = ada.fill(page, "password", "wrong")
	ada.end(ada.fill(page, "password", "secret"))
	for range 3 { // each is a line: none is left out
		ada.expect(ada.get("/admin/x"), http.StatusForbidden, "not-allowed")
	}
	ada.header.Set("Accept", "application/json")
	ada.expect(ada.get("/admin/x"), http.StatusForbidden, "not-allowed")
	ada.header.Set("Accept", "text/html")
	ada.submit(ada.get("/.authentik/logout"))
	ada.expect(ada.get("/"), http.StatusSeeOther, "") // a missing sign-in is no event
	bob.signIn("/", "bob")
	if out, code, err := o.run("end", "--user", "bob"); code != 0 || err != nil {
		t.Fatalf("got exit code %d, error %v: %s, want success", code, err, out)
	}
	site := "http://" + o.address
	for event, want := range map[string]map[string]string{
		"sign-in":      {"reason": "new", "user": "ada", "site": site, "client_ip": "127.0.0.1", "way": "session"},
		"wrong-answer": {"component": "ak-stage-password", "user": "", "site": site, "client_ip": "127.0.0.1"},
		"refusal":      {"reason": "not-allowed", "user": "ada", "site": site, "client_ip": "127.0.0.1"},
		"sign-out":     {"reason": "signed-out", "user": "ada", "site": site},
		"admin-end":    {"reason": "admin", "user": "bob"},
	} {
		lines := auditLines(t, file, event)
		if n := map[string]int{"sign-in": 2, "refusal": 4}[event]; len(lines) != max(n, 1) {
			t.Errorf("%s: got %d lines, want %d: %v", event, len(lines), max(n, 1), lines)
			continue
		}
		for field, value := range want {
			if got := lines[0][field]; got != value {
				t.Errorf("%s: got %s %v, want %s", event, field, got, value)
			}
		}
	}
	for _, line := range auditLines(t, file, "") {
		for _, field := range auditFields {
			if _, ok := line[field].(string); !ok {
				t.Errorf("got %s %v in %v, want a text", field, line[field], line)
			}
		}
		for field := range line {
			if !slices.Contains(append([]string{"level", "ts", "logger", "msg"}, auditFields...), field) {
				t.Errorf("got the field %s in %v, want only the documented ones", field, line)
			}
		}
		if text, _ := json.Marshal(line); strings.Contains(string(text), "secret") || strings.Contains(string(text), "wrong\"") {
			t.Errorf("got an answer in %s", text)
		}
	}
}

func TestAudit_IsOffByDefault(t *testing.T) {
	s, file := loggedSite(t, "SITE {\n\tauthentik AUTHENTIK\n\treverse_proxy APP\n}\n")
	s.browser().signIn("/", "ada")
	if lines := auditLines(t, file, ""); len(lines) != 0 {
		t.Errorf("got %v, want no line", lines)
	}
}

// submit sends the first form of a page that belongs to no visit.
func (b *browser) submit(page answer) answer {
	b.Helper()
	form := map[string][]string{}
	for _, match := range hidden.FindAllStringSubmatch(page.body, -1) {
		form[match[1]] = []string{match[2]}
	}
	return b.do(http.MethodPost, page.Request.URL.String(), form)
}

// What docs/monitoring.md says about Caddy's own access log.
func TestAccessLog_HasTheUser(t *testing.T) {
	s, file := newSite(t), t.TempDir()+"/access"
	s.load("SITE {\n\tlog {\n\t\toutput file " + file + "\n\t}\n\tlog_append session {http.auth.user.session}\n\tauthentik AUTHENTIK\n\treverse_proxy APP\n}\n")
	b := s.browser()
	b.signIn("/", "ada")
	b.expect(b.get("/page"), http.StatusOK, `user "ada"`)
	text, err := os.ReadFile(file) //nolint:gosec // in a directory of this test
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var fields struct {
			UserID  string `json:"user_id"`
			Session string
			Request struct{ URI string }
		}
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		want := ""
		if fields.Request.URI == "/page" {
			want = "ada"
		}
		if fields.UserID != want || (fields.Session != "") != (want != "") {
			t.Errorf("%s: got user_id %q and session %q, want %q", fields.Request.URI, fields.UserID, fields.Session, want)
		}
	}
	if !strings.Contains(string(text), `"uri":"/page"`) {
		t.Errorf("got no line of the request:\n%s", text)
	}
}
