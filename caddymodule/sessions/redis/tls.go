//go:build !noredis

package redis

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
)

// TLS is the encryption of connections to Redis. The server must have a valid
// certificate for its name: no option turns that off.
type TLS struct {
	// PEM files with the certificate authorities to trust. Default: those of the
	// system.
	CA []string `json:"ca,omitempty"`

	// The name in the server's certificate. Default: the host of the address.
	ServerName string `json:"server_name,omitempty"`

	// The PEM file with the certificate by which the server knows this Caddy,
	// and the intermediate authorities. Default: none.
	Certificate string `json:"certificate,omitempty"`

	// The PEM file with the certificate's key.
	Key string `json:"key,omitempty"`
}

func (t *TLS) settings() []options.Setting {
	return []options.Setting{{Name: "tls server_name", Value: &t.ServerName, Check: options.Text, Example: "server_name redis.example.com"}}
}

// read reads the files. It also returns a hash of their contents: after a
// certificate was renewed, the gate uses a store with new connections.
func (t *TLS) read() (*tls.Config, []byte, error) {
	if t == nil {
		return nil, nil, nil
	}
	cfg := &tls.Config{ServerName: t.ServerName, MinVersion: tls.VersionTLS12}
	sum := sha256.New()
	var wrong options.Mistakes
	if len(t.CA) > 0 {
		cfg.RootCAs = x509.NewCertPool()
	}
	for i := range t.CA {
		pem, err := readFile("ca", &t.CA[i])
		if err == nil && !cfg.RootCAs.AppendCertsFromPEM(pem) {
			err = fmt.Errorf("tls ca: %s holds no certificate; write the path of a PEM file", t.CA[i])
		}
		wrong = wrong.And(err)
		_, _ = fmt.Fprintf(sum, "%d:%s", len(pem), pem)
	}
	if t.Certificate+t.Key != "" {
		cert, key, err := t.readPair()
		if err == nil {
			cfg.Certificates, err = parsePair(cert, key)
		}
		wrong = wrong.And(err)
		_, _ = fmt.Fprintf(sum, "%d:%s%s", len(cert), cert, key)
	}
	return cfg, sum.Sum(nil), wrong.Err()
}

func (t *TLS) readPair() (cert, key []byte, err error) {
	if cert, err = readFile("cert", &t.Certificate); err != nil {
		return nil, nil, err
	}
	key, err = readFile("cert", &t.Key)
	return cert, key, err
}

func parsePair(cert, key []byte) ([]tls.Certificate, error) {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("tls cert: %w; write two PEM files, the certificate's and its key's", err)
	}
	return []tls.Certificate{pair}, nil
}

// readFile reads a file that an option names. The name may have placeholders.
func readFile(option string, name *string) ([]byte, error) {
	if err := options.Expand(name); err != nil {
		return nil, fmt.Errorf("tls %s: %w", option, err)
	}
	text, err := os.ReadFile(*name)
	if err != nil {
		return nil, fmt.Errorf("tls %s: %w; write the path of a PEM file that Caddy may read", option, err)
	}
	return text, nil
}
