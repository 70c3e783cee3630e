package flowclient

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"net/http"
	"net/netip"
	"strings"
)

// TLSConfig returns a copy of base, or a new configuration if base is nil, that
// verifies connections to authentik according to TLSServerName and PinSHA256.
// New does this itself for its default transport and for an *http.Transport;
// call it to prepare a transport that is then wrapped.
func (cfg Config) TLSConfig(base *tls.Config) (*tls.Config, error) {
	if err := cfg.checkTLS(); err != nil {
		return nil, err
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if base != nil {
		out = base.Clone()
	}
	switch {
	case cfg.TLSServerName != "":
		out.ServerName = cfg.TLSServerName
	case out.ServerName == "" && cfg.byAddress():
		out.ServerName = cfg.PublicURL.Hostname()
	}
	switch {
	case cfg.PinSHA256 != "":
		pin := plainPin(cfg.PinSHA256)
		verifyWith(out, func(cs tls.ConnectionState) error { return checkPin(pin, cs) })
	case cfg.TLSServerName == "" && cfg.byAddress() && !out.InsecureSkipVerify:
		names := []string{out.ServerName, cfg.URL.Hostname()}
		roots, now := out.RootCAs, out.Time
		verifyWith(out, func(cs tls.ConnectionState) error { return checkNames(names, roots, now, cs) })
	}
	return out, nil
}

// byAddress reports whether URL names authentik by an IP address, which few
// certificates contain, and PublicURL by a name.
func (cfg Config) byAddress() bool {
	return cfg.URL != nil && cfg.PublicURL != nil && cfg.URL.Scheme == "https" &&
		isAddress(cfg.URL.Hostname()) && !isAddress(cfg.PublicURL.Hostname())
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

func (cfg Config) checkTLS() error {
	var errs []error
	if (cfg.TLSServerName != "" || cfg.PinSHA256 != "") && cfg.URL != nil && cfg.URL.Scheme == "http" {
		errs = append(errs, errors.New("flowclient: TLSServerName and PinSHA256 need a URL that begins with https://"))
	}
	if name := cfg.TLSServerName; name != "" && (!hosts.MatchString(name) || strings.ContainsAny(name, "[:]")) {
		errs = append(errs, errors.New("flowclient: TLSServerName must be the name of a host without a port, for example auth.example.com"))
	}
	if pin, err := hex.DecodeString(plainPin(cfg.PinSHA256)); cfg.PinSHA256 != "" && (err != nil || len(pin) != sha256.Size) {
		errs = append(errs, errors.New("flowclient: PinSHA256 must be 64 hexadecimal digits: the SHA-256 of the certificate's public key"))
	}
	return errors.Join(errs...)
}

// transport returns the transport to use. A transport that the caller has given is
// changed in a copy, and only if the configuration demands it.
func (cfg Config) transport() (http.RoundTripper, error) {
	own := cfg.Transport == nil
	if own {
		cfg.Transport = http.DefaultTransport
	}
	t, known := cfg.Transport.(*http.Transport)
	asked := cfg.TLSServerName != "" || cfg.PinSHA256 != ""
	if asked && (!known || t.DialTLSContext != nil) {
		return nil, errors.New("flowclient: TLSServerName and PinSHA256 need Transport to be nil or an *http.Transport without DialTLSContext; " +
			"prepare another with Config.TLSConfig")
	}
	if !known || !own && !asked && !cfg.byAddress() {
		return cfg.Transport, nil
	}
	t = t.Clone()
	if own {
		t.MaxResponseHeaderBytes = maxHeader
		// All requests go to one host, so the default of two idle connections for each
		// host is too low.
		t.MaxIdleConnsPerHost = 64
	}
	config, err := cfg.TLSConfig(t.TLSClientConfig)
	if err != nil {
		return nil, err
	}
	t.TLSClientConfig = config
	return t, nil
}

func plainPin(pin string) string { return strings.ToLower(strings.ReplaceAll(pin, ":", "")) }

// verifyWith replaces the verification of crypto/tls. The check runs for resumed
// connections too, and before one that base may have.
func verifyWith(config *tls.Config, check func(tls.ConnectionState) error) {
	next := config.VerifyConnection
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(cs tls.ConnectionState) error {
		if err := check(cs); err != nil || next == nil {
			return err
		}
		return next(cs)
	}
}

// checkPin compares the public key of the server's certificate. The handshake has
// proved that the server has the private key.
func checkPin(pin string, cs tls.ConnectionState) error {
	if pinOf(cs.PeerCertificates[0]) == pin {
		return nil
	}
	return newTLSError(TLSWrongPin, cs.PeerCertificates, errors.New("its public key is not the pinned one"))
}

// pinOf returns the pin of a certificate: the SHA-256 of its SubjectPublicKeyInfo in
// hexadecimal digits.
func pinOf(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}
