package index

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func FuzzAnAgentIsShortAndText(f *testing.F) {
	f.Add("Mozilla/5.0")
	f.Add("\x1b[2J\x00\r\n")
	f.Add(strings.Repeat("ü", 300))
	f.Add("\xff\xfe")
	f.Fuzz(func(t *testing.T, agent string) {
		kept := shortened(agent)
		if len(kept) > maxAgent || !utf8.ValidString(kept) || strings.ContainsFunc(kept, func(c rune) bool { return !unicode.IsPrint(c) }) {
			t.Errorf("got %q, want at most %d printable bytes", kept, maxAgent)
		}
	})
}

func TestList_AFullListEndsItsOldest(t *testing.T) {
	t.Parallel()
	var list List
	for i := range MaxPerUser {
		if surplus := list.Enter(Entry{Name: fmt.Sprint(i), Site: fmt.Sprint(i)}, 0); len(surplus) != 0 {
			t.Fatalf("got %d ended at the session %d, want none", len(surplus), i)
		}
	}
	surplus := list.Enter(Entry{Name: "newest", Site: "newest"}, 0)
	if len(surplus) != 1 || surplus[0].Name != "0" {
		t.Errorf("got %v, want the oldest", surplus)
	}
}
