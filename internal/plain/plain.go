// Package plain makes texts of other programs and users safe for a terminal, which
// acts on some characters: it could be made to show another text than the one that
// was written, or to run commands.
package plain

import (
	"strings"
	"unicode"
)

// MaxLine is the largest number of characters of a line.
const MaxLine = 1000

// Line returns a text as one line: each character that does not print, such as an
// escape, a line feed or one that turns the direction of writing, is a question
// mark. A line longer than MaxLine is cut.
func Line(text string) string { return Cut(text, MaxLine) }

// Cut is Line with another largest number of characters.
func Cut(text string, most int) string {
	var line strings.Builder
	n := 0
	for _, c := range text {
		if n++; n > most {
			kept := []rune(line.String())
			return string(kept[:most-1]) + "…"
		}
		if !unicode.IsPrint(c) {
			c = '?'
		}
		line.WriteRune(c)
	}
	return line.String()
}

// Text is Line for each line of a text that has several of its own.
func Text(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = Line(lines[i])
	}
	return strings.Join(lines, "\n")
}

// An Error is an error whose text is safe for a terminal.
type Error struct{ Err error }

// Error implements error.
func (e Error) Error() string { return Text(e.Err.Error()) }

// Unwrap returns the error itself.
func (e Error) Unwrap() error { return e.Err }
