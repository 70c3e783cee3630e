package walk

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// An Asked is a request that an operator asks about.
type Asked struct {
	// Method is the request's method. Default: GET.
	Method string
	// URL is the address as in a browser.
	URL string
	// Headers are lines such as "Accept: text/html".
	Headers []string
	// Client is the address that the request comes from. Default: 127.0.0.1.
	Client string
}

var (
	errURL    = errors.New("the address is not that of a site; write for example https://wiki.example.com/page")
	errClient = errors.New("the client is not an IP address; write for example 192.0.2.1")
	errMethod = errors.New("that is not a method of HTTP; write for example GET")
)

// Request returns the request as a server gets it, and its port.
func (q Asked) Request(ctx context.Context) (r *http.Request, port int, err error) {
	u, err := url.Parse(q.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, 0, errURL
	}
	client := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if q.Client != "" {
		if client, err = netip.ParseAddr(q.Client); err != nil {
			return nil, 0, errClient
		}
	}
	r, err = http.NewRequestWithContext(ctx, q.Method, u.RequestURI(), nil)
	if err != nil {
		return nil, 0, errMethod
	}
	r.RequestURI, r.Host, r.RemoteAddr = u.RequestURI(), u.Host, netip.AddrPortFrom(client, 50000).String()
	for i, line := range q.Headers {
		name, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		if !ok || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, 0, fmt.Errorf("header %d is not of the form name: value; write for example: Accept: text/html", i+1)
		}
		if strings.EqualFold(name, "Host") {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	if u.Scheme == "https" {
		r.TLS = &tls.ConnectionState{ServerName: u.Hostname(), HandshakeComplete: true, Version: tls.VersionTLS13}
	}
	if port, err = strconv.Atoi(u.Port()); err != nil {
		port = map[string]int{"http": 80, "https": 443}[u.Scheme]
	}
	return r, port, nil
}
