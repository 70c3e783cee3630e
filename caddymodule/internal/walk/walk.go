// Package walk follows a request through the routes of a server without serving
// it. It evaluates matchers, and runs only handlers that do nothing but change
// the request. So it finds the handlers that a request would meet, for
// explanations.
package walk

import (
	"net/http"
	"net/http/httptest"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/rewrite"
)

// last are the handlers that answer a request.
var last = []string{"reverse_proxy", "file_server", "static_response", "error", "metrics", "acme_server"}

// quiet are the handlers that only set variables of a request and then call the
// next handler.
var quiet = []string{"vars", "map"}

// depth is the maximum depth of nested routes, since a named route can invoke
// itself.
const depth = 50

// A Way is the list of handlers that a request meets.
type Way struct {
	// NotRun are the handlers before the end that were not run, though they may
	// change or answer the request.
	NotRun []string
	// Reached is the handler that would answer the request. It is empty if a
	// handler that was met has answered the request, or if no handler would
	// answer it.
	Reached string
}

// A Meet is called for each handler, with the request as that handler would get
// it. known says that the caller has handled it, and ends says that the handler
// answers the request.
type Meet func(h caddyhttp.MiddlewareHandler, r *http.Request) (known, ends bool)

// Follow follows a request through a server. It changes the request as the
// routes change it.
func Follow(s *caddyhttp.Server, r *http.Request, meet Meet) (Way, error) {
	repl := caddy.NewReplacer()
	w := &walker{server: s, meet: meet, repl: repl, groups: map[string]bool{}}
	w.request = caddyhttp.PrepareRequest(r, repl, httptest.NewRecorder(), s)
	_, err := w.routes(s.Routes, depth)
	return w.way, err
}

type walker struct {
	server  *caddyhttp.Server
	request *http.Request
	repl    *caddy.Replacer
	meet    Meet
	groups  map[string]bool
	way     Way
}

// routes follows routes in their order, and reports whether the request ends
// there.
func (w *walker) routes(all caddyhttp.RouteList, left int) (ends bool, err error) {
	for _, route := range all {
		if ends, err = w.route(route, left); ends || err != nil {
			return ends, err
		}
	}
	return false, nil
}

func (w *walker) route(route caddyhttp.Route, left int) (ends bool, err error) {
	if left == 0 || route.Group != "" && w.groups[route.Group] {
		return left == 0, nil
	}
	matches, err := route.MatcherSets.AnyMatchWithError(w.request)
	if err != nil || !matches {
		return false, err
	}
	if route.Group != "" {
		w.groups[route.Group] = true
	}
	for _, h := range route.Handlers {
		if ends, err = w.handler(h, left); ends || err != nil {
			return ends, err
		}
	}
	return route.Terminal, nil
}

// handler meets one handler.
func (w *walker) handler(h caddyhttp.MiddlewareHandler, left int) (ends bool, err error) {
	if known, ends := w.meet(h, w.request); known {
		return ends, nil
	}
	switch h := h.(type) {
	case *caddyhttp.Subroute:
		return w.routes(h.Routes, left-1)
	case *caddyhttp.Invoke:
		if named := w.server.NamedRoutes[h.Name]; named != nil {
			return w.route(*named, left-1)
		}
		return true, nil
	case *rewrite.Rewrite:
		h.Rewrite(w.request, w.repl)
		return false, nil
	case *headers.Handler:
		if h.Request != nil {
			h.Request.ApplyToRequest(w.request)
		}
		return false, nil
	case *reverseproxy.Handler:
		if len(h.HandleResponse) > 0 { // forward_auth asks another server first
			w.way.NotRun = append(w.way.NotRun, "reverse_proxy with handle_response")
			return false, nil
		}
	}
	name := nameOf(h)
	switch {
	case slices.Contains(last, name):
		w.way.Reached = name
		return true, nil
	case slices.Contains(quiet, name):
		goOn := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
		return false, h.ServeHTTP(httptest.NewRecorder(), w.request, goOn)
	}
	w.way.NotRun = append(w.way.NotRun, name)
	return false, nil
}

// nameOf returns the name of a handler's module.
func nameOf(h caddyhttp.MiddlewareHandler) string {
	if m, ok := h.(caddy.Module); ok {
		return m.CaddyModule().ID.Name()
	}
	return "unknown"
}
