package caddymodule

import (
	"net/http"
	"net/netip"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// resolve tells the gate what Caddy has found out about a request. Of what a
// proxy in front may say, only that counts which Caddy's trusted_proxies let
// through: Caddy resolves the client's address by itself, but not the scheme.
func resolve(r *http.Request) proxy.Resolved {
	return proxy.Resolved{Scheme: scheme(r), Host: r.Host, Client: client(r), Asked: asked(r).URL}
}

func scheme(r *http.Request) string {
	if trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool); trusted {
		switch said := r.Header.Values("X-Forwarded-Proto"); {
		case len(said) != 1:
		case said[0] == "http", said[0] == "https":
			return said[0]
		}
	}
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// client returns the visitor's address, without a zone, which means something
// on this machine alone.
func client(r *http.Request) netip.Addr {
	said, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	addr, err := netip.ParseAddr(said)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// asked returns the request line as the client sent it, before any rewriting.
func asked(r *http.Request) http.Request {
	original, found := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request)
	if !found || original.URL == nil {
		return http.Request{Method: r.Method, URL: r.URL, RequestURI: r.RequestURI, RemoteAddr: r.RemoteAddr}
	}
	return original
}

// open reports whether the matcher leaves a request out, both as it was asked
// and as it was rewritten: an application that goes by either must not be shown
// what the other keeps closed. A matcher that fails leaves nothing out.
func (h *Handler) open(r *http.Request) bool {
	if len(h.matchers) == 0 {
		return false
	}
	if matches, err := h.matchers.AnyMatchWithError(r); matches || err != nil {
		return false
	}
	before := asked(r)
	if before.Method == r.Method && *before.URL == *r.URL {
		return true
	}
	unwritten := r.WithContext(r.Context())
	unwritten.Method, unwritten.URL, unwritten.RequestURI = before.Method, before.URL, before.RequestURI
	matches, err := h.matchers.AnyMatchWithError(unwritten)
	return !matches && err == nil
}
