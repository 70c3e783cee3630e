package headers

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// An Encoding says how the names in a header's value are written. In every
// encoding, two different names look different, one name never looks like a
// list of several, and CR, LF and NUL never occur. The zero value is UTF8.
type Encoding string

// The encodings.
const (
	// UTF8 sends names as they are, in UTF-8. It percent-encodes control
	// characters, blanks at the ends, a separator inside a name, and a percent
	// sign that would make a name look encoded.
	UTF8 Encoding = "utf8"
	// Percent sends printable ASCII as it is, and percent-encodes everything
	// else as UTF-8 (RFC 3986, 2.1).
	Percent Encoding = "percent"
	// Latin1 is UTF8 in ISO 8859-1. Values with other characters are written as
	// with Percent.
	Latin1 Encoding = "latin1"
	// QuotedPrintable is the encoding of RFC 2045, 6.7, in UTF-8 and without line
	// breaks.
	QuotedPrintable Encoding = "quoted-printable"
	// RFC2047 uses the encoded words of RFC 2047, "Q" and UTF-8, for names that
	// need them.
	RFC2047 Encoding = "rfc2047"
)

// Encodings returns the names of all encodings.
func Encodings() []string {
	return []string{string(UTF8), string(Percent), string(Latin1), string(QuotedPrintable), string(RFC2047)}
}

// spellers write one name in a list with a separator. ok is false if the
// encoding cannot represent a character of the name.
var spellers = map[Encoding]func(name, separator string) (spelled string, ok bool){
	"":              spellUTF8,
	UTF8:            spellUTF8,
	Percent:         spellPercent,
	Latin1:          spellLatin1,
	QuotedPrintable: spellQuotedPrintable,
	RFC2047:         spellWords,
}

// join writes names with a separator between them. If the encoding cannot
// represent one of them, the whole value is written as with Percent, so that
// one value never mixes two encodings.
func (e Encoding) join(names []string, separator string) (value string, fellBack bool) {
	spelled := make([]string, len(names))
	for i, name := range names {
		var ok bool
		if spelled[i], ok = spellers[e](name, separator); !ok {
			value, _ = Percent.join(names, separator)
			return value, true
		}
	}
	return strings.Join(spelled, separator), false
}

// Spell returns the value of a header for one name.
func (e Encoding) Spell(name string) string {
	value, _ := e.join([]string{name}, "")
	return value
}

// Join returns the value of a header for a list of names, separated by commas.
func (e Encoding) Join(names []string) string {
	value, _ := e.join(names, ",")
	return value
}

func spellUTF8(name, separator string) (string, bool) {
	return escape(name, '%', func(c rune, rest string) bool {
		return !unicode.IsControl(c) && !strings.ContainsRune(separator, c) && !looksEncoded(rest)
	}), true
}

func looksEncoded(text string) bool {
	return len(text) > 2 && text[0] == '%' && hexadecimal(text[1]) && hexadecimal(text[2])
}

func hexadecimal(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func spellPercent(name, separator string) (string, bool) {
	return escape(name, '%', func(c rune, _ string) bool {
		return printable(c) && c != '%' && !strings.ContainsRune(separator, c)
	}), true
}

func spellQuotedPrintable(name, separator string) (string, bool) {
	return escape(name, '=', func(c rune, _ string) bool {
		return printable(c) && c != '=' && !strings.ContainsRune(separator, c)
	}), true
}

// printable reports whether a character is printable ASCII.
func printable(c rune) bool { return ' ' <= c && c <= '~' }

// spellLatin1 is spellUTF8 with one octet for each character. Escaped
// characters are still in UTF-8.
func spellLatin1(name, separator string) (string, bool) {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, func(c rune) bool { return c > unicode.MaxLatin1 }) {
		return "", false
	}
	spelled, _ := spellUTF8(name, separator)
	octets := make([]byte, 0, len(spelled))
	for _, c := range spelled {
		octets = append(octets, byte(c)) //nolint:gosec // It is at most unicode.MaxLatin1.
	}
	return string(octets), true
}

// escape writes a name, character by character. Some characters become a sign
// and two hexadecimal digits for each octet: blanks at the ends, octets that
// are not UTF-8, and characters that the encoding does not allow. So a server
// that trims values cannot turn one name into another.
func escape(name string, sign byte, stands func(c rune, rest string) bool) string {
	begin := len(name) - len(strings.TrimLeftFunc(name, isBlank))
	end := len(strings.TrimRightFunc(name, isBlank))
	var b strings.Builder
	b.Grow(len(name))
	for i := 0; i < len(name); {
		c, size := utf8.DecodeRuneInString(name[i:])
		valid := c != utf8.RuneError || size > 1
		if valid && begin <= i && i < end && stands(c, name[i:]) {
			b.WriteString(name[i : i+size])
		} else {
			writeOctets(&b, sign, name[i:i+size])
		}
		i += size
	}
	return b.String()
}

func writeOctets(b *strings.Builder, sign byte, octets string) {
	for _, octet := range []byte(octets) {
		fmt.Fprintf(b, "%c%02X", sign, octet)
	}
}

// isBlank reports whether servers and applications may remove a character from
// the ends of a value.
func isBlank(c rune) bool { return unicode.Is(unicode.White_Space, c) || unicode.Is(unicode.Cf, c) }

const (
	wordBegins, wordEnds = "=?utf-8?q?", "?="
	// maxWord is the longest encoded word (RFC 2047, 2).
	maxWord = 75
)

// spellWords leaves a name of printable ASCII as it is, unless a part of it
// would be decoded.
func spellWords(name, separator string) (string, bool) {
	plain := strings.TrimFunc(name, isBlank) == name && !strings.Contains(name, "=?") &&
		!strings.ContainsFunc(name, func(c rune) bool { return !printable(c) || strings.ContainsRune(separator, c) })
	if plain {
		return name, true
	}
	var b strings.Builder
	left := 0 // the remaining length of the current word
	for i := 0; i < len(name); {
		_, size := utf8.DecodeRuneInString(name[i:])
		spelled := spellInWord(name[i : i+size])
		if len(spelled) > left {
			if i > 0 {
				b.WriteString(wordEnds + " ") // a reader drops a blank between two words
			}
			b.WriteString(wordBegins)
			left = maxWord - len(wordBegins) - len(wordEnds)
		}
		b.WriteString(spelled)
		left -= len(spelled)
		i += size
	}
	return b.String() + wordEnds, true
}

// spellInWord spells a character as the strictest place for an encoded word
// allows (RFC 2047, 5).
func spellInWord(c string) string {
	switch {
	case c == " ":
		return "_"
	case len(c) == 1 && strings.Contains("!*+-/", c), len(c) == 1 && rules.FoldOctet(c[0]) != '-':
		return c
	}
	var b strings.Builder
	writeOctets(&b, '=', c)
	return b.String()
}
