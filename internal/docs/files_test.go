package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the repository, seen from this package.
const root = "../.."

// read returns a file of the repository, which must not be empty.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	if len(text) == 0 {
		t.Fatalf("got an empty %s, want its text", path)
	}
	return string(text)
}

// documents returns the paths of all documents: those at the top of the
// repository, and everything written in Markdown below docs and examples.
func documents(t *testing.T) []string {
	t.Helper()
	all := []string{"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"}
	for _, dir := range []string{"docs", "examples"} {
		all = append(all, filesBelow(t, dir, func(path string) bool { return strings.HasSuffix(path, ".md") })...)
	}
	if len(all) < 10 {
		t.Fatalf("got %d documents, want at least 10: %v", len(all), all)
	}
	return all
}

// sources returns the Go code below some directories, tests left out. The
// tables are held to packages as a whole, so that a file may move.
func sources(t *testing.T, dirs ...string) string {
	t.Helper()
	var all strings.Builder
	for _, dir := range dirs {
		for _, path := range filesBelow(t, dir, isSource) {
			all.WriteString(read(t, path))
		}
	}
	if all.Len() == 0 {
		t.Fatalf("got no Go code below %v, want some", dirs)
	}
	return all.String()
}

func isSource(path string) bool {
	return strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && !strings.Contains(path, "testdata")
}

// filesBelow returns the paths of the files below a directory that are wanted.
func filesBelow(t *testing.T, dir string, wanted func(path string) bool) (all []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && wanted(path) {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// found returns what the first group of a pattern matches, sorted and without
// duplicates, and fails if the pattern matches nothing.
func found(t *testing.T, pattern, text string) []string {
	t.Helper()
	var all []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	if len(all) == 0 {
		t.Fatalf("got no file that matches %s, want some", pattern)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// section returns the text between a heading and the next heading.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, after, there := strings.Cut(text, "\n"+heading+"\n")
	if !there {
		t.Fatalf("got no section %q, want it", heading)
	}
	within, _, _ := strings.Cut(after, "\n#")
	return within
}

// A block is a piece of code in a document.
type block struct{ path, language, text string }

// blocks returns all code in the documents that is fenced, by its language.
func blocks(t *testing.T, language string) (all []block) {
	t.Helper()
	fence := regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")
	for _, path := range documents(t) {
		for _, match := range fence.FindAllStringSubmatch(read(t, path), -1) {
			if match[1] == language {
				all = append(all, block{path, match[1], match[2]})
			}
		}
	}
	if len(all) == 0 {
		t.Fatalf("got no block of %s in any document, want some", language)
	}
	return all
}

// prose returns the lines of a document with an empty line for each line that
// is code.
func prose(text string) []string {
	lines := strings.Split(text, "\n")
	code := false
	for i, line := range lines {
		fence := strings.HasPrefix(line, "```")
		if fence {
			code = !code
		}
		if fence || code || strings.HasPrefix(line, "    ") {
			lines[i] = ""
		}
	}
	return lines
}
