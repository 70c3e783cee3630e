package caddymodule

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCleanup_WorksWithoutProvision(t *testing.T) {
	t.Parallel()
	if err := new(Handler).Cleanup(); err != nil {
		t.Error(err)
	}
}

// certificate writes the certificate of a TLS server to a file.
func certificate(t testing.TB, s *httptest.Server, comment ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(file, append([]byte(strings.Join(comment, "")), block...), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTrust_IsInTheGivenFiles(t *testing.T) {
	s := newSite(t)
	s.standIn.Close()
	s.standIn = httptest.NewTLSServer(s.server)
	t.Cleanup(s.standIn.Close)
	s.load(oneLine)
	b := s.browser()
	b.expect(b.get("/.authentik/login"), http.StatusServiceUnavailable, "authentik-unreachable")
	s.load("SITE {\n\tauthentik AUTHENTIK {\n\t\ttrust " + certificate(t, s.standIn) + "\n\t}\n\treverse_proxy APP\n}\n")
	b.expect(b.follow(b.signIn("/", "ada")), http.StatusOK, `user "ada"`)
}

func TestTrust_InNothingIsAMistake(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := Handler{Trust: []string{"/does/not/exist", empty}}
	_, err := h.transport()
	if err == nil {
		t.Fatal("it was taken")
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
	trusts := [][]string{{certificate(t, s, "# 1\n")}, {certificate(t, s, "# 1\n")}, {certificate(t, s, "# 2\n")}, nil}
	var transports []http.RoundTripper
	for _, trust := range trusts {
		h := Handler{Trust: trust}
		rt, err := h.transport()
		if err != nil {
			t.Fatal(err)
		}
		transports = append(transports, rt)
		defer func() {
			if err := h.Cleanup(); err != nil {
				t.Error(err)
			}
		}()
	}
	if transports[0] != transports[1] || transports[0] == transports[2] || transports[0] == transports[3] {
		t.Error("connections are shared otherwise")
	}
}
