package sidecar

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// A Dialect is how one kind of proxy describes requests and reads answers.
type Dialect string

// The dialects.
const (
	Nginx   Dialect = "nginx"   // auth_request
	Traefik Dialect = "traefik" // forwardAuth
	HAProxy Dialect = "haproxy" // authentik.lua of this project
	Envoy   Dialect = "envoy"   // ext_authz over HTTP
	Caddy   Dialect = "caddy"   // forward_auth
)

// Dialects returns the names of all dialects, separated by commas.
func Dialects() string { return "nginx, traefik, haproxy, envoy, caddy" }

// A dialect has everything that differs between kinds of proxies.
type dialect struct {
	// describe reads the description in a request for a verdict. asked is the
	// address of verdicts.
	describe func(r *http.Request, asked string) (description, error)
	// removes and sets are headers of verdicts. They name the headers that the
	// proxy has to remove from the request, and those that it has to set. If
	// they are empty, the proxy's own configuration names both.
	removes, sets string
	// codes says that the proxy passes on only the status, and only a few kinds
	// of it.
	codes bool
	// absolute says that addresses must be absolute: the proxy resolves
	// relative ones itself, but wrongly.
	absolute bool
	// itself says that the proxy asks with the request itself: with its method
	// and host, and with its path below the address of verdicts.
	itself bool
}

var dialects = map[Dialect]*dialect{
	Nginx:   {describe: original, codes: true},
	Traefik: {describe: forwarded, absolute: true},
	Caddy:   {describe: forwarded},
	HAProxy: {describe: forwarded, removes: "X-Gate-Remove", sets: "X-Gate-Set"},
	Envoy:   {describe: rewritten, removes: "X-Envoy-Auth-Headers-To-Remove", itself: true},
}

// The headers in which proxies describe requests, and the client's address.
const (
	forwardedMethod = "X-Forwarded-Method"
	forwardedProto  = "X-Forwarded-Proto"
	forwardedHost   = "X-Forwarded-Host"
	forwardedURI    = "X-Forwarded-Uri"
	forwardedFor    = "X-Forwarded-For"
	originalMethod  = "X-Original-Method"
	originalURL     = "X-Original-Url"
)

// describing are the headers above. They do not belong to the described
// request.
var describing = []string{forwardedMethod, forwardedProto, forwardedHost, forwardedURI, forwardedFor, originalMethod, originalURL}

// forwarded reads the description of Traefik, Caddy and HAProxy.
func forwarded(r *http.Request, _ string) (d description, err error) {
	if d.method, err = single(r.Header, forwardedMethod); err != nil {
		return d, err
	}
	if d.host, err = single(r.Header, forwardedHost); err != nil {
		return d, err
	}
	if d.uri, err = single(r.Header, forwardedURI); err != nil {
		return d, err
	}
	return d, d.readConnection(r.Header)
}

// original reads the description of nginx.
func original(r *http.Request, _ string) (d description, err error) {
	if d.method, err = single(r.Header, originalMethod); err != nil {
		return d, err
	}
	url, err := single(r.Header, originalURL)
	if err != nil {
		return d, err
	}
	scheme, rest, _ := strings.Cut(url, "://")
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		return d, fmt.Errorf("%s %q is not a scheme, a host and a path", originalURL, url)
	}
	d.host, d.uri = rest[:slash], rest[slash:]
	if err := d.readScheme(originalURL, scheme); err != nil {
		return d, err
	}
	return d, d.readClient(r.Header)
}

// rewritten reads the description of Envoy, which asks with the request itself: its
// method and host, and its path below the address.
func rewritten(r *http.Request, asked string) (d description, err error) {
	uri, ok := strings.CutPrefix(r.RequestURI, asked)
	if !ok {
		return d, errors.New("the address does not begin with path_prefix")
	}
	d.method, d.host, d.uri = r.Method, r.Host, uri
	return d, d.readConnection(r.Header)
}

// single returns the value of a header that must have one line.
func single(h http.Header, name string) (string, error) {
	switch lines := h[name]; {
	case len(lines) == 0 || len(lines) == 1 && lines[0] == "":
		return "", fmt.Errorf("%s is missing", name)
	case len(lines) > 1:
		return "", fmt.Errorf("%s is given %d times", name, len(lines))
	default:
		return lines[0], nil
	}
}

// readConnection reads the client's scheme and address at the other proxy.
func (d *description) readConnection(h http.Header) error {
	scheme, err := single(h, forwardedProto)
	if err != nil {
		return err
	}
	if err := d.readScheme(forwardedProto, scheme); err != nil {
		return err
	}
	return d.readClient(h)
}

// readScheme reads a scheme. Traefik also sends the schemes of WebSockets.
func (d *description) readScheme(header, scheme string) error {
	switch {
	case strings.EqualFold(scheme, "https"), strings.EqualFold(scheme, "wss"):
		d.scheme = "https"
	case strings.EqualFold(scheme, "http"), strings.EqualFold(scheme, "ws"):
		d.scheme = "http"
	default:
		return fmt.Errorf("%s says the scheme %q, which is neither http nor https", header, scheme)
	}
	return nil
}

// readClient reads the client's address. Of several addresses, only the last is
// one that the peer itself has seen; the others come from the client.
func (d *description) readClient(h http.Header) error {
	line, err := single(h, forwardedFor)
	if err != nil {
		return err
	}
	last := strings.TrimSpace(line[strings.LastIndexByte(line, ',')+1:])
	addr, err := netip.ParseAddr(last)
	if err != nil {
		with, err := netip.ParseAddrPort(last)
		if err != nil {
			return fmt.Errorf("%s says %q, which is not an address", forwardedFor, last)
		}
		addr = with.Addr()
	}
	d.client = addr.Unmap().WithZone("")
	return nil
}

// The headers that must not contradict a description.
var (
	named = []string{forwardedHost}
	all   = []string{forwardedMethod, forwardedHost, forwardedURI, forwardedProto, originalMethod, originalURL}
)

// contradicted returns an error if a header contradicts the description.
// Headers of other dialects come from clients and are not used. If one of them
// contradicts the description, the wrong dialect is configured, or a client
// attacks.
func (d description) contradicted(h http.Header, headers []string) error {
	for _, name := range headers {
		lines := h[name]
		if len(lines) == 0 {
			continue
		}
		if slices.ContainsFunc(lines, func(line string) bool { return !d.says(name, line) }) {
			return fmt.Errorf("%s contradicts what the proxy says about the request", name)
		}
	}
	return nil
}

// says reports whether a header's value agrees with the description.
func (d description) says(name, value string) bool {
	switch name {
	case forwardedMethod, originalMethod:
		return value == d.method
	case forwardedHost:
		return strings.EqualFold(value, d.host)
	case forwardedURI:
		return value == d.uri
	case forwardedProto:
		var other description
		return other.readScheme(name, value) == nil && other.scheme == d.scheme
	default:
		scheme, rest, _ := strings.Cut(value, "://")
		host, ok := strings.CutSuffix(rest, d.uri)
		return ok && strings.EqualFold(host, d.host) && d.says(forwardedProto, scheme)
	}
}
