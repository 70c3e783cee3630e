package caddymodule

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/moduletest"
)

func TestCleanup_WorksWithoutProvision(t *testing.T) {
	t.Parallel()
	if err := new(Handler).Cleanup(); err != nil {
		t.Error(err)
	}
}

func TestTrust_IsInTheGivenFiles(t *testing.T) {
	s := newSite(t)
	s.standIn.Close()
	s.standIn = httptest.NewTLSServer(s.server)
	t.Cleanup(s.standIn.Close)
	s.load(oneLine)
	b := s.browser()
	b.expect(b.get("/.authentik/login"), http.StatusBadGateway, "authentik-tls")
	s.load("SITE {\n\tauthentik AUTHENTIK {\n\t\ttrust " + moduletest.Certificate(t, s.standIn) + "\n\t}\n\treverse_proxy APP\n}\n")
	b.expect(b.follow(b.signIn("/", "ada")), http.StatusOK, `user "ada"`)
}

// pinOf returns the pin of a server's certificate.
func pinOf(s *httptest.Server) string {
	sum := sha256.Sum256(s.Certificate().RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// The certificate of httptest is for example.com, *.example.com, 127.0.0.1 and ::1.
func TestTLS_OptionsSayWhichCertificateIsAccepted(t *testing.T) {
	s := newSite(t)
	plain := s.standIn
	secure := httptest.NewTLSServer(s.server)
	t.Cleanup(secure.Close)
	_, securePort, _ := net.SplitHostPort(secure.Listener.Addr().String())
	_, plainPort, _ := net.SplitHostPort(plain.Listener.Addr().String())
	pem := moduletest.Certificate(t, secure)
	other := strings.Repeat("ab", 32)
	const log = "log gate {\n\t\toutput file %q\n\t\tinclude http.handlers.authentik\n\t\tlevel INFO\n\t}\n"
	for name, tt := range map[string]struct {
		url, options string
		log          []string // nil if the sign-in page is expected
	}{
		"trusted":                {secure.URL, "trust " + pem, nil},
		"unknown authority":      {secure.URL, "", []string{`for \"example.com\", \"*.example.com\", \"127.0.0.1\", \"::1\"`, "unknown authority", "set trust", "set pin " + pinOf(secure)}},
		"pinned":                 {secure.URL, "pin " + pinOf(secure), nil},
		"pinned, another name":   {"https://localhost:" + securePort, "pin " + pinOf(secure), nil},
		"another pin":            {secure.URL, "pin " + other, []string{"not the configured one", "set pin " + pinOf(secure), `\"example.com\"`}},
		"another name":           {"https://localhost:" + securePort, "trust " + pem, []string{`not for \"localhost\"`, "set tls_name to one of the names in authentik's certificate (example.com, *.example.com, 127.0.0.1, ::1)"}},
		"the name of another":    {"https://localhost:" + securePort, "trust " + pem + "\ntls_name example.com", nil},
		"a name that is not in":  {secure.URL, "trust " + pem + "\ntls_name auth.example.org", []string{`not for \"auth.example.org\"`}},
		"the public name":        {secure.URL, "trust " + pem + "\npublic_url https://example.com", nil},
		"HTTPS where HTTP is":    {"https://127.0.0.1:" + plainPort, "", []string{"speaks plain HTTP", "write http:// in url"}},
		"HTTP where HTTPS is":    {"http://127.0.0.1:" + securePort, "", []string{"speaks HTTPS", "write https:// in url"}},
		"pinned where HTTP is":   {"https://127.0.0.1:" + plainPort, "pin " + other, []string{"speaks plain HTTP", "write http:// in url"}},
		"OpenID Connect, no CA":  {secure.URL, "application wiki\nclient_id wiki\nlogin redirect", []string{"unknown authority", "set pin " + pinOf(secure)}},
		"OpenID Connect, scheme": {"http://127.0.0.1:" + securePort, "application wiki\nclient_id wiki\nlogin redirect", []string{"speaks HTTPS", "write https:// in url"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "log")
			if err := s.try(fmt.Sprintf(log, file), "SITE {\n\tauthentik "+tt.url+" {\n\t\t"+tt.options+"\n\t}\n\treverse_proxy APP\n}\n"); err != nil {
				t.Fatal(err)
			}
			page := s.browser().get("/.authentik/login")
			if tt.log == nil {
				if page.StatusCode != http.StatusOK {
					t.Errorf("got %d, want the sign-in page:\n%s", page.StatusCode, page.body)
				}
				return
			}
			if page.StatusCode != http.StatusBadGateway || !strings.Contains(page.body, "authentik-tls") {
				t.Errorf("got %d, want 502 and authentik-tls:\n%s", page.StatusCode, page.body)
			}
			lines, _ := os.ReadFile(file) //nolint:gosec // in a directory of this test
			for _, want := range append(tt.log, `"code":"authentik-tls"`) {
				if !strings.Contains(string(lines), want) {
					t.Errorf("got the log %s, want %q in it", lines, want)
				}
			}
		})
	}
}

func TestTLS_OptionsWithoutEffectAreMistakes(t *testing.T) {
	t.Parallel()
	pin := strings.Repeat("ab", 32)
	for options, want := range map[string]string{
		`{"url": "http://a", "pin": "` + pin + `"}`:                                    "pin: there is no certificate at http://a; write https:// in url",
		`{"url": "http://a", "tls_name": "b"}`:                                         "tls_name: there is no certificate at http://a",
		`{"url": "https://a", "pin": "` + pin + `", "trust": ["/x"]}`:                  "trust has no effect",
		`{"url": "https://a", "pin": "` + pin[1:] + `"}`:                               "64 hexadecimal digits",
		`{"url": "https://a", "tls_name": "b:443"}`:                                    "without scheme and port",
		`{"tls_name": "b"}`:                                                            "url is missing",
		`{"url": "https://a", "tls_name": "b", "pin": "` + strings.ToUpper(pin) + `"}`: "",
		`{"url": "https://a", "pin": "AB` + strings.Repeat(":ab", 31) + `"}`:           "",
	} {
		h := read(t, options)
		err := h.expand().Err()
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", options, err, want)
		}
		if len(h.Trust) > 0 {
			continue
		}
		if _, err := h.transport(); err != nil {
			t.Errorf("%s: got the transport's error %v, want none besides", options, err)
		}
		_ = h.Cleanup()
	}
}
