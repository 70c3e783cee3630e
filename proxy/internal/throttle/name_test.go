package throttle

import "testing"

func TestName_IsComparedAsAuthentikComparesIt(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"jane", "JANE", " Jane\t", "\u00a0jane", "\u3000jane", "jane\x1c", "\x1fjane"},
		{"jill", "J\u0131LL", "j\u0131ll"}, // Postgres writes a dotless i as I in upper case
		{"kim", "\u212aim"},                // the sign for Kelvin
		{"sue", "\u017fue"},                // a long s
		{"gross", "gro\u00df", "GRO\u1e9e"},
	} {
		for _, name := range same {
			if got, want := canonical(name), canonical(same[0]); got != want {
				t.Errorf("canonical(%q): got %q, want %q", name, got, want)
			}
		}
	}
	if canonical("jane") == canonical("jan") || canonical(" \t") != "" {
		t.Error("different names: got one, want two")
	}
}
