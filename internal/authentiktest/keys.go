package authentiktest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // RFC 7517 names the thumbprint of a certificate so
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// rs256 is the algorithm of the key that every new authentik has.
const rs256 = string(jose.RS256)

// The algorithms that tokens are encrypted with.
const (
	encryption        = string(jose.RSA_OAEP_256)
	encryptionContent = string(jose.A256CBC_HS512)
)

// newKeys make the keys of each signing algorithm.
var newKeys = map[string]func() crypto.Signer{
	rs256:   newRSA,
	"ES256": func() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) },
	"ES384": func() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) },
	"ES512": func() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)) },
	"EdDSA": func() crypto.Signer {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return must(key, err)
	},
}

func newRSA() crypto.Signer { return must(rsa.GenerateKey(rand.Reader, 2048)) }

// A keyring holds the keys of all providers, one for each algorithm. A key is
// made when it is first needed.
type keyring struct {
	mu   sync.Mutex
	made map[string]*pair
	rsa  *rsa.PrivateKey // the first key for RS256, if given
}

func newKeyring(given *rsa.PrivateKey) *keyring {
	return &keyring{made: map[string]*pair{}, rsa: given}
}

// key returns the key for an algorithm.
func (k *keyring) key(algorithm string, now time.Time) *pair {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.made[algorithm] == nil {
		k.made[algorithm] = newPair(algorithm, k.fresh(algorithm), now)
	}
	return k.made[algorithm]
}

func (k *keyring) fresh(algorithm string) crypto.Signer {
	switch {
	case algorithm == rs256 && k.rsa != nil:
		return k.rsa
	case algorithm == encryption:
		return newRSA()
	}
	return newKeys[algorithm]()
}

// RotateKeys gives all providers new signing keys. The old ones are no longer
// published, as in authentik.
func (s *Server) RotateKeys() {
	s.ring.mu.Lock()
	defer s.ring.mu.Unlock()
	s.ring.rsa = nil
	for algorithm := range newKeys {
		delete(s.ring.made, algorithm)
	}
}

// EncryptionKey decrypts the tokens of providers that encrypt.
func (s *Server) EncryptionKey() *rsa.PrivateKey {
	key, _ := s.ring.key(encryption, s.now()).key.(*rsa.PrivateKey)
	return key
}

// A pair is what authentik calls a certificate-key pair.
type pair struct {
	algorithm   string
	id          string
	key         crypto.Signer
	certificate *x509.Certificate
}

// newPair makes a pair with a certificate like authentik's self-signed one.
func newPair(algorithm string, key crypto.Signer, now time.Time) *pair {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		Subject: pkix.Name{CommonName: "authentik Self-signed Certificate"},
	}
	raw := must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
	sum := sha256.Sum256(raw)
	return &pair{
		algorithm: algorithm, id: hex.EncodeToString(sum[:16]), key: key, certificate: must(x509.ParseCertificate(raw)),
	}
}

// sign makes a JWT of that type.
func (p *pair) sign(kind string, claims object) string {
	signer := must(jose.NewSigner(
		jose.SigningKey{Algorithm: jose.SignatureAlgorithm(p.algorithm), Key: jose.JSONWebKey{Key: p.key, KeyID: p.id}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(kind)),
	))
	return must(must(signer.Sign(must(json.Marshal(claims)))).CompactSerialize())
}

// encrypt makes a JWE of a token.
func (p *pair) encrypt(token string) string {
	encrypter := must(jose.NewEncrypter(
		jose.A256CBC_HS512, jose.Recipient{Algorithm: jose.RSA_OAEP_256, Key: p.key.Public(), KeyID: p.id},
		(&jose.EncrypterOptions{}).WithType("JWE"),
	))
	return must(must(encrypter.Encrypt([]byte(token))).CompactSerialize())
}

// published is the key as clients get it (RFC 7517). authentik adds the content
// encryption.
func (p *pair) published() object {
	one, two := sha1.Sum(p.certificate.Raw), sha256.Sum256(p.certificate.Raw) //nolint:gosec // see the import
	key := jose.JSONWebKey{
		Key: p.key.Public(), KeyID: p.id, Algorithm: p.algorithm, Use: "sig",
		Certificates:                []*x509.Certificate{p.certificate},
		CertificateThumbprintSHA1:   one[:],
		CertificateThumbprintSHA256: two[:],
	}
	told := object{}
	if p.algorithm == encryption {
		key.Use, told["enc"] = "enc", encryptionContent
	}
	if err := json.Unmarshal(must(json.Marshal(key)), &told); err != nil {
		panic("authentiktest: " + err.Error())
	}
	return told
}
