package headers

import (
	"fmt"
	"strings"
)

// joined writes a list so that no name in it can pass for two.
func joined(names []string, separator string) string {
	safe := make([]string, len(names))
	for i, name := range names {
		safe[i] = encode(name, separator)
	}
	return strings.Join(safe, separator)
}

// encode makes a value that any header can carry: what is not printable ASCII,
// the percent sign, blanks at its ends, and what is in without, is percent-encoded
// as UTF-8 (RFC 3986, 2.1). So CR, LF and NUL never pass, a separator inside a name
// cannot make two of it, and a server that trims values cannot turn one name into
// another.
func encode(value, without string) string {
	inner := strings.Trim(value, " ")
	if inner == value && !strings.ContainsFunc(value, func(c rune) bool { return encoded(c, without) }) {
		return value
	}
	begins := strings.Index(value, inner)
	var b strings.Builder
	for i, c := range value {
		if i >= begins && i < begins+len(inner) && !encoded(c, without) {
			b.WriteRune(c)
			continue
		}
		for _, octet := range []byte(string(c)) {
			fmt.Fprintf(&b, "%%%02X", octet)
		}
	}
	return b.String()
}

func encoded(c rune, without string) bool {
	return c < ' ' || c > '~' || c == '%' || strings.ContainsRune(without, c)
}
