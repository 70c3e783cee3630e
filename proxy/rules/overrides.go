package rules

import (
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// ofMethod are the folded names of headers and parameters from which frameworks
// read another method: WordPress does for every method, most others for POST.
var ofMethod = []string{
	"-method", "x-http-method-override", "x-http-method", "x-method-override", "x-method",
	"http-method-override", "http-method", "method-override", "httpmethod",
}

// ofAddress are the folded names of headers from which frameworks read another
// address. IIS sends them, and Symfony, Zend and Drupal used to trust them from
// any client.
var ofAddress = []string{"x-original-url", "x-rewrite-url", "x-override-url"}

// ofPrefix are the folded names of headers that tell frameworks the prefix of
// their paths. Many applications in Python remove it from the path, whichever
// client sends it.
var ofPrefix = []string{"x-script-name", "script-name", "x-forwarded-prefix", "x-forwarded-path"}

// Prefixes returns the prefixes of the application according to the headers
// X-Script-Name, X-Forwarded-Prefix and similar ones. Each has a slash at its
// beginning and none at its end.
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

// Overridden returns the parts of a request that applications may read
// differently from what was sent, since a header or the query names another
// method or address: X-HTTP-Method-Override, ?_method=DELETE, X-Original-URL. It
// does not read forms in a body. method and sent are those of the request as it
// was sent; rewritten is its address now.
//
// Methods have a case (RFC 9110, 9.1), but many frameworks treat "post" as POST.
// A CONNECT that opens a WebSocket over HTTP/2 or HTTP/3 (RFC 8441, 9220)
// reaches the application as a GET with the headers of an upgrade.
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
// separate parameters in different ways, so a semicolon separates here too.
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
				return true // an application may read it in any way
			}
			name = decoded
		}
		if oneOf(ofMethod, strings.TrimRight(strings.TrimLeft(name, " +"), " +[]"), "method", "override") {
			return true
		}
	}
	return false
}

// oneOf reports whether a name is one of the given ones, with one of these
// ends. Many frameworks replace every character that is not a letter or a
// digit.
func oneOf(all []string, name string, ends ...string) bool {
	return slices.ContainsFunc(ends, func(end string) bool { // for most names this returns without allocating
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
