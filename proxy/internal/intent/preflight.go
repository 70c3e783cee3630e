package intent

import (
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
)

// Preflight reports whether r is the request that a browser sends before a
// script of another origin may send its own (Fetch, CORS-preflight request). It
// is OPTIONS, has an Origin and the method to come, and no body. Browsers send
// no credentials with it, so it cannot have a session. A request whose query
// may tell the application another method does not count.
//
// asked is the address before any rewriting.
func Preflight(r *http.Request, asked *url.URL) bool {
	return r.Method == http.MethodOptions && one(r.Header["Origin"]) && one(r.Header["Access-Control-Request-Method"]) &&
		r.ContentLength == 0 && len(r.TransferEncoding) == 0 && r.Trailer == nil &&
		!overridesMethod(r.URL.RawQuery) && !overridesMethod(asked.RawQuery)
}

// one reports whether a header has exactly one line, and a value.
func one(lines []string) bool { return len(lines) == 1 && strings.TrimSpace(lines[0]) != "" }

// overridesMethod reports whether a query may tell an application another
// method, as _method=DELETE does for WordPress and others. Applications
// separate parameters in different ways, and decode once or several times, so
// every possible reading counts.
func overridesMethod(query string) bool {
	for range 3 {
		if slices.ContainsFunc(strings.FieldsFunc(query, separatesQuery), func(pair string) bool {
			name, _, _ := strings.Cut(pair, "=")
			return namesMethod(name)
		}) {
			return true
		}
		decoded, err := url.QueryUnescape(query)
		if err != nil {
			return true // an application may read it in any way
		}
		query = decoded
	}
	return false
}

func separatesQuery(c rune) bool { return strings.ContainsRune("&;?,", c) }

// namesMethod reports whether a header or parameter of this name can set a
// method: X-HTTP-Method-Override, X-Method, _method and similar names.
func namesMethod(name string) bool { return strings.Contains(strings.ToLower(name), "method") }

// StripCredentials removes headers that identify a client, and headers that
// change the meaning of a request. Browsers never send them with a preflight.
func StripCredentials(h http.Header) {
	for name := range h {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		if slices.Contains(ofCredentials, canonical) ||
			namesMethod(name) && canonical != "Access-Control-Request-Method" {
			delete(h, name)
		}
	}
}

// ofCredentials are headers that identify a client, or change the meaning of a
// request.
var ofCredentials = []string{"Authorization", "Connection", "Cookie", "Http2-Settings", "Proxy-Authorization", "Upgrade"}
