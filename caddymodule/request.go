package caddymodule

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// A resolver tells the gate what Caddy knows about a request. Headers of a
// proxy in front count only if Caddy's trusted_proxies names that proxy. Caddy
// resolves the client's address itself, but not the scheme.
type resolver struct {
	log    *slog.Logger
	warned sync.Once
}

func (v *resolver) resolve(r *http.Request) proxy.Resolved {
	return proxy.Resolved{Scheme: v.scheme(r), Host: r.Host, Client: client(r), Asked: asked(r).URL}
}

// scheme returns the scheme that the browser used. A chain of proxies may have
// written several values; the first is that of the proxy next to the browser.
// All of them count as said by the peer, which is trusted.
func (v *resolver) scheme(r *http.Request) string {
	if trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool); trusted {
		switch said := firstValue(r.Header["X-Forwarded-Proto"]); {
		case strings.EqualFold(said, "https"), strings.EqualFold(said, "wss"):
			return "https"
		case strings.EqualFold(said, "http"), strings.EqualFold(said, "ws"):
			return "http"
		case said != "":
			v.warned.Do(func() {
				v.log.Warn("X-Forwarded-Proto: unknown value of a trusted proxy; the connection's own scheme is used", "value", said)
			})
		}
	}
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// firstValue returns the first value in the lines of a header with a list.
func firstValue(lines []string) string {
	for _, line := range lines {
		for value := range strings.SplitSeq(line, ",") {
			if value = strings.TrimSpace(value); value != "" {
				return value
			}
		}
	}
	return ""
}

// client returns the visitor's address, without a zone, which has a meaning on
// this machine only.
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
