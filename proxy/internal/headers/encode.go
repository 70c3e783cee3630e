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
// the percent sign, and what is in without, is percent-encoded as UTF-8 (RFC
// 3986, 2.1). So CR, LF and NUL never pass, and a separator inside a name cannot
// make two of it.
func encode(value, without string) string {
	if !strings.ContainsFunc(value, func(c rune) bool { return encoded(c, without) }) {
		return value
	}
	var b strings.Builder
	for _, c := range value {
		if !encoded(c, without) {
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
