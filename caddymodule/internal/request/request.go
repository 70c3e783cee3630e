// Package request says what Caddy knows about a request: the scheme, the host
// and the client that Caddy has resolved, and the address as the client sent
// it. No other package in caddymodule may read these from a request.
//
//   - request.go: what the gate is told about a request
//   - second.go: a request as the client sent it, and with a separate context
package request

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Resolved is what Caddy knows about a request.
type Resolved struct {
	Scheme string     // the scheme that the browser used
	Host   string     // the content of the Host header
	Client netip.Addr // the visitor's address, or the zero Addr
	Asked  *url.URL   // the address as the client sent it
}

// A Resolver tells the gate what Caddy knows about a request. Headers of a
// proxy in front count only if Caddy's trusted_proxies has that proxy. Caddy
// resolves the client's address itself, but not the scheme.
type Resolver struct {
	Log    *slog.Logger
	warned sync.Once
}

// Resolve returns what is known about a request.
func (v *Resolver) Resolve(r *http.Request) Resolved {
	return Resolved{Scheme: v.scheme(r), Host: r.Host, Client: client(r), Asked: Asked(r).URL}
}

// scheme returns the scheme that the browser used. A chain of proxies may have
// written several values; the first is from the proxy next to the browser. All
// values count as those of the peer, which is trusted.
func (v *Resolver) scheme(r *http.Request) string {
	if trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool); trusted {
		switch said := bareScheme(firstValue(r.Header["X-Forwarded-Proto"])); {
		case strings.EqualFold(said, "https"), strings.EqualFold(said, "wss"):
			return "https"
		case strings.EqualFold(said, "http"), strings.EqualFold(said, "ws"):
			return "http"
		case said != "":
			v.warned.Do(func() {
				v.Log.Warn("X-Forwarded-Proto: unknown value of a trusted proxy; the connection's own scheme is used", "value", said)
			})
		case r.TLS == nil:
			if other := otherScheme(r.Header); other != "" {
				v.warned.Do(func() {
					v.Log.Warn("X-Forwarded-Proto: a trusted proxy names the scheme in another header only, which does not count; have it send X-Forwarded-Proto, or write site", "header", other)
				})
			}
		}
	}
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// bareScheme returns a scheme without what some proxies write around it: quotes, or
// the colon that it has in an address.
func bareScheme(said string) string {
	return strings.TrimSuffix(strings.TrimSuffix(strings.Trim(said, `"`), "//"), ":")
}

// otherScheme returns the name of a header with which some proxies say that the
// browser uses HTTPS. Caddy does not read such headers, and does not remove
// them from what a client sends.
func otherScheme(h http.Header) string {
	if strings.Contains(strings.ToLower(strings.ReplaceAll(strings.Join(h["Forwarded"], ","), `"`, "")), "proto=https") {
		return "Forwarded"
	}
	for _, name := range schemeHeaders {
		switch strings.ToLower(firstValue(h[name])) {
		case "https", "wss", "on", "true", "1", "443", `{"scheme":"https"}`:
			return name
		}
	}
	return ""
}

// schemeHeaders are headers of other proxies, load balancers and clouds that name
// the scheme, or say that there is TLS.
var schemeHeaders = []string{
	"X-Forwarded-Scheme", "X-Forwarded-Protocol", "X-Forwarded-Ssl", "X-Forwarded-Https", "X-Scheme", "X-Url-Scheme", "X-Https", "Front-End-Https",
	"Cloudfront-Forwarded-Proto", "Cf-Visitor", "X-Client-Proto", "X-Client-Scheme", "X-Appengine-Https", "Wl-Proxy-Ssl", "X-Forwarded-Port",
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

// client returns the visitor's address without its zone, which has a meaning on
// this machine only.
func client(r *http.Request) netip.Addr {
	said, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	addr, err := netip.ParseAddr(said)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// Asked returns the request line as the client sent it, before any rewriting.
func Asked(r *http.Request) http.Request {
	original, found := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request)
	if !found || original.URL == nil {
		return http.Request{Method: r.Method, URL: r.URL, RequestURI: r.RequestURI, RemoteAddr: r.RemoteAddr}
	}
	return original
}
