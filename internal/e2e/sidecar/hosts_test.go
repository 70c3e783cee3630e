package sidecar

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// otherRobot is Joe's app password. He may use any.other.org, and not the wiki.
const otherRobot = "an-app-password-of-joe"

// alsoThere are edits for what many configurations have besides: HTTP/2, and with
// Caddy a proxy in front, whose X-Forwarded-Host it believes.
var alsoThere = map[string][]string{
	"nginx":   {"listen 443 ssl", "listen 443 ssl http2"},
	"haproxy": {"wiki.example.com.pem", "wiki.example.com.pem alpn h2,http/1.1"},
	"envoy":   {"common_tls_context:\n", "common_tls_context:\n                alpn_protocols: [h2, http/1.1]\n"},
	"caddy":   {"\tservers {\n", "\tservers {\n\t\ttrusted_proxies static 127.0.0.1/32\n"},
}

// TestProxy_AsksAboutTheSiteThatItServes sends requests for the wiki that name
// another site as well, where their user may pass.
func TestProxy_AsksAboutTheSiteThatItServes(t *testing.T) {
	t.Parallel()
	testsite.Program(t)
	w := newWorld(t, "clients basic")
	for _, k := range kinds {
		k.edits = append(slices.Clone(alsoThere[k.dialect]), k.edits...)
		t.Run(k.dialect, func(t *testing.T) {
			t.Parallel()
			p := k.serve(t, w.sidecars[k.dialect])
			for _, request := range []string{
				"GET / HTTP/1.1\r\nHost: wiki.example.com",
				"GET / HTTP/1.1\r\nHost: any.other.org",
				"GET / HTTP/1.1\r\nHost: any.other.org:443",
				"GET / HTTP/1.1\r\nHost: any.other.org.",
				"GET / HTTP/1.1\r\nHost: wiki.example.com,any.other.org",
				"GET / HTTP/1.1\r\nHost: wiki.example.com\r\nHost: any.other.org",
				"GET https://wiki.example.com/ HTTP/1.1\r\nHost: any.other.org",
				"GET https://any.other.org/ HTTP/1.1\r\nHost: wiki.example.com",
				"GET / HTTP/1.1\r\nHost: wiki.example.com\r\nX-Forwarded-Host: any.other.org",
			} {
				if got := p.raw(t, request, joe, otherRobot); len(p.App.Requests()) > 0 {
					t.Fatalf("%q: got status %d and Joe at the wiki, want a refusal", request, got)
				}
			}
			for _, two := range [][2]string{{"wiki.example.com", "any.other.org"}, {"any.other.org", "wiki.example.com"}, {"", "any.other.org"}, {"", "wiki.example.com"}} {
				if got := p.http2(t, two[0], two[1], joe, otherRobot); len(p.App.Requests()) > 0 {
					t.Fatalf("%q: got status %q and Joe at the wiki, want a refusal", two, got)
				}
			}
			if got := p.raw(t, "GET / HTTP/1.1\r\nHost: wiki.example.com", testsite.Jane, robot); got != http.StatusOK {
				t.Errorf("got status %d for Jane, want 200", got)
			}
			if got := p.http2(t, "wiki.example.com", "", testsite.Jane, robot); got != "200" {
				t.Errorf("got status %q for Jane with HTTP/2, want 200", got)
			}
		})
	}
}

// raw sends the beginning of a request as it is, and returns the status.
func (p *proxied) raw(t *testing.T, request, user, password string) int {
	t.Helper()
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: "wiki.example.com"}} //nolint:gosec // the certificate is as old as the test
	connection, err := dialer.DialContext(t.Context(), "tcp", p.at)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close() //nolint:errcheck // it was read
	if err := connection.SetDeadline(time.Now().Add(testsite.Timeout)); err != nil {
		t.Fatal(err)
	}
	credential := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	if _, err := connection.Write([]byte(strings.Join([]string{request, "Authorization: Basic " + credential, "Connection: close", "", ""}, "\r\n"))); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		return 0 // the proxy has closed the connection
	}
	_ = res.Body.Close()
	return res.StatusCode
}
