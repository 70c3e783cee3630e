// Package transport makes the connections to authentik, and shares them between
// gates that accept the same certificates.
package transport

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/shared"
	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// poolKey is the key of a transport in the pool. Transports with the same
// trusted authorities, and the same name or key in the certificate, have the
// same key.
type poolKey [sha256.Size]byte

// A transport holds connections to authentik.
type transport struct{ *http.Transport }

// Destruct closes the idle connections.
func (t transport) Destruct() error {
	t.CloseIdleConnections()
	return nil
}

// Take returns connections to authentik that trust these PEM files, and verify
// the certificate as configured. All handlers that accept the same certificates
// share them. They stay open during a reload, until the last handler has called
// release.
func Take(trust []string, verified flowclient.Config) (t http.RoundTripper, release func() error, err error) {
	authorities, key, err := readTrust(trust)
	if err != nil {
		return nil, nil, err
	}
	var base *tls.Config
	if len(trust) > 0 {
		base = &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}
	}
	config, err := verified.TLSConfig(base)
	if err != nil {
		return nil, nil, err
	}
	shares, release, err := shared.Take(key.with(verified, config.ServerName), func() (transport, error) {
		return newTransport(config), nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("trust: %w", err)
	}
	return shares.Transport, release, nil
}

// ForCommand returns connections to authentik for a command. They trust these
// PEM files in addition to the system's authorities.
func ForCommand(trust []string) (http.RoundTripper, error) {
	authorities, _, err := readTrust(trust)
	if err != nil || len(trust) == 0 {
		return newTransport(nil).Transport, err
	}
	return newTransport(&tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}).Transport, nil
}

// Check returns the mistakes in files with certificate authorities.
func Check(trust []string) error {
	_, _, err := readTrust(trust)
	return err
}

// with returns the key of a transport for a further way to verify the
// certificate. It includes the address, whose host may be accepted in addition
// to a name.
func (k poolKey) with(cfg flowclient.Config, serverName string) poolKey {
	if serverName == "" && cfg.PinSHA256 == "" {
		return k
	}
	return sha256.Sum256(fmt.Appendf(k[:], "%q%q%q%q", cfg.PinSHA256, cfg.TLSServerName, serverName, cfg.URL))
}

// readTrust reads the files with certificate authorities. The key contains a
// hash of their contents, so that a changed file leads to another transport.
// Without files it returns no authorities: those of the system are many, and
// would be copied for each caller.
func readTrust(files []string) (*x509.CertPool, poolKey, error) {
	if len(files) == 0 {
		return nil, sha256.Sum256(nil), nil
	}
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
	return authorities, poolKey(sum.Sum(nil)), wrong.Err()
}

// newTransport returns a transport like that of Go's own clients. A config
// without authorities leaves the decision to the platform's verifier, which
// knows more.
func newTransport(config *tls.Config) transport {
	t := &http.Transport{}
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		t = standard.Clone()
	}
	t.MaxIdleConnsPerHost = 64
	t.TLSClientConfig = config
	return transport{t}
}
