package page

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden pages anew")

// made are challenges of our own making, by name: together they are drawn with
// every template, and with everything that a template may have to draw. The pages of the gallery
// (proxy/internal/gallery) are the same.
func handmade(t testing.TB) map[string]flowclient.Challenge {
	t.Helper()
	files, err := filepath.Glob("testdata/made/*.json")
	if err != nil || len(files) < 30 {
		t.Fatal(len(files), err)
	}
	all := map[string]flowclient.Challenge{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".json")] = decode(t, raw)
	}
	return all
}

// madeQuestion is the question of a challenge that no recording has. Those
// about keys stand where keys can be used.
func handmadeQuestion(t testing.TB, name string) Question {
	t.Helper()
	q := questionOf(handmade(t)[name])
	if strings.HasPrefix(name, "key") {
		q.Step.Root, q.Origin = "https://localhost/", "https://localhost"
	}
	return q
}

// TestPage_Golden compares whole pages with those that were looked at:
//
//	go test ./proxy/internal/page -run GoldenPages -update
func TestPage_Golden(t *testing.T) {
	t.Parallel()
	for name := range handmade(t) {
		page := ask(t, handmadeQuestion(t, name), nil).Body.Bytes()
		checkPage(t, string(page))
		file := filepath.Join("testdata", "pages", name+".html")
		if *update {
			if err := os.WriteFile(file, []byte(unmarked(string(page))), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(unmarked(string(want)), unmarked(string(page))); diff != "" {
			t.Errorf("%s: page (-want +got):\n%s", name, diff)
		}
	}
}

// marks are the hashes of files, which have a separate test.
var marks = regexp.MustCompile(`\?v=[-_A-Za-z0-9]+"`)

// unmarked takes out the marks of files, and the end of lines that some file systems change.
func unmarked(page string) string {
	return strings.ReplaceAll(marks.ReplaceAllString(page, `"`), "\r\n", "\n")
}
