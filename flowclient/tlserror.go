package flowclient

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// TLSReason says why there is no trusted connection to authentik.
type TLSReason string

// The reasons of a TLSError.
const (
	// TLSUnknownAuthority means that no trusted authority has signed the certificate.
	TLSUnknownAuthority TLSReason = "unknown authority"
	// TLSWrongName means that the certificate is for other names.
	TLSWrongName TLSReason = "wrong name"
	// TLSExpired means that the certificate has expired or is not yet valid.
	TLSExpired TLSReason = "expired"
	// TLSWrongPin means that the certificate's public key is not the pinned one.
	TLSWrongPin TLSReason = "wrong pin"
	// TLSServerSpeaksHTTP means that URL begins with https:// and the server speaks
	// plain HTTP.
	TLSServerSpeaksHTTP TLSReason = "server speaks HTTP"
	// TLSServerSpeaksTLS means that URL begins with http:// and the server speaks
	// TLS.
	TLSServerSpeaksTLS TLSReason = "server speaks TLS"
	// TLSHandshake means that the handshake failed for another reason.
	TLSHandshake TLSReason = "handshake"
)

// TLSError means that there is no trusted connection to authentik: the
// certificate, the handshake or the scheme of URL is wrong. errors.Is finds
// ErrUnreachable in it.
type TLSError struct {
	Reason TLSReason
	// Expected are the accepted names; the certificate has none of them. It is
	// empty unless Reason is TLSWrongName.
	Expected []string
	// Names are the DNS names and IP addresses in the server's certificate, or its
	// common name if it has neither. It is empty if the server sent no certificate.
	Names []string
	// OnlyCommonName says that the certificate has only a common name, which
	// programs no longer accept (RFC 6125, 6.4.4).
	OnlyCommonName bool
	// NotBefore and NotAfter are the certificate's dates.
	NotBefore, NotAfter time.Time
	// PinSHA256 is the value of Config.PinSHA256 that accepts this certificate.
	PinSHA256 string
	// Err is the error of package crypto/tls or crypto/x509.
	Err error
}

// Is makes a TLSError an ErrUnreachable.
func (e *TLSError) Is(target error) bool { return target == ErrUnreachable }

// Unwrap returns Err.
func (e *TLSError) Unwrap() error { return e.Err }

// Error says what is wrong, and with which certificate.
func (e *TLSError) Error() string {
	names := quoted(e.Names)
	switch e.Reason {
	case TLSUnknownAuthority:
		return fmt.Sprintf("TLS: the server's certificate for %s is signed by an unknown authority; its pin is %s", names, e.PinSHA256)
	case TLSWrongName:
		if e.OnlyCommonName {
			return fmt.Sprintf("TLS: the server's certificate is for no name; its common name %s does not count", names)
		}
		return fmt.Sprintf("TLS: the server's certificate is for %s, not for %s", names, quoted(e.Expected))
	case TLSExpired:
		return fmt.Sprintf("TLS: the server's certificate for %s is only valid from %s to %s",
			names, e.NotBefore.UTC().Format(time.DateTime), e.NotAfter.UTC().Format(time.DateTime))
	case TLSWrongPin:
		return fmt.Sprintf("TLS: the server's certificate for %s has the pin %s, which is not the configured one", names, e.PinSHA256)
	case TLSServerSpeaksHTTP:
		return "TLS: the server speaks plain HTTP; write http:// in URL, or the port where it speaks HTTPS"
	case TLSServerSpeaksTLS:
		return "TLS: the server speaks HTTPS; write https:// in URL, or the port where it speaks plain HTTP"
	default:
		return fmt.Sprintf("TLS: the handshake failed: %v", e.Err)
	}
}

func quoted(names []string) string {
	if len(names) == 0 {
		return "no name"
	}
	out := make([]string, 0, len(names))
	for _, name := range names {
		out = append(out, fmt.Sprintf("%q", name))
	}
	return strings.Join(out, ", ")
}

func newTLSError(reason TLSReason, chain []*x509.Certificate, err error) *TLSError {
	e := &TLSError{Reason: reason, Err: err}
	if len(chain) > 0 {
		e.Names, e.PinSHA256 = namesIn(chain[0]), pinOf(chain[0])
		e.OnlyCommonName = len(chain[0].DNSNames) == 0 && len(chain[0].IPAddresses) == 0 && len(e.Names) > 0
		e.NotBefore, e.NotAfter = chain[0].NotBefore, chain[0].NotAfter
	}
	return e
}

