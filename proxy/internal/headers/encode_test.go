package headers

import (
	"net/url"
	"strings"
	"testing"
	"unicode"
)

// FuzzEncode holds every value to what a header can carry, and to being read back
// as what it was.
func FuzzEncode(f *testing.F) {
	f.Add("Zoë, O'Brien\n", ",")
	f.Add("100%|", "|")
	f.Fuzz(func(t *testing.T, value, without string) {
		got := encode(value, without)
		if strings.ContainsFunc(got, func(c rune) bool { return c > unicode.MaxASCII || c < ' ' || c == 0x7f }) {
			t.Fatalf("encode(%q): got %q, want what a header can carry", value, got)
		}
		if got != strings.TrimSpace(got) {
			t.Fatalf("encode(%q): got %q, want no blanks at its ends", value, got)
		}
		back, err := url.PathUnescape(got)
		if err != nil || back != strings.ToValidUTF8(value, "\ufffd") && back != string([]rune(value)) {
			t.Fatalf("encode(%q): got %q, which reads as %q (%v), want the value", value, got, back, err)
		}
	})
}

// TestEncode_BlanksAtTheEnds: servers and applications trim values, and read
// " admins" as the name of another group.
func TestEncode_BlanksAtTheEnds(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		" admin ": "%20admin%20", "  a  b  ": "%20%20a  b%20%20", "   ": "%20%20%20", " ": "%20", "": "", "a b": "a b", "\ta": "%09a", "ü ": "%C3%BC%20",
	} {
		if got := encode(value, ","); got != want {
			t.Errorf("encode(%q): got %q, want %q", value, got, want)
		}
	}
	if got, want := joined([]string{"staff", " admins", "a, b "}, ","), "staff,%20admins,a%2C b%20"; got != want {
		t.Errorf("joined: got %q, want %q", got, want)
	}
}
