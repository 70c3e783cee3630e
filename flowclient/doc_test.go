package flowclient

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDoc_ListsEveryFile(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 20 {
		t.Fatalf("got %d files, %v", len(files), err)
	}
	for _, file := range files {
		if file != "doc.go" && !strings.HasSuffix(file, "_test.go") && strings.Count(string(doc), " "+file) != 1 {
			t.Errorf("got %s in the map %d times, want once", file, strings.Count(string(doc), " "+file))
		}
	}
	for _, word := range strings.Fields(string(doc)) {
		word = strings.TrimRight(word, ",:")
		if strings.HasSuffix(word, ".go") {
			if _, err := os.Stat(word); err != nil {
				t.Errorf("got %s in the map, which does not exist", word)
			}
		}
	}
}
