package rules

import "testing"

func TestSuggest_NamesTheMostSimilarWord(t *testing.T) {
	t.Parallel()
	words := []string{"flow", "lifetime", "application", "url", "page", "key"}
	tests := map[string]string{
		"flwo":         "; did you mean flow?",
		"FLOW":         "; did you mean flow?",
		"lifetme":      "; did you mean lifetime?",
		"life_time":    "; did you mean lifetime?",
		"applikation":  "; did you mean application?",
		"uri":          "; did you mean url?",
		"pgae":         "; did you mean page?",
		"acl":          "",
		"path":         "",
		"deny":         "",
		"xyz":          "",
		"":             "",
		"reverseproxy": "",
	}
	for word, want := range tests {
		if got := Suggest(word, words); got != want {
			t.Errorf("Suggest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestDistance_CountsEdits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"abc", "abc", 0},
		{"abc", "abd", 1},
		{"abc", "acb", 1},
		{"abcd", "bcd", 1},
		{"kitten", "sitting", 3},
		{"ca", "abc", 3},
	}
	for _, tt := range tests {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
