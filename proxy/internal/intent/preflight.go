package intent

import (
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
)

// Preflight reports whether a request is one that browsers send before a script
// of another origin may send its own (Fetch, CORS-preflight request): OPTIONS with
// an Origin and the method to come, and without a body. Browsers put no
// credentials into it, so that it can have no session. A request whose query may
// tell the application another method does not count as one.
//
// asked is the address before any rewriting.
func Preflight(r *http.Request, asked *url.URL) bool {
	return r.Method == http.MethodOptions && one(r.Header["Origin"]) && one(r.Header["Access-Control-Request-Method"]) &&
		r.ContentLength == 0 && len(r.TransferEncoding) == 0 && r.Trailer == nil &&
		!overridesMethod(r.URL.RawQuery) && !overridesMethod(asked.RawQuery)
}

// one reports whether a header has one line with a value.
func one(lines []string) bool { return len(lines) == 1 && strings.TrimSpace(lines[0]) != "" }

// overridesMethod reports whether a query may tell an application that the method
// is another one, as _method=DELETE does for WordPress and others. Applications
// differ in what separates parameters and how often they decode, and so does
// every reading count.
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
			return true // whatever an application makes of it
		}
		query = decoded
	}
	return false
}

func separatesQuery(c rune) bool { return strings.ContainsRune("&;?,", c) }

// namesMethod reports whether the name of a header or parameter speaks of a
// method: X-HTTP-Method-Override, X-Method, _method and their kin.
func namesMethod(name string) bool { return strings.Contains(strings.ToLower(name), "method") }

// StripCredentials removes what says who a client is, and what turns a request
// into another one. Browsers put none of it into a preflight.
func StripCredentials(h http.Header) {
	for name := range h {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		if slices.Contains(ofCredentials, canonical) ||
			namesMethod(name) && canonical != "Access-Control-Request-Method" {
			delete(h, name)
		}
	}
}

// ofCredentials are headers that say who a client is, or turn a request into
// something else.
var ofCredentials = []string{"Authorization", "Connection", "Cookie", "Http2-Settings", "Proxy-Authorization", "Upgrade"}
