package flowclient

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// authority signs the certificates of a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Authority"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

func (a authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// issue returns a certificate for names and addresses that expires at until.
func (a authority) issue(t testing.TB, until time.Time, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

func pinOfCert(t testing.TB, c tls.Certificate) string {
	t.Helper()
	cert, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return pinOf(cert)
}

// secure starts an authentik that speaks TLS at an IP address. It answers every
// request with the first question, and reports the names in the handshakes.
func secure(t testing.TB, cert tls.Certificate, names chan<- string) *url.URL {
	t.Helper()
	s := httptest.NewUnstartedServer(says(whoAreYou))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		select {
		case names <- hello.ServerName:
		default:
		}
		return &cert, nil
	}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return address(t, s.URL)
}

// trusting returns a transport that trusts one authority.
func trusting(a authority) *http.Transport {
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.pool(), MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
}

func asking(t testing.TB, cfg Config) error {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if idle, ok := c.transport.(*http.Transport); ok {
		t.Cleanup(idle.CloseIdleConnections)
	}
	_, err = c.Ask(t.Context(), Visitor{}, login)
	return err
}

const public = "https://auth.example.com"

func TestTLS_CertificateIsVerifiedForTheNamesOfTheConfiguration(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	later := time.Now().Add(time.Hour)
	for name, c := range map[string]struct {
		names      []string // in the certificate
		public     string
		serverName string
		want       TLSReason // empty if the connection is trusted
		expected   []string
	}{
		"the public name, for an address":      {[]string{"auth.example.com"}, public, "", "", nil},
		"the address itself":                   {[]string{"127.0.0.1"}, public, "", "", nil},
		"neither":                              {[]string{"other.example.com"}, public, "", TLSWrongName, []string{"auth.example.com", "127.0.0.1"}},
		"the address, without a public name":   {[]string{"127.0.0.1"}, "", "", "", nil},
		"a name, without a public name":        {[]string{"auth.example.com"}, "", "", TLSWrongName, []string{"127.0.0.1"}},
		"a given name":                         {[]string{"inner.example.com"}, public, "inner.example.com", "", nil},
		"a given name, and the public one":     {[]string{"auth.example.com"}, public, "inner.example.com", TLSWrongName, []string{"inner.example.com"}},
		"a given name, and the address":        {[]string{"127.0.0.1"}, public, "inner.example.com", TLSWrongName, []string{"inner.example.com"}},
		"a wildcard for the public name":       {[]string{"*.example.com"}, public, "", "", nil},
		"authentik's own certificate, for all": {[]string{"*"}, public, "", TLSWrongName, []string{"auth.example.com", "127.0.0.1"}},
	} {
		cfg := Config{URL: secure(t, a.issue(t, later, c.names...), nil), Transport: trusting(a), TLSServerName: c.serverName}
		if c.public != "" {
			cfg.PublicURL = address(t, c.public)
		}
		err := asking(t, cfg)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: got %v, want it trusted", name, err)
			}
			continue
		}
		var te *TLSError
		if !errors.As(err, &te) || !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: got %v, want a TLSError", name, err)
			continue
		}
		if te.Reason != c.want || !slices.Equal(te.Expected, c.expected) || !slices.Equal(te.Names, c.names) {
			t.Errorf("%s: got %q, expected %q in %q; want %q, %q in %q", name, te.Reason, te.Expected, te.Names, c.want, c.expected, c.names)
		}
		for _, part := range slices.Concat(c.names, c.expected) {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: got %v, want %s to be named", name, err, part)
			}
		}
	}
}

func TestTLS_TheServerIsToldTheName(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	cert := a.issue(t, time.Now().Add(time.Hour), "auth.example.com", "inner.example.com")
	for given, want := range map[string]string{"": "auth.example.com", "inner.example.com": "inner.example.com"} {
		names := make(chan string, 1)
		cfg := Config{URL: secure(t, cert, names), PublicURL: address(t, public), Transport: trusting(a), TLSServerName: given}
		if err := asking(t, cfg); err != nil {
			t.Fatal(err)
		}
		if got := <-names; got != want {
			t.Errorf("TLSServerName %q: got %q in the handshake, want %q", given, got, want)
		}
	}
}

func TestTLS_UntrustedCertificatesAreExplained(t *testing.T) {
	t.Parallel()
	a, foreign := newAuthority(t), newAuthority(t)
	good, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	for name, c := range map[string]struct {
		cert tls.Certificate
		want TLSReason
	}{
		"an unknown authority":      {foreign.issue(t, good, "auth.example.com"), TLSUnknownAuthority},
		"an expired certificate":    {a.issue(t, past, "auth.example.com"), TLSExpired},
		"a certificate for no name": {a.issue(t, good), TLSWrongName},
	} {
		for _, serverName := range []string{"", "auth.example.com"} { // crypto/tls verifies the second
			err := asking(t, Config{URL: secure(t, c.cert, nil), PublicURL: address(t, public), Transport: trusting(a), TLSServerName: serverName})
			var te *TLSError
			if !errors.As(err, &te) || te.Reason != c.want || te.PinSHA256 != pinOfCert(t, c.cert) || te.NotAfter.IsZero() || te.Err == nil {
				t.Errorf("%s: got %v (%+v), want %q", name, err, te, c.want)
			}
			if !errors.Is(err, ErrUnreachable) || !errors.Is(te, ErrUnreachable) {
				t.Errorf("%s: got %v, want ErrUnreachable", name, err)
			}
		}
	}
}

