package rules

import "testing"

func TestMatchesAny_StarsStandForAnything(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"staff", "staff", true},
		{"staff", "Staff", false},
		{"staff", "staffing", false},
		{"app-*", "app-wiki", true},
		{"app-*", "app-", true},
		{"app-*", "my app-wiki", false},
		{"*-admins", "wiki-admins", true},
		{"*-admins", "wiki-admins2", false},
		{"a*b*c", "a/x b,y c", true},
		{"a*b*c", "acb", false},
		{"a*a", "a", false},
		{"ab*ba", "aba", false},
		{"*ü*", "Büro", true},
		{"a**b", "ab", true},
		{"[a]", "a", false},
		{"[a]", "[a]", true},
	} {
		for _, patterns := range [][]string{{tt.pattern}, {"another", tt.pattern}, {tt.pattern, "another"}} {
			if got := MatchesAny(patterns, tt.name); got != tt.want {
				t.Errorf("%q of %q: got %t, want %t", patterns, tt.name, got, tt.want)
			}
		}
	}
	if MatchesAny(nil, "") {
		t.Error("no patterns: got a match, want none")
	}
}

func TestGroupPattern_SelectsSomething(t *testing.T) {
	t.Parallel()
	checkAll(t, GroupPattern, map[string]bool{"staff": true, "app-*": true, "a b": true, "": false, "*": false, "**": false, " ": false})
}
