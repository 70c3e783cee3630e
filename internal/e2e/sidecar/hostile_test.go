package sidecar

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// oddRequests sends what browsers do not send, without a session. It needs one, also
// on an open path if it names that in another way.
func oddRequests(t *testing.T, p *proxied, _ string) {
	before := len(p.App.Requests())
	for _, request := range []string{
		"CONNECT wiki.example.com:443 HTTP/1.1\r\nHost: wiki.example.com:443",
		"CONNECT / HTTP/1.1\r\nHost: wiki.example.com",
		"TRACE / HTTP/1.1\r\nHost: wiki.example.com",
		"TRACK / HTTP/1.1\r\nHost: wiki.example.com",
		"get / HTTP/1.1\r\nHost: wiki.example.com",
		"PROPFIND / HTTP/1.1\r\nHost: wiki.example.com\r\nDepth: 1",
		"GET%20 / HTTP/1.1\r\nHost: wiki.example.com",
		"OPTIONS * HTTP/1.1\r\nHost: wiki.example.com",
		"GET * HTTP/1.1\r\nHost: wiki.example.com",
		"GET open HTTP/1.1\r\nHost: wiki.example.com",
		"GET /open/..%2f HTTP/1.1\r\nHost: wiki.example.com",
		"GET /open/%2e%2e/ HTTP/1.1\r\nHost: wiki.example.com",
		"GET /open%2f..%2fa HTTP/1.1\r\nHost: wiki.example.com",
		"GET /open%00 HTTP/1.1\r\nHost: wiki.example.com",
		"GET /open;/../a HTTP/1.1\r\nHost: wiki.example.com",
		"GET /\\open HTTP/1.1\r\nHost: wiki.example.com",
		"GET //any.net/open HTTP/1.1\r\nHost: wiki.example.com",
		"GET https://wiki.example.com/a HTTP/1.1\r\nHost: wiki.example.com",
		"GET /a#/open HTTP/1.1\r\nHost: wiki.example.com",
		"GET /a HTTP/1.0\r\nHost: wiki.example.com",
		"GET /a HTTP/1.0",
		"POST / HTTP/1.1\r\nHost: wiki.example.com\r\nContent-Length: 0\r\nContent-Length: 1",
		"POST / HTTP/1.1\r\nHost: wiki.example.com\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
		"GET / HTTP/1.1\r\nHost: wiki.example.com\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Proto: http",
		"GET / HTTP/1.1\r\nHost: wiki.example.com\r\nX_Forwarded_Uri: /open\r\nX_Original_Url: https://wiki.example.com/open\r\nx-original-uri: /open",
	} {
		// Some proxies answer OPTIONS * themselves.
		if got := p.raw(t, request, testsite.Jane, "no password of hers"); len(p.App.Requests()) > before {
			t.Fatalf("%q: got status %d and the request at the application, want a refusal", request, got)
		}
	}
}

// upgrades asks for an upgrade to HTTP. The proxy would connect the client with an
// application that accepts it, and ask about no request after that.
func upgrades(t *testing.T, p *proxied, cookie string) {
	for _, protocol := range []string{"h2c", "H2C", "HTTP/2.0", "TLS/1.0", "websocket, h2c", "h2c, websocket"} {
		for path, with := range map[string]string{"/": cookie, "/open": "a=b"} {
			for _, further := range []string{"Accept", "HTTP2-Settings"} {
				_, there := p.sent(t, request(t, http.MethodGet, path, "Cookie", with, "Connection", "Upgrade", "Upgrade", protocol, further, "AAMAAABkAAQAAP__"))
				if there == nil {
					continue // refused, which is as good
				}
				if got := there.Header.Get("Upgrade"); got != "" && !strings.EqualFold(got, "websocket") {
					t.Errorf("%s on %s: got the upgrade %q at the application, want none to HTTP", protocol, path, got)
				}
			}
		}
	}
}

// longCookie sends more cookies than the gate takes, which is no reason to let the
// request pass.
func longCookie(t *testing.T, p *proxied, cookie string) {
	for name, with := range map[string]string{"with a session": cookie, "without": "a=b"} {
		before := len(p.App.Requests())
		res, err := p.RoundTrip(request(t, http.MethodGet, "/", "Cookie", with+"; large="+strings.Repeat("x", 200<<10)))
		if err != nil {
			continue // the proxy has closed the connection
		}
		_ = res.Body.Close()
		if res.StatusCode < http.StatusBadRequest || len(p.App.Requests()) > before {
			t.Errorf("%s: got %s and %d requests at the application, want a refusal", name, res.Status, len(p.App.Requests())-before)
		}
	}
}

// http2 sends a request of HTTP/2, which can have the host twice, and returns the
// status, or nothing if the proxy ends the connection or the stream.
func (p *proxied) http2(t *testing.T, authority, host, user, password string) (status string) {
	t.Helper()
	config := &tls.Config{InsecureSkipVerify: true, ServerName: "wiki.example.com", NextProtos: []string{"h2"}} //nolint:gosec // the certificate is as old as the test
	dialer := tls.Dialer{Config: config}
	connection, err := dialer.DialContext(t.Context(), "tcp", p.at)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close() //nolint:errcheck // it was read
	if err := connection.SetDeadline(time.Now().Add(testsite.Timeout)); err != nil {
		t.Fatal(err)
	}
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range [][2]string{
		{":method", "GET"},
		{":scheme", "https"},
		{":path", "/"},
		{":authority", authority},
		{"host", host},
		{"authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))},
	} {
		if f[1] != "" {
			_ = encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
	}
	_, _ = io.WriteString(connection, http2.ClientPreface)
	framer := http2.NewFramer(connection, connection)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = framer.WriteSettings()
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return ""
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			return frame.PseudoValue("status")
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return ""
		}
	}
}