// A common name is not a name that could be written somewhere.
func TestTLS_OnlyACommonNameIsExplained(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(3), NotAfter: time.Now().Add(time.Hour), Subject: pkix.Name{CommonName: "auth.example.com"}}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	cert := tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
	err = asking(t, Config{URL: secure(t, cert, nil), PublicURL: address(t, public), Transport: trusting(a)})
	var te *TLSError
	if !errors.As(err, &te) || !te.OnlyCommonName || !strings.Contains(err.Error(), `its common name "auth.example.com" does not count`) {
		t.Errorf("got %v, want that the common name does not count", err)
	}
}

func TestTLS_PinAcceptsOneKeyAndNoOther(t *testing.T) {
	t.Parallel()
	a, foreign := newAuthority(t), newAuthority(t)
	odd := foreign.issue(t, time.Now().Add(-time.Hour), "*")
	trusted := a.issue(t, time.Now().Add(time.Hour), "auth.example.com", "127.0.0.1")
	pin := pinOfCert(t, odd)
	colons := strings.ToUpper(pin[:2] + ":" + pin[2:4] + ":" + pin[4:])
	for name, c := range map[string]struct {
		cert tls.Certificate
		pin  string
		ok   bool
	}{
		"an expired, foreign certificate with the key": {odd, pin, true},
		"the pin with colons and capitals":             {odd, colons, true},
		"a trusted certificate with another key":       {trusted, pin, false},
		"a trusted certificate, pinned":                {trusted, pinOfCert(t, trusted), true},
	} {
		err := asking(t, Config{URL: secure(t, c.cert, nil), PublicURL: address(t, public), Transport: trusting(a), PinSHA256: c.pin})
		var te *TLSError
		if c.ok && err != nil || !c.ok && (!errors.As(err, &te) || te.Reason != TLSWrongPin || te.PinSHA256 != pinOfCert(t, c.cert)) {
			t.Errorf("%s: got %v, want it accepted: %v", name, err, c.ok)
		}
	}
}

func TestTLSConfig_DoesNotChangeWhatWasGiven(t *testing.T) {
	t.Parallel()
	base := &tls.Config{MinVersion: tls.VersionTLS13}
	cfg := Config{URL: address(t, "https://10.0.0.5:9443"), PublicURL: address(t, public), PinSHA256: strings.Repeat("ab", 32)}
	got, err := cfg.TLSConfig(base)
	if err != nil || base.VerifyConnection != nil || base.InsecureSkipVerify || base.ServerName != "" {
		t.Errorf("got %v and a changed configuration", err)
	}
	if got.MinVersion != tls.VersionTLS13 || got.ServerName != "auth.example.com" || got.VerifyConnection == nil {
		t.Errorf("got a configuration for %q of version %d", got.ServerName, got.MinVersion)
	}
	given := trusting(newAuthority(t))
	if c, err := New(Config{URL: cfg.URL, PublicURL: cfg.PublicURL, Transport: given}); err != nil || c.transport == given || given.TLSClientConfig.ServerName != "" {
		t.Errorf("got the caller's transport changed, or %v", err)
	}
}

func TestTLSConfig_AsksTheCheckOfTheCallerToo(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	refused := errors.New("not today")
	tr := trusting(a)
	tr.TLSClientConfig.VerifyConnection = func(tls.ConnectionState) error { return refused }
	cert := a.issue(t, time.Now().Add(time.Hour), "auth.example.com")
	for _, cfg := range []Config{{}, {PinSHA256: pinOfCert(t, cert)}, {TLSServerName: "auth.example.com"}} {
		cfg.URL, cfg.PublicURL, cfg.Transport = secure(t, cert, nil), address(t, public), tr
		if err := asking(t, cfg); !errors.Is(err, refused) {
			t.Errorf("got %v, want the caller's refusal", err)
		}
	}
}

func TestTLSConfig_KeepsThatACallerSkipsVerification(t *testing.T) {
	t.Parallel()
	tr := trusting(newAuthority(t))
	tr.TLSClientConfig.InsecureSkipVerify = true
	cert := newAuthority(t).issue(t, time.Now().Add(time.Hour), "x")
	if err := asking(t, Config{URL: secure(t, cert, nil), PublicURL: address(t, public), Transport: tr}); err != nil {
		t.Errorf("got %v, want what the caller has configured", err)
	}
}

func TestNew_RefusesTLSOptionsThatCannotHold(t *testing.T) {
	t.Parallel()
	secure, pin := address(t, "https://authentik:9443"), strings.Repeat("ab", 32)
	wrapped := tripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("unused") })
	dials := &http.Transport{DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("unused") }}
	for name, c := range map[string]struct {
		cfg  Config
		want string
	}{
		"a name with plain HTTP":           {Config{URL: address(t, "http://authentik:9000"), TLSServerName: "x"}, "https://"},
		"a pin with plain HTTP":            {Config{URL: address(t, "http://authentik:9000"), PinSHA256: pin}, "https://"},
		"a name with a port":               {Config{URL: secure, TLSServerName: "x:443"}, "without a port"},
		"not a name":                       {Config{URL: secure, TLSServerName: "a b"}, "TLSServerName must"},
		"a short pin":                      {Config{URL: secure, PinSHA256: pin[2:]}, "64 hexadecimal digits"},
		"a pin in base64":                  {Config{URL: secure, PinSHA256: "sha256/AAAA="}, "64 hexadecimal digits"},
		"a pin for a wrapped transport":    {Config{URL: secure, PinSHA256: pin, Transport: wrapped}, "Config.TLSConfig"},
		"a name for a wrapped transport":   {Config{URL: secure, TLSServerName: "x", Transport: wrapped}, "Config.TLSConfig"},
		"a pin for a transport that dials": {Config{URL: secure, PinSHA256: pin, Transport: dials}, "DialTLSContext"},
	} {
		if _, err := New(c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
}
