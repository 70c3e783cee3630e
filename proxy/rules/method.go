package rules

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// overrides are the names of headers and parameters that frameworks read another
// method from, folded: WordPress does for every method, most others for POST.
var overrides = []string{
	"-method", "x-http-method-override", "x-http-method", "x-method-override", "x-method",
	"http-method-override", "http-method", "method-override", "httpmethod",
}

// AmbiguousMethod reports whether applications may read another method from the
// header or the query of a request than it has, as with X-HTTP-Method-Override or
// ?_method=DELETE. It does not look at forms in a body.
func AmbiguousMethod(method string, h http.Header, addresses ...*url.URL) bool {
	for name, lines := range h {
		if overridesMethod(name) && (len(lines) != 1 || !strings.EqualFold(strings.TrimSpace(lines[0]), method)) {
			return true
		}
	}
	return slices.ContainsFunc(addresses, func(u *url.URL) bool { return namesMethod(u.RawQuery) })
}

// namesMethod reports whether a query may name another method. Applications
// differ in what separates parameters, so a semicolon does, too.
func namesMethod(query string) bool {
	for query != "" {
		var pair string
		if i := strings.IndexAny(query, "&;"); i >= 0 {
			pair, query = query[:i], query[i+1:]
		} else {
			pair, query = query, ""
		}
		name, _, _ := strings.Cut(pair, "=")
		if strings.Contains(name, "%") {
			decoded, err := url.QueryUnescape(name)
			if err != nil {
				return true // whatever an application makes of it
			}
			name = decoded
		}
		if overridesMethod(name) {
			return true
		}
	}
	return false
}

// overridesMethod reports whether a name is one that frameworks read a method
// from. Many replace what is neither a letter nor a digit.
func overridesMethod(name string) bool {
	name = strings.TrimRight(strings.TrimLeft(name, " +"), " +[]")
	if len(name) > len("x-http-method-override") || !endsFolded(name, "method") && !endsFolded(name, "override") {
		return false // most names, without allocating
	}
	return slices.Contains(overrides, strings.Map(foldName, name))
}

func endsFolded(name, end string) bool {
	return len(name) >= len(end) && strings.EqualFold(name[len(name)-len(end):], end)
}

func foldName(c rune) rune {
	switch {
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		return c
	default:
		return '-'
	}
}
