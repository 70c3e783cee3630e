package caddymodule

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/shared"
)

// transportKey is the key in the pool of a transport. Transports with the same
// trusted authorities have the same key.
type transportKey [sha256.Size]byte

// A transport holds connections to authentik.
type transport struct{ *http.Transport }

// Destruct closes the idle connections.
func (t transport) Destruct() error {
	t.CloseIdleConnections()
	return nil
}

// transport returns the connections to authentik. All handlers that trust the
// same authorities share them, and they stay open during a reload.
func (h *Handler) transport() (http.RoundTripper, error) {
	authorities, key, err := readTrust(h.Trust)
	if err != nil {
		return nil, err
	}
	t, release, err := shared.Take(key, func() (transport, error) {
		return newTransport(authorities, len(h.Trust) > 0), nil
	})
	if err != nil {
		return nil, fmt.Errorf("trust: %w", err)
	}
	h.release = append(h.release, release)
	return t.Transport, nil
}

// readTrust reads the files with certificate authorities. The key contains a
// hash of their contents, so that a changed file has another transport.
func readTrust(files []string) (*x509.CertPool, transportKey, error) {
	var wrong options.Mistakes
	sum := sha256.New()
	authorities, err := x509.SystemCertPool()
	if err != nil {
		authorities = x509.NewCertPool()
	}
	for _, name := range files {
		pem, err := os.ReadFile(name) //nolint:gosec // the operator names the file
		switch {
		case err != nil:
			wrong = append(wrong, fmt.Errorf("trust: %w; write the path of a PEM file that Caddy may read", err))
		case !authorities.AppendCertsFromPEM(pem):
			wrong = append(wrong, fmt.Errorf("trust: %s holds no certificate; write the path of a PEM file", name))
		}
		_, _ = fmt.Fprintf(sum, "%d:", len(pem))
		sum.Write(pem)
	}
	return authorities, transportKey(sum.Sum(nil)), wrong.Err()
}

// newTransport returns a transport like that of Go's own clients. It names
// authorities only if some are configured: otherwise the verifier of the
// platform decides, which knows more.
func newTransport(authorities *x509.CertPool, configured bool) transport {
	t := &http.Transport{}
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		t = standard.Clone()
	}
	t.MaxIdleConnsPerHost = 64
	if configured {
		t.TLSClientConfig = &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}
	}
	return transport{t}
}
