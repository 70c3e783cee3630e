package request

import (
	"cmp"
	"maps"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// WithAddressAsSent calls a function for a request that was rewritten, with the
// address as the client sent it. Matchers read placeholders and variables from
// the request's context, and leave some there. They get a separate context, so
// that they see the address as sent, and so that nothing of it is left for
// later handlers.
//
// The host is that of the request, unless sent has another.
//
// Meanwhile the request itself has the address as sent too, since placeholders
// of other handlers, such as those of the directive map, read it there.
func WithAddressAsSent(r *http.Request, sent http.Request, ask func(*http.Request) bool) bool {
	method, host, uri, address := r.Method, r.Host, r.RequestURI, *r.URL
	defer func() { r.Method, r.Host, r.RequestURI, *r.URL = method, host, uri, address }()
	r.Method, r.Host, r.RequestURI, *r.URL = sent.Method, cmp.Or(sent.Host, host), sent.RequestURI, *sent.URL

	second := WithOwnContext(r)
	defer func() { r.Body = second.Body }() // a placeholder may have read the address, and put a copy there
	return ask(second)
}

// WithOwnContext returns a copy of a request with its own placeholders and
// variables. They begin with those of the request.
func WithOwnContext(r *http.Request) *http.Request {
	server, _ := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	known, _ := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	vars, _ := r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)

	replacer := caddy.NewReplacer()
	own := caddyhttp.PrepareRequest(r, replacer, nil, server)
	if known != nil {
		replacer.Map(known.Get)
	}
	if ownVars, ok := own.Context().Value(caddyhttp.VarsCtxKey).(map[string]any); ok {
		maps.Copy(ownVars, vars)
	}
	return own
}

// earlierVar is the variable with the request that a gate has let pass before
// an error. No placeholder can have its name.
const earlierVar = "http.handlers.authentik\x00earlier"

// Leave keeps a request that a gate has let pass, and that has ended with an
// error, for the gates in routes for errors. Those routes get another request
// from Caddy: without what earlier handlers have put into the context, and with
// the headers as they have left them.
func Leave(passed *http.Request) {
	if caddyhttp.GetVar(passed.Context(), earlierVar) == nil { // the request of the last gate
		caddyhttp.SetVar(passed.Context(), earlierVar, passed)
	}
}

// Left returns the request that a gate has let pass before an error.
func Left(r *http.Request) (passed *http.Request, found bool) {
	passed, found = caddyhttp.GetVar(r.Context(), earlierVar).(*http.Request)
	return passed, found
}

// Prepare gives a described request the placeholders and variables that Caddy
// gives to each request. Matchers read them, and must not see those of the
// request that describes it.
func Prepare(r *http.Request) *http.Request {
	server, _ := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	return caddyhttp.PrepareRequest(r, caddy.NewReplacer(), nil, server)
}
