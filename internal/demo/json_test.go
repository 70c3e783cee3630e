package demo

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestJSON_ExampleOfTheDocumentsSignsIn runs the example word for word.
func TestJSON_ExampleOfTheDocumentsSignsIn(t *testing.T) {
	for _, program := range []string{"sh", "curl", "jq"} {
		if _, err := exec.LookPath(program); err != nil && os.Getenv("CI") != "" {
			t.Fatalf("got error %v, want the program in CI", err)
		} else if err != nil {
			t.Skip(err)
		}
	}
	page, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)## Sign-in in JSON\n.*?```sh\n(.*?)```").FindSubmatch(page)
	if example == nil {
		t.Fatal("got no example, want one")
	}
	r, home := started(t, "localhost:0")
	script := strings.Replace(string(example[1]), "site=http://localhost:8080\n", "site=http://"+r.gate+"\n", 1)
	if !strings.Contains(script, r.gate) {
		t.Fatalf("got an example for another site, want the demonstration:\n%s", script)
	}
	command := exec.CommandContext(t.Context(), "sh", "-e", "-c", script) //nolint:gosec // It is what docs/json.md says.
	command.Dir = home
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("got error %v, want none: %s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 3 || lines[0] != `{"done":true,"to":"/"}` || !strings.Contains(lines[1], `"user":"demo"`) || lines[2] != `{"done":true}` {
		t.Errorf("got\n%s\nwant the sign-in, the user and the sign-out", out)
	}
	if _, err := os.Stat(home + "/jar"); err != nil {
		t.Errorf("got error %v, want the cookies where docs/json.md says", err)
	}
}
