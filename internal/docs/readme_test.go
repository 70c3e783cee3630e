package docs

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestREADME_OpensWithTheTwoCommands(t *testing.T) {
	t.Parallel()
	const want = "# caddy-authentik\n\n    go run ./cmd/caddy authentik demo\n    go test ./...\n"
	if readme := read(t, "README.md"); !strings.HasPrefix(readme, want) {
		t.Errorf("got %.100q, want %q", readme, want)
	}
}

func TestREADME_IsShort(t *testing.T) {
	t.Parallel()
	if n := len(read(t, "README.md")); n > 10_000 {
		t.Errorf("got %d bytes, want at most 10 000: move the rest to docs", n)
	}
}

func TestREADME_LinksEveryPage(t *testing.T) {
	t.Parallel()
	readme := read(t, "README.md")
	for _, path := range filesBelow(t, "docs", func(path string) bool { return filepath.Ext(path) == ".md" }) {
		if (filepath.Dir(path) == applications || filepath.Dir(path) == moving) && filepath.Base(path) != "README.md" {
			continue // the index there links them
		}
		if !strings.Contains(readme, "]("+path+")") {
			t.Errorf("got no link to %s in README.md, want one", path)
		}
	}
}

// The options in the README are some of those in docs/options.md, with the same
// defaults.
func TestREADME_OptionsAreThoseOfTheOptionsPage(t *testing.T) {
	t.Parallel()
	all := map[string]row{}
	for _, r := range table(t, section(t, read(t, "docs/options.md"), "## All options")) {
		if _, several := all[optionOf(r[0])]; !several {
			all[optionOf(r[0])] = r
		}
	}
	rows := table(t, section(t, read(t, "README.md"), "## The options that people use most"))
	if len(rows) != 10 {
		t.Errorf("got %d options, want 10", len(rows))
	}
	for _, r := range rows {
		full, known := all[optionOf(r[0])]
		if !known {
			t.Errorf("got no %s in docs/options.md, want it", r[0])
			continue
		}
		if value := strings.Trim(r[2], "`"); strings.HasPrefix(r[2], "`") && !strings.HasPrefix(full[2], "`"+value+"`") {
			t.Errorf("%s: got default %s, want that of docs/options.md: %s", r[0], r[2], full[2])
		}
	}
}

// Paragraphs are wrapped, so that a change shows what it changes. Tables, code
// and lines of one word, such as an address, cannot be.
func TestDocument_LinesAreWrapped(t *testing.T) {
	t.Parallel()
	for _, path := range documents(t) {
		for i, line := range prose(read(t, path)) {
			if strings.HasPrefix(line, "|") || !strings.Contains(strings.TrimSpace(line), " ") {
				continue
			}
			if n := utf8.RuneCountInString(line); n > 100 {
				t.Errorf("%s:%d: got %d columns, want at most 100", path, i+1, n)
			}
		}
	}
}
