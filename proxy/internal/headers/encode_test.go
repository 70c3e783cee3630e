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
		back, err := url.PathUnescape(got)
		if err != nil || back != strings.ToValidUTF8(value, "\ufffd") && back != string([]rune(value)) {
			t.Fatalf("encode(%q): got %q, which reads as %q (%v), want the value", value, got, back, err)
		}
	})
}
