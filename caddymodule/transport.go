package caddymodule

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/shared"
)

// pool keeps what outlives a reload of the configuration and is shared by the
// gates of the process. What a gate has taken it gives back in Cleanup.
var pool = shared.Pool

// transportKey is the place of connections that trust the same authorities.
type transportKey [sha256.Size]byte

// transport holds connections to authentik.
type transport struct{ *http.Transport }

// Destruct closes the connections that nobody uses.
func (t transport) Destruct() error {
	t.CloseIdleConnections()
	return nil
}

// transport returns the connections for this handler's trust. They are shared
// by all handlers that trust the same authorities and stay open over a reload.
func (h *Handler) transport() (http.RoundTripper, error) {
	authorities, key, err := readTrust(h.Trust)
	if err != nil {
		return nil, err
	}
	kept, _, err := pool.LoadOrNew(key, func() (caddy.Destructor, error) {
		return newTransport(authorities, len(h.Trust) > 0), nil
	})
	if err != nil {
		return nil, err
	}
	h.release = append(h.release, func() error {
		_, err := pool.Delete(key)
		return err
	})
	shared, fits := kept.(transport)
	if !fits {
		return nil, fmt.Errorf("trust: a %T is in its place", kept)
	}
	return shared.Transport, nil
}

// readTrust reads the files with certificate authorities. The key tells their
// contents apart: a file that has changed is another trust.
func readTrust(files []string) (*x509.CertPool, transportKey, error) {
	var wrong options.Mistakes
	sum := sha256.New()
	authorities, err := x509.SystemCertPool()
	if err != nil {
		authorities = x509.NewCertPool()
	}
	for _, name := range files {
		pem, err := os.ReadFile(name) //nolint:gosec // the operator says which file
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

// newTransport makes connections as Go's own clients do. Authorities are named
// only where some were configured: elsewhere the platform's own verifier, with
// all it knows, is the better judge.
func newTransport(authorities *x509.CertPool, named bool) transport {
	t := &http.Transport{}
	if standard, isTransport := http.DefaultTransport.(*http.Transport); isTransport {
		t = standard.Clone()
	}
	t.MaxIdleConnsPerHost = 64
	if named {
		t.TLSClientConfig = &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}
	}
	return transport{t}
}