// maxNames is how many names of a certificate an error lists.
const maxNames = 20

func namesIn(cert *x509.Certificate) []string {
	names := append([]string(nil), cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 && cert.Subject.CommonName != "" {
		names = append(names, cert.Subject.CommonName)
	}
	return names[:min(len(names), maxNames)]
}

// checkNames verifies the server's certificate as crypto/tls does, but for any
// of several names.
func checkNames(names []string, roots *x509.CertPool, now func() time.Time, cs tls.ConnectionState) error {
	opts := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	if now != nil {
		opts.CurrentTime = now()
	}
	for _, cert := range cs.PeerCertificates[1:] {
		opts.Intermediates.AddCert(cert)
	}
	var first error
	for _, name := range names {
		opts.DNSName = name
		_, err := cs.PeerCertificates[0].Verify(opts)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	e := certificateError(cs.PeerCertificates, first)
	if e.Reason == TLSWrongName {
		e.Expected = names
	}
	return e
}

// certificateError explains why a chain of certificates was refused.
func certificateError(chain []*x509.Certificate, err error) *TLSError {
	var (
		name      x509.HostnameError
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &name):
		e := newTLSError(TLSWrongName, chain, err)
		e.Expected = []string{name.Host}
		return e
	case errors.As(err, &authority):
		return newTLSError(TLSUnknownAuthority, chain, err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return newTLSError(TLSExpired, chain, err)
	default:
		return newTLSError(TLSHandshake, chain, err)
	}
}

// tlsError returns the TLSError that explains why a request failed, or nil if the
// failure has nothing to do with TLS.
func tlsError(err error) *TLSError {
	var (
		known    *TLSError
		refused  *tls.CertificateVerificationError
		record   tls.RecordHeaderError
		op       *net.OpError
		protocol = err
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &refused):
		return certificateError(refused.UnverifiedCertificates, refused.Err)
	case errors.As(err, &record) && string(record.RecordHeader[:]) == "HTTP/":
		return newTLSError(TLSServerSpeaksHTTP, nil, err)
	case strings.Contains(err.Error(), `malformed HTTP response "\x15\x03`):
		return newTLSError(TLSServerSpeaksTLS, nil, err) // a TLS alert
	case errors.As(err, &op) && op.Op == "remote error":
		return newTLSError(TLSHandshake, nil, err)
	}
	for next := errors.Unwrap(protocol); next != nil; next = errors.Unwrap(protocol) {
		protocol = next
	}
	if strings.HasPrefix(protocol.Error(), "tls: ") {
		return newTLSError(TLSHandshake, nil, err)
	}
	return nil
}

// plainRefusals are the answers of servers to plain HTTP at a port for TLS:
// Go's, nginx, and Apache.
var plainRefusals = []string{
	"Client sent an HTTP request to an HTTPS server",
	"The plain HTTP request was sent to HTTPS port",
	"speaking plain HTTP to an SSL-enabled server port",
}

// plainRefusal returns a TLSError if an answer says that the server speaks TLS. The
// body can still be read afterwards.
func plainRefusal(resp *http.Response) error {
	if resp.Header.Get("X-authentik-id") != "" {
		return nil
	}
	if to := resp.Header.Get("Location"); leadsToTLS(resp.Request, to) {
		return newTLSError(TLSServerSpeaksTLS, nil, fmt.Errorf("a redirect to %q", to))
	}
	if resp.StatusCode != http.StatusBadRequest {
		return nil
	}
	head := make([]byte, 1024)
	n, _ := io.ReadFull(resp.Body, head)
	resp.Body = rejoined{io.MultiReader(bytes.NewReader(head[:n]), resp.Body), resp.Body}
	for _, words := range plainRefusals {
		if bytes.Contains(head[:n], []byte(words)) {
			return newTLSError(TLSServerSpeaksTLS, nil, errors.New(words))
		}
	}
	return nil
}

// leadsToTLS reports whether a redirect leads a request from http:// to https:// and
// nowhere else, as servers redirect that serve no plain HTTP.
func leadsToTLS(r *http.Request, to string) bool {
	if r == nil || r.URL.Scheme != "http" || !strings.HasPrefix(to, "https://") {
		return false
	}
	u, err := url.Parse(to)
	return err == nil && u.Path == r.URL.Path
}

// rejoined is a body of which the beginning has been read.
type rejoined struct {
	io.Reader
	io.Closer
}
