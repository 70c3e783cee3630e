package contract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFill_ReplacesWholeLinesOfTheContext(t *testing.T) {
	t.Parallel()
	const file = "metadata:\n  name: stays\ncontext:\n  # host: a comment\n  host: app.example.com # the site\n  name_of: x\n  name:\n\nentries:\n  - model: m\n  name: stays\n"
	got, err := Fill([]byte(file), map[string]any{"host": "a.b", "name": `It's "x": $1`})
	if err != nil {
		t.Fatal(err)
	}
	want := "metadata:\n  name: stays\ncontext:\n  # host: a comment\n  host: \"a.b\"\n  name_of: x\n  name: \"It's \\\"x\\\": $1\"\n\nentries:\n  - model: m\n  name: stays\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

func TestFill_MissingOrAmbiguousLineIsAnError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file  string
		value any
		says  string
	}{
		{"context:\n  host: x\n", "y", "no context"},
		{"context:\n  hosts: x\nentries:\n  host: x\n", "y", "0 lines for host"},
		{"context:\n  host: x\n  host: x\nentries:\n", "y", "2 lines for host"},
		{"context:\n  host: x\nentries:\n", func() {}, "host: "},
	} {
		if _, err := Fill([]byte(c.file), map[string]any{"host": c.value}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: got error %v, want one with %q", c.file, err, c.says)
		}
	}
}
