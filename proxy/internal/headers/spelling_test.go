package headers

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// tokens are the octets that a header's name may have (RFC 9110, 5.6.2).
func tokens() (all []string) {
	for c := range 128 {
		if c > ' ' && c < 0x7f && !strings.ContainsRune(`"(),/:;<=>?@[\]{}`, rune(c)) {
			all = append(all, string(rune(c)))
		}
	}
	return all
}

// respelled are the names that result from replacing by an octet the
// separators in a name: of all, and of each.
func respelled(name, octet string) []string {
	all := []string{strings.ReplaceAll(name, "-", octet)}
	for i, c := range name {
		if c == '-' {
			all = append(all, name[:i]+octet+name[i+1:])
		}
	}
	return all
}

func alphanumeric(octet string) bool {
	return strings.Trim(octet, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// TestStrip_EverySeparatorIsOne: CGI names a variable after a header with "_" for
// "-", and many servers put "_" for every octet that is no letter and no digit.
func TestStrip_EverySeparatorIsOne(t *testing.T) {
	t.Parallel()
	h := newStrict()
	if got := len(tokens()); got != 77 {
		t.Fatalf("octets of a token: got %d, want 77", got)
	}
	for _, name := range protected {
		for _, octet := range tokens() {
			for _, spelled := range respelled(name, octet) {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
				r.Header[spelled], r.Trailer = []string{"admin"}, http.Header{spelled: {"admin"}}
				r.Header["Connection"] = []string{spelled, "close, " + spelled}
				h.Strip(r)
				got := fmt.Sprint(len(r.Header[spelled]), len(r.Trailer[spelled]), r.Header["Connection"])
				want := "0 0 [close]"
				if alphanumeric(octet) && !strings.HasPrefix(spelled, "X-Authentik-") {
					want = "1 1 [close]"
				}
				if got != want {
					t.Errorf("%s: got header, trailer and Connection %s, want %s", spelled, got, want)
				}
			}
		}
	}
}

// TestStrip_EverySpellingOverTheWire has a client send them all, by HTTP/1.1 and
// by HTTP/2.
func TestStrip_EverySpellingOverTheWire(t *testing.T) {
	t.Parallel()
	h := newStrict()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.Strip(r)
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, r.Proto, r.Header, r.Trailer)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Certificate())
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, ServerName: "example.com"}, Protocols: new(http.Protocols)}
		transport.Protocols.SetHTTP1(protocol == "HTTP/1.1")
		transport.Protocols.SetHTTP2(protocol == "HTTP/2.0")
		t.Cleanup(transport.CloseIdleConnections)
		for _, octet := range tokens() {
			if alphanumeric(octet) {
				continue
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, io.MultiReader(strings.NewReader("body")))
			if err != nil {
				t.Fatal(err)
			}
			r.Trailer = http.Header{}
			for _, name := range protected {
				for _, spelled := range respelled(name, octet) {
					r.Header[spelled] = []string{"admin"}
					r.Trailer[spelled] = []string{"admin"}
				}
			}
			res, err := transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if err != nil || !strings.HasPrefix(string(got), protocol) || strings.Contains(string(got), "admin") {
				t.Errorf("%s with %q: got %s, %v, want nothing of it", protocol, octet, got, err)
			}
		}
	}
}
