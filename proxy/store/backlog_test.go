package store

import (
	"strconv"
	"strings"
	"testing"
)

func TestBacklog_FullOneBecomesTheEmptyName(t *testing.T) {
	t.Parallel()
	b := NewBacklog()
	for i := range cap(b) {
		b.Add(strconv.Itoa(i))
	}
	b.Add("one-too-many")
	b.Add("next")
	if len(b) != 2 {
		t.Fatalf("got %d names, want the empty one and the next", len(b))
	}
	if first, second := <-b, <-b; first != "" || second != "next" {
		t.Errorf("got %q and %q, want the empty name and the next", first, second)
	}
}

func TestValidName_IsShortAndOfFewCharacters(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"":                              false,
		"session-0a9z":                  true,
		strings.Repeat("a", 80):         true,
		strings.Repeat("a", 81):         false,
		"../a":                          false,
		"a/b":                           false,
		"A":                             false,
		"a\x00":                         false,
		"é":                             false,
		".token.":                       false,
		"a_b":                           false,
		"a b":                           false,
		"-":                             true,
		strings.Repeat("a", 40) + "\n-": false,
	} {
		if got := ValidName(text); got != want {
			t.Errorf("ValidName(%q): got %v, want %v", text, got, want)
		}
	}
}
