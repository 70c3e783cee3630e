package redis

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/redistest"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
	"github.com/flowsidecar/caddy-authentik/proxy/store/storetest"
)

const secret = "correct-horse-battery"

// rights are all that the store needs. docs/several-caddys.md names them.
const rights = "~authentik:* &authentik:* -@all +get +getrange +scan +dbsize +set +del +pttl +eval +evalsha +publish +subscribe"

func TestAccess_DocumentedRightsSuffice(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/several-caddys.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, these := range []string{rights, clusterRights} {
		if !strings.Contains(string(page), these) {
			t.Errorf("got no rights %s in docs/several-caddys.md, want them", these)
		}
	}
	server := redistest.Start(t, "user default off", "user gate on >"+secret+" "+rights)
	storetest.Run(t, func(t testing.TB) store.Store {
		cfg := Config{Addresses: []string{server.Address}, Username: "gate", Password: secret}
		s := open(t, cfg)
		s.cfg.Prefix = DefaultPrefix + s.cfg.Prefix
		s.watchers.run = s.subscriber().run
		return s
	})
}

func TestAccess_PasswordWithoutUsernameIsTheDefaultUsers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "requirepass "+secret)
	s := open(t, Config{Addresses: []string{server.Address}, Password: secret})
	save(t, s, "session-a", record("one"))
}

func TestAccess_RefusalIsReportedWithoutTheSecret(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "user default off", "user gate on >"+secret+" "+rights)
	for _, wrong := range []Config{{}, {Username: "gate", Password: "wrong-" + secret}, {Password: "wrong-" + secret}} {
		log := new(lines)
		wrong.Addresses, wrong.Logger = []string{server.Address}, log.logger()
		s := open(t, wrong)
		_, _, err := s.Load(t.Context(), "session-a")
		if err == nil {
			t.Fatal("got no error without the right password, want one")
		}
		watch(t, s).expect("", toldWithin)
		wrong.Logger.Info("configuration", "config", wrong, "pointer", &wrong)
		if text := err.Error() + log.String(); strings.Contains(text, secret) {
			t.Errorf("got the password in: %s", text)
		}
	}
}

// authority is a certificate authority and a certificate for 127.0.0.1, as files.
type authority struct {
	pool           *x509.CertPool
	ca, cert, key  string
	tls            tls.Certificate
	serverSettings []string
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	made := func(template, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if by == nil {
			parent, by = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert, key
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	root, rootKey := made(&template, nil, nil)
	leaf, leafKey := made(&x509.Certificate{
		SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"redis.example.com"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, root, rootKey)
	der, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	a := authority{
		pool: x509.NewCertPool(), ca: write("ca.pem", "CERTIFICATE", root.Raw),
		cert: write("cert.pem", "CERTIFICATE", leaf.Raw), key: write("key.pem", "PRIVATE KEY", der),
		tls: tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: leafKey},
	}
	a.pool.AddCert(root)
	a.serverSettings = []string{"tls-cert-file " + a.cert, "tls-key-file " + a.key, "tls-ca-cert-file " + a.ca}
	return a
}

func TestStore_KeepsTheContractOverTLSWithAClientCertificate(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	server := redistest.Start(t, append(a.serverSettings, "tls-auth-clients yes")...)
	cfg := &tls.Config{RootCAs: a.pool, Certificates: []tls.Certificate{a.tls}, MinVersion: tls.VersionTLS12}
	storetest.Run(t, func(t testing.TB) store.Store {
		return open(t, Config{Addresses: []string{server.Address}, TLS: cfg})
	})
	for name, wrong := range map[string]*tls.Config{
		"without TLS":            nil,
		"without a certificate":  {RootCAs: a.pool},
		"of another authority":   {Certificates: []tls.Certificate{a.tls}},
		"of another server name": {RootCAs: a.pool, Certificates: []tls.Certificate{a.tls}, ServerName: "other.example.com"},
	} {
		s := open(t, Config{Addresses: []string{server.Address}, TLS: wrong})
		if _, err := s.Save(t.Context(), "session-a", record("one")); err == nil {
			t.Errorf("a connection %s: got no error, want it refused", name)
		}
	}
	named := cfg.Clone()
	named.ServerName = "redis.example.com"
	save(t, open(t, Config{Addresses: []string{server.Address}, TLS: named}), "session-a", record("one"))
}
