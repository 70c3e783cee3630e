package store

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestBacklog_FullOneBecomesTheEmptyName(t *testing.T) {
	t.Parallel()
	b := NewBacklog()
	for i := range MaxBacklog {
		b.Add(strconv.Itoa(i))
	}
	b.Add("one-too-many")
	b.Add("next")
	if got := b.Take(); !slices.Equal(got, []string{"", "next"}) {
		t.Errorf("got %d names, want the empty one and the next: %q", len(got), got)
	}
}

func TestBacklog_NamesComeInTheirOrderAfterOneSignal(t *testing.T) {
	t.Parallel()
	b := NewBacklog()
	want := []string{"a", "b", "c"}
	for _, name := range want {
		b.Add(name)
	}
	<-b.Added()
	if got := b.Take(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	b.Add("d")
	<-b.Added()
	if got := b.Take(); !slices.Equal(got, []string{"d"}) {
		t.Errorf("got %q, want only d", got)
	}
}

// TestBacklog_EmptyOneKeepsNoRoom: each gate has one, and a reload makes as many
// as there are gates.
func TestBacklog_EmptyOneKeepsNoRoom(t *testing.T) {
	t.Parallel()
	b := NewBacklog()
	for range 2 {
		if got := cap(b.names); got > 0 {
			t.Errorf("got room for %d names in an empty queue, want none", got)
		}
		b.Add("a")
		b.Take()
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
