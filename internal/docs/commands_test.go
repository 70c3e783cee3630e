package docs

import (
	"regexp"
	"strings"
	"testing"
)

// goCommand matches a command, with the benchmarks that it runs, and the
// package or tree of packages that it names.
var goCommand = regexp.MustCompile(`go (?:test|run)(?: -bench '?([A-Za-z|.]+)'?)? (\./[a-z/]+)(/\.\.\.)?`)

func TestDocument_CommandsNameWhatExists(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, path := range documents(t) {
		for _, match := range goCommand.FindAllStringSubmatch(read(t, path), -1) {
			checked++
			checkCommand(t, path, match[0], match[1], match[2])
		}
	}
	if checked < 5 {
		t.Errorf("got %d commands, want at least 5: does the pattern still find them?", checked)
	}
}

func checkCommand(t *testing.T, path, command, benchmarks, dir string) {
	t.Helper()
	var tests strings.Builder
	for _, file := range filesBelow(t, strings.Trim(dir, "./"), func(path string) bool { return strings.HasSuffix(path, ".go") }) {
		tests.WriteString(read(t, file))
	}
	if tests.Len() == 0 {
		t.Errorf("%s: %s: got no Go files, want some", path, command)
	}
	for name := range strings.SplitSeq(strings.Trim(benchmarks, "."), "|") {
		if name != "" && !strings.Contains(tests.String(), "func Benchmark"+name) {
			t.Errorf("%s: %s: got no Benchmark%s, want it", path, command, name)
		}
	}
}
