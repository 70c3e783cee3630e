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
			t.Fatalf("CI is not to go without this test: %v", err)
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
		t.Fatal("there is no example")
	}
	r, home := started(t, "localhost:0")
	script := strings.Replace(string(example[1]), "site=http://localhost:8080\n", "site=http://"+r.gate+"\n", 1)
	if !strings.Contains(script, r.gate) {
		t.Fatalf("the example is not for the demonstration:\n%s", script)
	}
	command := exec.CommandContext(t.Context(), "sh", "-e", "-c", script) //nolint:gosec // It is what docs/json.md says.
	command.Dir = home
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 3 || lines[0] != `{"done":true,"to":"/"}` || !strings.Contains(lines[1], `"user":"demo"`) || lines[2] != `{"done":true}` {
		t.Errorf("it prints:\n%s", out)
	}
	if _, err := os.Stat(home + "/jar"); err != nil {
		t.Errorf("the cookies are not where docs/json.md asks: %v", err)
	}
}
