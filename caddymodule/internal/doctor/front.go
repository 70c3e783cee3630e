package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// A proxyProtocol is Caddy's listener wrapper for the PROXY protocol, with
// which load balancers send the visitor's address.
type proxyProtocol struct {
	Wrapper  string   `json:"wrapper"`
	Allow    []string `json:"allow"`
	Deny     []string `json:"deny"`
	Fallback string   `json:"fallback_policy"`
	late     bool     // it comes after TLS
}

// trustsUnlisted reports whether the wrapper trusts peers that are not listed.
func (p proxyProtocol) trustsUnlisted() bool {
	switch strings.ToUpper(p.Fallback) {
	case "USE", "REQUIRE":
		return true
	}
	for _, text := range p.Allow {
		if prefix, err := netip.ParsePrefix(text); err == nil && prefix.Bits() == 0 {
			return true
		}
	}
	return false
}

// wrapped checks how a server reads the PROXY protocol.
func (s server) wrapped() (all []Finding) {
	p := s.wrapper
	if p == nil {
		return nil
	}
	if p.late && s.encrypted {
		all = append(all, found("proxy-protocol-order", fmt.Sprintf("server %s looks for the PROXY header after TLS, and load balancers send it before: no visitor gets through", s.name),
			"write in listener_wrappers first proxy_protocol, and then tls"))
	}
	switch {
	case p.trustsUnlisted():
		all = append(all, found("proxy-protocol-all", fmt.Sprintf("server %s accepts the PROXY header of every client, which can claim any address", s.name),
			"name only your load balancers: proxy_protocol { allow <their addresses> }, and no fallback_policy use or require"))
	case len(p.Allow) == 0:
		all = append(all, found("proxy-protocol-peers", fmt.Sprintf("server %s accepts no peer's PROXY header: all visitors seem to have the load balancer's address", s.name),
			"write the load balancer's addresses: proxy_protocol { allow <its addresses> }"))
	}
	return all
}

// proxyHeader is a PROXY header that names no address.
const proxyHeader = "PROXY UNKNOWN\r\n"

// behindBalancer reports whether the site fails for visitors because a load
// balancer sends a PROXY header that Caddy does not read. Then Caddy itself
// answers on this machine, and fails with such a header in the same way as the
// site.
func (x *subject) behindBalancer(ctx context.Context, visitors answer, failed error) (Finding, bool) {
	s := x.server()
	local, there := s.local()
	if !there || ends(visitors, failed) == "" {
		return Finding{}, false
	}
	if direct, err := x.knock(ctx, local, ""); err != nil || !gates(direct) {
		return Finding{}, false
	}
	if headed, err := x.knock(ctx, local, proxyHeader); ends(headed, err) != ends(visitors, failed) {
		return Finding{}, false
	}
	seen := fmt.Sprintf("Caddy itself answers at %s; %s %s, as Caddy does if a PROXY header comes first", local, x.gate.Origin, ends(visitors, failed))
	if s.wrapper == nil {
		return found("proxy-protocol-missing", seen+", which it does not read",
			"if a load balancer in front sends a PROXY header, write in the global options: servers { listener_wrappers { proxy_protocol { allow <its addresses> } tls } }"), true
	}
	return found("proxy-protocol-refused", seen+" from a peer that may not send one", "write the load balancer's addresses: proxy_protocol { allow <its addresses> }"), true
}

// server returns the server of the gate.
func (x *subject) server() server {
	for _, s := range x.Setup.Servers {
		if s.name == x.gate.Server {
			return s
		}
	}
	return server{}
}

// local returns an address at which the server listens on this machine.
func (s server) local() (address string, found bool) {
	for _, listen := range s.listen {
		host, port, err := net.SplitHostPort(strings.TrimPrefix(listen, "tcp/"))
		if err != nil || port == "" || strings.Contains(listen, "/") && !strings.HasPrefix(listen, "tcp/") {
			continue
		}
		if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
			host = "localhost"
		}
		return net.JoinHostPort(host, port), true
	}
	return "", false
}

// knock asks the gate for its session at one address of Caddy. A preamble is
// sent before everything else.
func (x *subject) knock(ctx context.Context, address, before string) (answer, error) {
	return x.visitAt(ctx, http.MethodGet, "/session", nil, &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}, //nolint:gosec // nothing secret is sent
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
			if err != nil {
				return nil, err
			}
			return &preceded{Conn: c, before: []byte(before)}, nil
		},
	})
}

// A preceded connection sends a text before its first bytes, and in the same
// write: otherwise Caddy would answer the text before the request has arrived.
type preceded struct {
	net.Conn
	before []byte
}

// Write implements net.Conn.
func (p *preceded) Write(b []byte) (int, error) {
	before := len(p.before)
	n, err := p.Conn.Write(append(p.before, b...))
	p.before = nil
	return max(0, n-before), err
}

// ends says how a visit ends that reaches no handler: it is cut off, or Go's
// server answers that it cannot read the request. For another end it returns an
// empty text.
func ends(a answer, err error) string {
	var header tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case err == nil && a.StatusCode == http.StatusBadRequest && a.Header.Get("Server") == "" && bytes.HasPrefix(a.body, []byte("400 Bad Request")):
		return "answers 400 Bad Request"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.As(err, &header), errors.As(err, &alert):
		return "cuts the connection off"
	}
	return ""
}

// visitAt sends a request to the gate's addresses at the running site, with a
// transport.
func (x *subject) visitAt(ctx context.Context, method, path string, form url.Values, by *http.Transport) (answer, error) {
	var body io.Reader = http.NoBody
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, x.gate.Origin+x.gate.prefix()+path, body)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Accept", "application/json")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return send(by, req)
}
