package rules

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A Part is a part of a request, or a set of such parts: its address, its
// method, or its headers for an upgrade to another protocol.
type Part uint8

// The parts of a request.
const (
	PartPath    Part = 1 << iota // the decoded path
	PartEscapes                  // which characters of the path are escaped
	PartQuery
	PartHost
	PartMethod
	PartUpgrade // the headers that open a WebSocket
	PartCase    // upper and lower case of the path and the host
	PartNotCase // the same, for a matcher that is negated
	PartURI     = PartPath | PartEscapes | PartQuery
	PartAnyCase = PartCase | PartNotCase
	AllParts    = PartURI | PartHost | PartMethod | PartUpgrade | PartAnyCase
)

// Ambiguous returns the parts of an address that servers read in different
// ways. A rule that leaves requests open cannot rely on these parts: Tomcat
// drops `;a=1` from a segment, Windows reads a backslash as a slash, PHP
// collapses `//`, and some applications decode twice. Upper and lower case are
// never among them: most addresses would be ambiguous then.
//
// It allocates only if the path has characters outside ASCII.
func Ambiguous(u *url.URL, host string) (parts Part) {
	if ambiguousPath(u.Path) {
		parts |= PartPath | PartEscapes
	}
	parts |= ambiguousEscapes(u)
	if ambiguousQuery(u.RawQuery) {
		parts |= PartQuery
	}
	if ambiguousHost(host) {
		parts |= PartHost
	}
	return parts
}

// AmbiguousPath reports whether servers read the path of an address in
// different ways. See [Ambiguous].
func AmbiguousPath(u *url.URL) bool {
	return ambiguousPath(u.Path) || ambiguousEscapes(u)&PartPath != 0
}

// ambiguousPath reports whether some server reads a decoded path as another
// path.
func ambiguousPath(path string) bool {
	if path == "" || path[0] != '/' {
		return true // "*", and the target of CONNECT or of "x:y"
	}
	ascii := true
	for i := range len(path) {
		switch c := path[i]; {
		case c >= utf8.RuneSelf:
			ascii = false
		case c < ' ', c == 0x7f:
			return true // NUL ends a text in C, and browsers remove tabs and line breaks
		case strings.IndexByte(`\;%?#`, c) >= 0:
			return true
		case c == '/' && i > 0 && endsAmbiguously(path[:i]):
			return true
		case c == ':' && strings.HasPrefix(path[i:], ":$"):
			return true // a stream of a file on Windows, as in /x::$DATA
		}
	}
	return endsAmbiguously(path) && path[len(path)-1] != '/' || !ascii && hasCompatibleForm(path)
}

// endsAmbiguously reports whether the last segment of a path is empty, or ends
// with a dot or a blank: dot segments are resolved, and Windows ignores dots and
// blanks at the end of a name.
func endsAmbiguously(path string) bool {
	return strings.IndexByte("/. ", path[len(path)-1]) >= 0
}

// hasCompatibleForm reports whether a path is not valid UTF-8 (such as an
// overlong encoding), or has a character with a compatible form in ASCII
// (NFKC), such as the fullwidth form of a slash.
func hasCompatibleForm(path string) bool {
	for i, r := range path {
		if r < utf8.RuneSelf {
			continue
		}
		size := utf8.RuneLen(r)
		if r == utf8.RuneError && !strings.HasPrefix(path[i:], "\uFFFD") {
			return true
		}
		for _, c := range norm.NFKC.Bytes([]byte(path[i : i+size])) {
			if c < utf8.RuneSelf {
				return true
			}
		}
	}
	return false
}

// ambiguousEscapes checks the path in its escaped form. Some servers treat an
// escaped slash as a slash, and applications that do not decode see another
// path if a letter is escaped without need.
func ambiguousEscapes(u *url.URL) (parts Part) {
	raw := u.RawPath
	if raw == "" { // the path is escaped as Go escapes it
		if strings.ContainsAny(u.Path, "!'()*") {
			return PartEscapes
		}
		return 0
	}
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '%' && i+2 < len(raw) && hexadecimal(raw[i+1]) && hexadecimal(raw[i+2]):
			parts |= ambiguousEscape(raw[i+1], raw[i+2])
			i += 2
		case c != '/' && !mayStandUnescaped(c):
			parts |= PartEscapes
		}
	}
	return parts
}

// ambiguousEscape checks one escape with two hexadecimal digits.
func ambiguousEscape(high, low byte) Part {
	switch c := unhex(high)<<4 | unhex(low); {
	case c == '/', unreserved(c):
		return PartPath | PartEscapes
	case mayStandUnescaped(c), high >= 'a', low >= 'a':
		return PartEscapes
	default:
		return 0
	}
}

// maxNames is the maximum number of parameters in a query. A query with more
// counts as ambiguous.
const maxNames = 64

// ambiguousQuery reports whether a query is more than a list of different plain
// names, each with a value. For example, PHP takes the last of several values
// and others the first, PHP reads `a.b`, `a b` and `a[b` as `a_b`, and some
// servers separate at semicolons.
func ambiguousQuery(query string) bool {
	if query == "" {
		return false
	}
	var names [maxNames]string
	count := 0
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if count == maxNames || !plainName(name) || !plainValue(value) || slices.Contains(names[:count], name) {
			return true
		}
		names[count] = name
		count++
	}
	return false
}

func plainName(name string) bool {
	for i := range len(name) {
		if c := name[i]; c == '.' || !unreserved(c) {
			return false
		}
	}
	return name != ""
}

// plainValue reports whether a value has no semicolon, which separates
// parameters for some servers, and no escape that is malformed or means NUL.
func plainValue(value string) bool {
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '%' && (i+2 >= len(value) || !hexadecimal(value[i+1]) || !hexadecimal(value[i+2]) || value[i+1:i+3] == "00"):
			return false
		case c == ';', c < ' ', c == 0x7f:
			return false
		}
	}
	return true
}

// ambiguousHost reports whether a host is more than a name or an address, with
// or without a port. A name with a dot at the end is the same host for some
// servers and another one for others.
func ambiguousHost(host string) bool {
	name := host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name = host[:i]
	}
	for i := range len(host) {
		if c := host[i]; c == '~' || !unreserved(c) && strings.IndexByte(":[]", c) < 0 {
			return true
		}
	}
	return name == "" || name[len(name)-1] == '.'
}

// unreserved reports whether a character is unreserved (RFC 3986, 2.3): it
// means the same with and without an escape.
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// mayStandUnescaped reports whether a character needs no escape in a path
// (RFC 3986, 3.3).
func mayStandUnescaped(c byte) bool {
	return unreserved(c) || strings.IndexByte("!$&'()*+,;=:@", c) >= 0
}

func hexadecimal(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	default:
		return c - '0'
	}
}
