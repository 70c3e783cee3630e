package rules

import (
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// ofMethod are the names of headers and parameters that frameworks read another
// method from, folded: WordPress does for every method, most others for POST.
var ofMethod = []string{
	"-method", "x-http-method-override", "x-http-method", "x-method-override", "x-method",
	"http-method-override", "http-method", "method-override", "httpmethod",
}

// ofAddress are the names of headers that frameworks read another address from,
// folded: IIS sends them, and Symfony, Zend and Drupal did believe any client.
var ofAddress = []string{"x-original-url", "x-rewrite-url", "x-override-url"}

// ofPrefix are the names of headers by which frameworks are told the prefix of their
// paths, folded. Many applications in Python take it off the path, whichever client sends it.
var ofPrefix = []string{"x-script-name", "script-name", "x-forwarded-prefix", "x-forwarded-path"}

// Prefixes returns the prefixes that headers say an application has, with a slash at
// their beginning and none at their end: X-Script-Name, X-Forwarded-Prefix.
func Prefixes(h http.Header) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name, lines := range h {
			if len(name) > len("x-forwarded-prefix") || !oneOf(ofPrefix, name, "name", "prefix", "path") {
				continue
			}
			for prefix := range strings.SplitSeq(strings.Join(lines, ","), ",") {
				if prefix = strings.Trim(prefix, "/ \t"); prefix != "" && !yield("/"+prefix) {
					return
				}
			}
		}
	}
}

// Overridden returns the parts of a request that applications may read otherwise
// than they were sent, since a header or the query names another method or address:
// X-HTTP-Method-Override, ?_method=DELETE, X-Original-URL. It does not look at forms
// in a body. Methods have a case (RFC 9110, 9.1), which many frameworks ignore: they
// take "post" for POST. A CONNECT that opens a WebSocket over HTTP/2 or HTTP/3 (RFC 8441,
// 9220) reaches the application as a GET with the headers of an upgrade. method and
// sent are of the request as it was sent, rewritten is its address now.
func Overridden(method string, h http.Header, sent, rewritten *url.URL) (parts Part) {
	switch method {
	case http.MethodConnect:
		parts |= PartMethod | PartUpgrade
	case strings.ToUpper(method):
	default:
		parts |= PartMethod
	}
	for name, lines := range h {
		if len(name) > len("x-http-method-override") {
			continue
		}
		switch {
		case oneOf(ofMethod, name, "method", "override"):
			if len(lines) != 1 || !strings.EqualFold(strings.TrimSpace(lines[0]), method) {
				parts |= PartMethod
			}
		case oneOf(ofAddress, name, "url"):
			if len(lines) != 1 || withoutOrigin(lines[0]) != sent.RequestURI() {
				parts |= PartURI
			}
		}
	}
	if namesMethod(sent.RawQuery) || namesMethod(rewritten.RawQuery) {
		parts |= PartMethod
	}
	return parts
}

// withoutOrigin returns an address without its scheme and host, which some proxies
// add.
func withoutOrigin(address string) string {
	for _, scheme := range []string{"http://", "https://"} {
		if rest, found := strings.CutPrefix(address, scheme); found {
			return rest[max(0, strings.IndexByte(rest, '/')):]
		}
	}
	return address
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
		if oneOf(ofMethod, strings.TrimRight(strings.TrimLeft(name, " +"), " +[]"), "method", "override") {
			return true
		}
	}
	return false
}

// oneOf reports whether a name is one of those, which have one of these ends. Many
// frameworks replace what is neither a letter nor a digit.
func oneOf(all []string, name string, ends ...string) bool {
	return slices.ContainsFunc(ends, func(end string) bool { // false for most names, without allocating
		return len(name) >= len(end) && strings.EqualFold(name[len(name)-len(end):], end)
	}) && slices.Contains(all, strings.Map(FoldOctet[rune], name))
}

// FoldOctet returns an octet, or a character, of a name in the way of servers that make
// a variable of the environment of a header: letters without their case, digits, and a
// hyphen for everything else.
func FoldOctet[C byte | rune](c C) C {
	switch {
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		return c
	default:
		return '-'
	}
}
