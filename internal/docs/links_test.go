package docs

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// link matches the target of a link or picture.
var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestDocument_LinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, from := range documents(t) {
		text := strings.Join(prose(read(t, from)), "\n")
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			checked++
			checkLink(t, from, match[1])
		}
	}
	if checked < 50 {
		t.Errorf("got %d links, want at least 50: does the pattern still find them?", checked)
	}
}

func checkLink(t *testing.T, from, target string) {
	t.Helper()
	if strings.Contains(target, ":") {
		if !strings.HasPrefix(target, "https://") {
			t.Errorf("%s: got the link %s without HTTPS, want HTTPS", from, target)
		}
		return
	}
	file, anchor, anchored := strings.Cut(target, "#")
	to := from
	if file != "" {
		to = path.Join(path.Dir(from), file)
	}
	if _, err := os.Stat(filepath.Join(root, to)); err != nil {
		t.Errorf("%s: got the link %s to nothing, want a file: %v", from, target, err)
		return
	}
	if anchored && !slices.Contains(anchors(read(t, to)), anchor) {
		t.Errorf("%s: got no heading for #%[3]s in %[2]s, want one", from, to, anchor)
	}
}

// anchors returns the names of a document's headings, as GitHub makes them.
func anchors(text string) (all []string) {
	heading := regexp.MustCompile(`^#+ (.*)$`)
	dropped := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	used := map[string]int{}
	for _, line := range prose(text) {
		match := heading.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		name := strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-")
		if n := used[name]; n > 0 {
			all = append(all, name+"-"+strconv.Itoa(n))
		} else {
			all = append(all, name)
		}
		used[name]++
	}
	return all
}

func TestAnchors_AreThoseOfGitHub(t *testing.T) {
	t.Parallel()
	text := "# JSON, and the gate's addresses\n\n```text\n# no heading\n```\n\n## Options of `sessions redis`\n## Again\n## Again\n"
	want := []string{"json-and-the-gates-addresses", "options-of-sessions-redis", "again", "again-1"}
	if got := anchors(text); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
