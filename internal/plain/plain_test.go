package plain

import (
	"errors"
	"strings"
	"testing"
)

func TestLine_ShowsOnlyWhatPrints(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Zürich 会社 🙂":                        "Zürich 会社 🙂",
		"\x1b[31mred\x1b[0m":                 "?[31mred?[0m",
		"\x1b]0;title\x07":                   "?]0;title?",
		"one\ntwo\r\nthree\ttab":             "one?two??three?tab",
		"\u009b31m":                          "?31m",
		"\u202egpj.exe\u202c":                "?gpj.exe?",
		"\u2066a\u2069 \u200f\u200e\u061c":   "?a? ???",
		"line\u2028separator\u2029paragraph": "line?separator?paragraph",
		"\ufeffmark zero\u200bwidth":         "?mark zero?width",
		"half a character \xff\xc3":          "half a character \ufffd\ufffd",
		"":                                   "",
	} {
		if got := Line(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestLine_IsCut(t *testing.T) {
	t.Parallel()
	if got := Line(strings.Repeat("ü", MaxLine)); got != strings.Repeat("ü", MaxLine) {
		t.Errorf("got %d characters, want a line of the largest length whole", len([]rune(got)))
	}
	if got := Line(strings.Repeat("ü", 5*MaxLine)); got != strings.Repeat("ü", MaxLine-1)+"…" {
		t.Errorf("got %d characters, want %d", len([]rune(got)), MaxLine)
	}
	if got := Cut("abcdef", 4); got != "abc…" {
		t.Errorf("got %q, want abc…", got)
	}
}

func TestText_KeepsItsLines(t *testing.T) {
	t.Parallel()
	const text = "one\x1b\ntwo\u202e"
	if got, want := Text(text), "one?\ntwo?"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	cause := errors.New(text)
	err := error(Error{cause})
	if got, want := err.Error(), "one?\ntwo?"; got != want || !errors.Is(err, cause) {
		t.Errorf("got %q, want %q around its cause", got, want)
	}
}
