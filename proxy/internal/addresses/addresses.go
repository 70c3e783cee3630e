// Package addresses answers the addresses of a gate itself, which lie below its
// prefix, by a table of handlers.
package addresses

import (
	"net/http"
	"path"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/pictures"
)

// A Route answers one address, by method: a method without a function is not
// allowed. HEAD is answered as GET.
type Route struct{ Get, Post func(*exchange.Exchange) }

// of returns what answers a method.
func (r Route) of(method string) (answer func(*exchange.Exchange), allowed bool) {
	switch method {
	case http.MethodGet, http.MethodHead:
		answer = r.Get
	case http.MethodPost:
		answer = r.Post
	}
	return answer, answer != nil
}

// Directed refuses requests at a host that authentik must not be told.
func Directed(answer func(*exchange.Exchange)) func(*exchange.Exchange) {
	return func(x *exchange.Exchange) {
		if x.Misdirected() {
			x.Fail(fault.New(fault.HostUnknown, nil), "/")
			return
		}
		answer(x)
	}
}

// Addresses are those of one gate. They are safe for concurrent use.
type Addresses struct {
	shared   *exchange.Shared
	pictures *pictures.Pictures
	forgery  *http.CrossOriginProtection
	routes   map[string]Route
}

// The paths below which the gate has files.
const (
	assetsPath = "/assets/"
	brandPath  = "/brand/"
)

// New returns the addresses of a gate: routes by their path below the prefix, to
// which it adds the assets and pictures of its pages. A POST is answered only if it
// does not come from another site, as forgery says; a route whose handler checks
// that itself is not for this table.
func New(shared *exchange.Shared, pictures *pictures.Pictures, forgery *http.CrossOriginProtection, routes map[string]Route) *Addresses {
	routes[assetsPath] = Route{Get: func(x *exchange.Exchange) { shared.Pages.Assets().ServeHTTP(x.W, x.Asked()) }}
	routes[brandPath] = Route{Get: func(x *exchange.Exchange) { pictures.ServeHTTP(x.W, x.Asked()) }}
	return &Addresses{shared, pictures, forgery, routes}
}

// route returns the handler of a path below the prefix.
func (a *Addresses) route(path string) (found Route, ok bool) {
	if found, ok = a.routes[path]; ok && !strings.HasSuffix(path, "/") {
		return found, true
	}
	if i := strings.IndexByte(strings.TrimPrefix(path, "/"), '/'); i >= 0 && len(path) > i+2 {
		found, ok = a.routes[path[:i+2]]
		return found, ok
	}
	return Route{}, false
}

// Has reports whether the gate answers a path below its prefix: whether it has
// such an address, and knows the asset or picture.
func (a *Addresses) Has(below string, x *exchange.Exchange) bool {
	_, ok := a.route(below)
	switch {
	case strings.HasPrefix(below, assetsPath):
		return ok && a.shared.Pages.Assets().Has(path.Base(below), x.At.Asked.Query().Get("v"))
	case strings.HasPrefix(below, brandPath):
		return ok && a.pictures.Has(path.Base(below))
	default:
		return ok
	}
}

// Serve answers the gate's own addresses. A request for any other path below
// the prefix never reaches the application.
func (a *Addresses) Serve(x *exchange.Exchange) {
	found, ok := a.route(x.At.Asked.Path[len(a.shared.Prefix):])
	if !ok {
		x.Fail(fault.New(fault.NotFound, nil), "/")
		return
	}
	answer, allowed := found.of(x.R.Method)
	if !allowed {
		x.Fail(fault.New(fault.MethodNotAllowed, nil), "/")
		return
	}
	if x.R.Method == http.MethodPost {
		if err := a.forgery.Check(x.R); err != nil {
			x.Fail(fault.New(fault.CrossSite, err), "/")
			return
		}
	}
	answer(x)
}
