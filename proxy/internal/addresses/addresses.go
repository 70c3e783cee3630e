// Package addresses serves the gate's own addresses, which are below its
// prefix, from a table of handlers.
package addresses

import (
	"net/http"
	"path"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/pictures"
)

// A Route has the handlers of one address, by method. A method without a
// handler is not allowed. HEAD is answered like GET.
type Route struct{ Get, Post func(*exchange.Exchange) }

// of returns the handler of a method.
func (r Route) of(method string) (answer func(*exchange.Exchange), allowed bool) {
	switch method {
	case http.MethodGet, http.MethodHead:
		answer = r.Get
	case http.MethodPost:
		answer = r.Post
	}
	return answer, answer != nil
}

// Directed refuses requests at hosts that authentik must not be told.
func Directed(answer func(*exchange.Exchange)) func(*exchange.Exchange) {
	return func(x *exchange.Exchange) {
		if x.Misdirected() {
			x.Fail(fault.New(fault.HostUnknown, nil), "/")
			return
		}
		answer(x)
	}
}

// Addresses are the addresses of one gate. They are safe for concurrent use.
type Addresses struct {
	shared   *exchange.Shared
	pictures *pictures.Pictures
	forgery  *http.CrossOriginProtection
	routes   map[string]Route
}

// The paths, below the prefix, of the gate's files.
const (
	assetsPath = "/assets/"
	brandPath  = "/brand/"
)

// New returns the addresses of a gate. routes are by their path below the
// prefix; the assets and pictures of the gate's pages are added. A POST is
// answered only if forgery accepts it, so that no other site can send it. A
// route whose handler checks this itself is not for this table.
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

// Has reports whether the gate answers a path below its prefix. The asset or
// picture that the path names must exist.
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
