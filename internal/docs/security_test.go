package docs

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// namedTest is a test that a document names, as package.TestName.
var namedTest = regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz)[A-Za-z0-9_]+)`")

// TestSecurity_EveryThreatHasATest holds the tables of SECURITY.md to the tests
// that there are.
func TestSecurity_EveryThreatHasATest(t *testing.T) {
	t.Parallel()
	_, tables, found := strings.Cut(read(t, "SECURITY.md"), "## Threats and the tests that hold them")
	if !found {
		t.Fatal("got no section about threats")
	}
	rows := 0
	for line := range strings.Lines(tables) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| threat") || strings.HasPrefix(line, "| fault") {
			continue
		}
		rows++
		names := namedTest.FindAllStringSubmatch(line, -1)
		if len(names) == 0 {
			t.Errorf("got no test in the row %s", line)
		}
		for _, name := range names {
			if !hasTest(t, name[1], name[2]) {
				t.Errorf("%s: got no test %s", name[1], name[2])
			}
		}
	}
	if rows < 60 {
		t.Errorf("got %d rows, want 60 and more", rows)
	}
}

// hasTest reports whether a package has a test, or a fuzz test, of that name.
func hasTest(t *testing.T, pkg, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	declaration := regexp.MustCompile(`(?m)^func ` + name + `\(`)
	for _, file := range files {
		path, err := filepath.Rel(root, file)
		if err != nil {
			t.Fatal(err)
		}
		if declaration.MatchString(read(t, path)) {
			return true
		}
	}
	return false
}
