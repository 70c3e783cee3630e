package authentiktest

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// index is a list of the archive's contents, for readers who do not
// unpack it.
const index = "recordings/INDEX.md"

var update = flag.Bool("update", false, "write "+index+" from the archive")

func TestRecordings_IndexListsTheArchive(t *testing.T) {
	t.Parallel()
	want := indexOf(recorded(t))
	if *update {
		if err := os.WriteFile(index, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s differs from the archive: run `go test -run Index -update`; got\n%s\nwant\n%s", index, got, want)
	}
}

// indexOf is a table of the scenarios, with the number of requests in each
// release.
func indexOf(all map[string]recording) string {
	scenarios := map[string]map[Release]recording{}
	for _, one := range all {
		if scenarios[one.Name] == nil {
			scenarios[one.Name] = map[Release]recording{}
		}
		scenarios[one.Name][one.Release] = one
	}
	var b strings.Builder
	b.WriteString("# What is in recordings.tar.bz2\n\nOne row a scenario: the number of requests in each release, and what it shows. A test writes this file.\n\n| scenario |")
	for _, release := range Releases() {
		b.WriteString(" " + string(release) + " |")
	}
	b.WriteString(" what it shows |\n|" + strings.Repeat("---|", len(Releases())+2) + "\n")
	for _, name := range slices.Sorted(maps.Keys(scenarios)) {
		b.WriteString(indexRow(name, scenarios[name]))
	}
	return b.String()
}

func indexRow(name string, of map[Release]recording) string {
	row, what := "| "+name+" |", ""
	for _, release := range Releases() {
		one, found := of[release]
		if !found {
			row += " – |"
			continue
		}
		row += fmt.Sprintf(" %d |", len(one.Exchanges))
		what = cmp.Or(what, one.What)
	}
	return row + " " + strings.ReplaceAll(what, "|", `\|`) + " |\n"
}
