package docs

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestSidecar_DocumentHasEachConfiguration: the examples are run with real proxies,
// and the document shows them as they are.
func TestSidecar_DocumentHasEachConfiguration(t *testing.T) {
	t.Parallel()
	text, shown := read(t, "docs/sidecar.md"), 0
	for _, path := range filesBelow(t, "examples/sidecar", func(path string) bool { return filepath.Ext(path) != ".md" }) {
		shown++
		if !strings.Contains(text, "\n"+read(t, path)+"```\n") {
			t.Errorf("got another text of %s in docs/sidecar.md, want it unchanged", path)
		}
	}
	if shown < 8 {
		t.Errorf("got %d files, want at least 8", shown)
	}
}
