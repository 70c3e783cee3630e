package caddymodule

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest/adminapi"
)

// A brokenSite is a site with an API at its authentik.
type brokenSite struct {
	*site
	api *adminapi.API
	// front, if it is set, is in front of authentik.
	front func(next http.Handler) http.Handler
	files string
}

// provider is the provider of the application "client".
func clientApplication(change func(*authentiktest.Application)) authentiktest.Application {
	a := authentiktest.Application{
		Slug: "client", Name: "Client", Policies: []authentiktest.Policy{{Group: "staff"}},
		Provider: &authentiktest.Provider{
			ClientID: "id", Secret: "right-secret", GrantTypes: []string{"authorization_code", "refresh_token"},
			RedirectURIs: []string{"http://127.0.0.1/.authentik/callback"},
		},
	}
	if change != nil {
		change(&a)
	}
	return a
}

func newBrokenSite(t *testing.T) *brokenSite {
	t.Helper()
	s := &brokenSite{site: newAdministered(t, authentiktest.Release202608), files: t.TempDir()}
	s.setApplications(nil)
	return s
}

// clientFile writes the file with the client secret.
func (s *brokenSite) clientFile(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.files, "secret"), []byte("right-secret"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// setApplications gives authentik its applications: wiki for the group staff,
// open for every user, and client with a provider, which change may change.
func (s *brokenSite) setApplications(change func(*authentiktest.Application)) {
	callback := "http://" + s.address + "/.authentik/callback"
	s.server.SetApplications([]authentiktest.Application{
		{Slug: "wiki", Name: "Wiki", Policies: []authentiktest.Policy{{Group: "staff"}}},
		{Slug: "open", Name: "Open"},
		clientApplication(func(a *authentiktest.Application) {
			a.Provider.RedirectURIs = []string{callback}
			a.Provider.BackchannelURI = "http://" + s.address + "/.authentik/backchannel-logout"
			if change != nil {
				change(a)
			}
		}),
	}, nil)
	s.api = adminapi.New(s.server)
	s.standIn.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.front != nil {
			s.front(s.api).ServeHTTP(w, r)
			return
		}
		s.api.ServeHTTP(w, r)
	})
}

// trusting is a site that trusts the authority of [brokenSite.overTLS].
const trusting = "SITE {\n\tauthentik AUTHENTIK {\n\t\ttrust FILES/authority.pem\n\t}\n\treverse_proxy APP\n}\n"

// atPath answers one path itself.
func atPath(path string, does func(http.ResponseWriter, *http.Request, http.Handler)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == path {
				does(w, r, next)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// released makes authentik say that it is another release.
func released(version string) func(*testing.T, *brokenSite) {
	return func(_ *testing.T, s *brokenSite) {
		s.front = atPath("/api/v3/admin/version/", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"version_current": %q}`, version)
		})
	}
}

func password(text string) func(*testing.T, *brokenSite) {
	return func(t *testing.T, _ *brokenSite) { t.Setenv("AUTHENTIK_TEST_PASSWORD", text) }
}

// occupied lets something else answer at the site's address: a server that is
// not a gate, or a gate whose answers another handler adds to.
func (s *brokenSite) occupied(t *testing.T, add func(http.ResponseWriter)) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if add == nil {
			_, _ = fmt.Fprint(w, "hello")
			return
		}
		add(w)
		_, _ = fmt.Fprint(w, `{"code": "sign-in-required"}`)
	}))
	t.Cleanup(server.Close)
	s.address = server.Listener.Addr().String()
}

// overTLS serves authentik over TLS, with a certificate of an authority of its
// own, which change may change.
func (s *brokenSite) overTLS(t *testing.T, change func(*x509.Certificate)) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Authority"}, NotBefore: time.Now().Add(-48 * time.Hour),
		NotAfter: time.Now().Add(1000 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "authentik"}, NotBefore: time.Now().Add(-24 * time.Hour),
		NotAfter: time.Now().Add(1000 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(leaf)
	}
	sign := func(c *x509.Certificate) []byte {
		der, err := x509.CreateCertificate(rand.Reader, c, authority, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: sign(authority)})
	if err := os.WriteFile(filepath.Join(s.files, "authority.pem"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(s.standIn.Config.Handler)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{sign(leaf)}, PrivateKey: key}}} //nolint:gosec // for a test
	server.StartTLS()
	t.Cleanup(server.Close)
	s.standIn.URL = server.URL
}
