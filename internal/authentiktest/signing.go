package authentiktest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // RFC 7517 names the thumbprint of a certificate so
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// A signer signs the tokens of all providers. Its key is made when the first
// token is.
type signer struct {
	once        sync.Once
	key         *rsa.PrivateKey
	certificate *x509.Certificate
	jws         jose.Signer
	id          string
}

// ready makes the key, as authentik makes its self-signed certificate.
func (s *signer) ready(now time.Time) {
	s.once.Do(func() {
		if s.key == nil {
			s.key = must(rsa.GenerateKey(rand.Reader, 2048))
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
			Subject: pkix.Name{CommonName: "authentik Self-signed Certificate"},
		}
		raw := must(x509.CreateCertificate(rand.Reader, template, template, s.key.Public(), s.key))
		s.certificate = must(x509.ParseCertificate(raw))
		sum := sha256.Sum256(raw)
		s.id = hex.EncodeToString(sum[:16])
		s.jws = must(jose.NewSigner(
			jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: s.key, KeyID: s.id}},
			(&jose.SignerOptions{}).WithType("JWT"),
		))
	})
}

// sign makes a JWT of claims.
func (s *signer) sign(now time.Time, claims object) string {
	s.ready(now)
	payload := must(json.Marshal(claims))
	return must(must(s.jws.Sign(payload)).CompactSerialize())
}

// published is the key as clients get it (RFC 7517).
func (s *signer) published(now time.Time) jose.JSONWebKey {
	s.ready(now)
	one, two := sha1.Sum(s.certificate.Raw), sha256.Sum256(s.certificate.Raw) //nolint:gosec // see the import
	return jose.JSONWebKey{
		Key: s.key.Public(), KeyID: s.id, Algorithm: "RS256", Use: "sig",
		Certificates:                []*x509.Certificate{s.certificate},
		CertificateThumbprintSHA1:   one[:],
		CertificateThumbprintSHA256: two[:],
	}
}

// issued are the tokens of one answer.
type issued struct{ access, id string }

// issue makes an access token and the ID token that goes with it, and keeps
// the former.
func (v *visit) issue(p Provider, app Application, g grant) issued {
	now := v.srv.now()
	claims := v.claimsOf(p, app, g)
	g.claims, g.refresh, g.until = claims, false, now.Add(p.AccessValidity)
	access := object{"azp": p.ClientID, "uid": random(40), "scope": strings.Join(g.scopes, " ")}
	for name, value := range claims {
		access[name] = value
	}
	sign := func(claims object) string { return v.srv.signer.sign(now, claims) }
	if p.SecretSigns {
		sign = func(claims object) string { return signHS256([]byte(p.Secret), claims) }
	}
	out := issued{access: sign(access)}
	if g.hashed {
		claims["at_hash"] = half(out.access)
	}
	out.id = sign(claims)
	v.srv.grants.keepToken(out.access, g)
	return out
}

// claimsOf are the claims of an ID token.
func (v *visit) claimsOf(p Provider, app Application, g grant) object {
	now := v.srv.now()
	u := v.srv.current(User{PK: g.user})
	claims := claimsOfUser(u, g.scopes)
	claims["iss"], claims["sub"], claims["aud"] = v.issuer(p, app), u.UID, p.ClientID
	claims["iat"], claims["exp"] = now.Unix(), now.Add(p.AccessValidity).Unix()
	claims["auth_time"], claims["acr"] = g.login.at.Unix(), "goauthentik.io/providers/oauth2/default"
	if g.login.method == "password" {
		claims["amr"] = []string{"pwd"}
	}
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	if g.session != "" {
		claims["sid"] = sidOf(g.session)
	}
	if g.beside != "" {
		claims["c_hash"] = half(g.beside)
	}
	if v.srv.dialect.tokenID {
		claims["jti"] = random(40)
	}
	return claims
}

// half is the digest by which an ID token vouches for what comes with it.
func half(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// sidOf is how tokens name a session.
func sidOf(session string) string {
	sum := sha256.Sum256([]byte(session))
	return hex.EncodeToString(sum[:])
}

// claimsOfUser are those of the scopes that every new authentik has.
func claimsOfUser(u User, scopes []string) object {
	claims := object{}
	if slices.Contains(scopes, "email") {
		claims["email"], claims["email_verified"] = u.Email, false
	}
	if slices.Contains(scopes, "profile") {
		claims["name"], claims["given_name"] = u.Name, u.Name
		claims["preferred_username"], claims["nickname"] = u.Username, u.Username
		claims["groups"] = append([]string{}, u.Groups...)
	}
	return claims
}
