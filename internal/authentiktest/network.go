package authentiktest

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// dataAddress is the address that a session is bound to.
const dataAddress = "address"

// client is the address of the visitor's browser.
func (v *visit) client() string { return clientOf(v.request) }

func clientOf(r *http.Request) string {
	if forwarded := r.Header.Get("X-Forwarded-For"); forwarded != "" {
		first, _, _ := strings.Cut(forwarded, ",")
		return strings.TrimSpace(first)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// strays reports whether the session is bound to another address than that of
// the request.
func (v *visit) strays() bool {
	address, bound := v.session.data[dataAddress]
	return bound && address != v.client()
}

// evict ends a session that is used from another address and redirects to the
// login, whatever the request is. The framework has not seen the request yet,
// so that most headers are missing.
func (v *visit) evict() *response {
	asked := fullPath(v.request.URL)
	v.signOut()
	next := strings.ReplaceAll(url.QueryEscape(asked), "%2F", "/")
	res := v.moved(v.srv.url("/flows/-/default/authentication/?next=" + next))
	res.bare = http.Header{"Vary": {"Cookie"}}
	return res
}
