package transport

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/moduletest"
	"github.com/flowsidecar/caddy-authentik/flowclient"
)

func TestTrust_FileWithoutAuthoritiesIsAMistake(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := Take([]string{"/does/not/exist", empty}, flowclient.Config{})
	if err == nil {
		t.Fatal("got no error, want one")
	}
	if got := Check([]string{"/does/not/exist", empty}); got == nil || got.Error() != err.Error() {
		t.Errorf("got %v from Check, want %v", got, err)
	}
	for _, want := range []string{"2 mistakes", "/does/not/exist: no such file", empty + " holds no certificate"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
}

func TestTransport_IsSharedByHandlersWithTheSameTrust(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	trusts := [][]string{{moduletest.Certificate(t, s, "# 1\n")}, {moduletest.Certificate(t, s, "# 1\n")}, {moduletest.Certificate(t, s, "# 2\n")}, nil}
	var transports []http.RoundTripper
	for _, trust := range trusts {
		rt, release, err := Take(trust, flowclient.Config{})
		if err != nil {
			t.Fatal(err)
		}
		transports = append(transports, rt)
		defer func() {
			if err := release(); err != nil {
				t.Error(err)
			}
		}()
	}
	if transports[0] != transports[1] || transports[0] == transports[2] || transports[0] == transports[3] {
		t.Errorf("got the transports %p, want the first two shared", transports)
	}
}

// address returns an address of a test.
func address(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil {
		panic(err)
	}
	return u
}

// A pin or a name has connections of its own, and so has an address whose host
// counts for the certificate.
func TestTransport_IsNotSharedByHandlersThatAcceptOtherCertificates(t *testing.T) {
	seen := make(map[http.RoundTripper]int)
	for i, verified := range []flowclient.Config{
		{URL: address("https://a.example.com")},
		{URL: address("https://a.example.com"), TLSServerName: "b.example.com"},
		{URL: address("https://a.example.com"), PinSHA256: strings.Repeat("ab", 32)},
		{URL: address("https://a.example.com"), PinSHA256: strings.Repeat("cd", 32)},
		{URL: address("https://192.0.2.1"), PublicURL: address("https://a.example.com")},
		{URL: address("https://192.0.2.1"), PublicURL: address("https://b.example.com")},
		{URL: address("https://192.0.2.2"), PublicURL: address("https://a.example.com")},
	} {
		rt, release, err := Take(nil, verified)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = release() })
		if first, shared := seen[rt]; shared {
			t.Errorf("handlers %d and %d share connections, want each its own", first, i)
		}
		seen[rt] = i
	}
}
