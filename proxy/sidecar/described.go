package sidecar

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// A description is a request as another proxy describes it.
type description struct {
	method, scheme, host, uri string
	client                    netip.Addr
}

type resolvedKey struct{}

// Resolve returns what the other proxy has said about a request: scheme, host,
// client and address. It is for the field Resolve of proxy.Config.
func Resolve(r *http.Request) proxy.Resolved {
	if at, ok := r.Context().Value(resolvedKey{}).(*proxy.Resolved); ok {
		return *at
	}
	return proxy.Resolved{Scheme: "http", Asked: r.URL} // without a host, no session is found
}

// resolving returns a request for which Resolve returns this description.
func (d description) resolving(r *http.Request, asked *url.URL) *http.Request {
	at := &proxy.Resolved{Scheme: d.scheme, Host: d.host, Client: d.client, Asked: asked}
	return r.WithContext(context.WithValue(r.Context(), resolvedKey{}, at))
}

// overTLS is the state of a client's TLS connection to the other proxy, about
// which nothing more is known.
var overTLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true}

// request makes the described request. It takes over the headers of the
// describing request, which is not used any more.
func (d description) request(by *http.Request) (*http.Request, error) {
	switch {
	case !isMethod(d.method):
		return nil, fmt.Errorf("%q is not a method", d.method)
	case !isHost(d.host):
		return nil, fmt.Errorf("%q is not a host", d.host)
	case !strings.HasPrefix(d.uri, "/"):
		return nil, fmt.Errorf("%q is not the path of a request", d.uri)
	}
	asked, err := url.ParseRequestURI(d.uri)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	r := d.resolving(by, asked)
	r.Method, r.URL, r.RequestURI, r.Host = d.method, asked, d.uri, d.host
	r.Body, r.ContentLength, r.TransferEncoding, r.Trailer = http.NoBody, 0, nil, nil
	r.RemoteAddr, r.TLS = netip.AddrPortFrom(d.client, 0).String(), nil
	if d.scheme == "https" {
		r.TLS = overTLS
	}
	for _, name := range describing {
		delete(r.Header, name)
	}
	return r, nil
}

// isMethod reports whether the described method is one that a gate can answer
// (RFC 9110, 9.1). CONNECT is not, since it has no path.
func isMethod(text string) bool {
	if text == "" || len(text) > 32 || text == http.MethodConnect {
		return false
	}
	for i := range len(text) {
		if c := text[i]; (c < 'A' || c > 'Z') && c != '-' {
			return false
		}
	}
	return true
}

// isHost reports whether a text can be the host of a site, with a port or without.
func isHost(text string) bool {
	if text == "" || len(text) > 261 {
		return false
	}
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '.', c == '-', c == '_', c == ':', c == '[', c == ']':
		default:
			return false
		}
	}
	return true
}
