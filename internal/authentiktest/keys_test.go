package authentiktest

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// jwks are the published keys.
func (p *party) jwks() []object {
	p.t.Helper()
	list, _ := p.do(http.MethodGet, "/application/o/oi-code/jwks/", "")["keys"].([]any)
	var keys []object
	for _, one := range list {
		key, _ := one.(object)
		keys = append(keys, key)
	}
	return keys
}

// header returns the JOSE header of a token.
func header(t testing.TB, token string) object {
	t.Helper()
	h, ok := numbers(headerOf(token)).(map[string]any)
	if !ok {
		t.Fatalf("got %q, want a token with three parts", token)
	}
	return h
}

func TestProvider_SignsWithItsAlgorithm(t *testing.T) {
	t.Parallel()
	for algorithm, key := range map[string]object{
		"":      {"alg": "RS256", "kty": "RSA"},
		"RS256": {"alg": "RS256", "kty": "RSA"},
		"ES256": {"alg": "ES256", "kty": "EC", "crv": "P-256"},
		"ES384": {"alg": "ES384", "kty": "EC", "crv": "P-384"},
		"ES512": {"alg": "ES512", "kty": "EC", "crv": "P-521"},
		"EdDSA": {"alg": "EdDSA", "kty": "OKP", "crv": "Ed25519"},
	} {
		t.Run("signed with "+algorithm, func(t *testing.T) {
			t.Parallel()
			p := newParty(t, Release202605, func(p *Provider) { p.Algorithm = algorithm })
			token := p.enters()
			p.verified(token)
			keys := p.jwks()
			if len(keys) != 1 {
				t.Fatalf("got %d published keys, want 1", len(keys))
			}
			for name, value := range key {
				want(t, keys[0], name, value)
			}
			want(t, header(t, token.AccessToken), "alg", key["alg"], "kid", keys[0]["kid"], "typ", "JWT")
			p.discovers("id_token_signing_alg_values_supported", key["alg"])
		})
	}
}

// discovers checks that discovery lists only that value, or nothing.
func (p *party) discovers(name string, value any) {
	p.t.Helper()
	document := p.do(http.MethodGet, "/application/o/oi-code/.well-known/openid-configuration", "")
	list, _ := document[name].([]any)
	if value == nil && document[name] != nil || value != nil && (len(list) != 1 || list[0] != value) {
		p.t.Errorf("discovery: %s: got %v, want %v", name, document[name], value)
	}
}

func TestProvider_WithoutAKeySignsWithItsSecret(t *testing.T) {
	t.Parallel()
	box := newInbox(t, http.StatusOK, nil)
	p := newParty(t, Release202605, box.tells, func(p *Provider) { p.SecretSigns = true })
	id, _ := p.enters().Extra("id_token").(string)
	p.authentik.EndSessions("oi-alice")
	delivered(t, p.authentik)
	for kind, token := range map[string]string{"JWT": id, "logout+jwt": strings.Join(box.heard(), " ")} {
		want(t, header(t, token), "alg", "HS256", "typ", kind, "kid", nil)
		i := strings.LastIndexByte(token, '.')
		if sum := mac([]byte("oi-code-secret"), token[:i]); base64.RawURLEncoding.EncodeToString(sum) != token[i+1:] {
			t.Errorf("got the token %s not signed with the secret", token)
		}
	}
	if keys := p.jwks(); len(keys) > 0 {
		t.Errorf("got published keys %v, want none", keys)
	}
	p.discovers("id_token_signing_alg_values_supported", "HS256")
}

func TestKeys_RotationTakesEffectAtOnce(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"RS256", "ES256"} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			p := newParty(t, Release202605, func(p *Provider) { p.Algorithm = algorithm })
			old := p.enters()
			before := p.jwks()
			p.authentik.RotateKeys()
			after := p.jwks()
			if len(before) != 1 || len(after) != 1 || before[0]["kid"] == after[0]["kid"] {
				t.Errorf("got keys %v before and %v after the rotation, want one each, different", before, after)
			}
			want(t, header(t, old.AccessToken), "kid", before[0]["kid"])
			p.verified(p.enters()) // the verifier fetches the unknown key
			if info := p.userinfo(old); info["status"] != http.StatusOK {
				t.Errorf("got %v for an access token after the rotation, want it valid", info)
			}
		})
	}
}

func TestProvider_EncryptsTokensIfConfigured(t *testing.T) {
	t.Parallel()
	box := newInbox(t, http.StatusOK, nil)
	p := newParty(t, Release202605, quickly, box.tells, func(p *Provider) { p.Encrypts = true })
	token := p.enters()
	want(t, p.userinfo(token), "status", http.StatusOK, "preferred_username", "oi-alice")
	p.authentik.EndSessions("oi-alice")
	delivered(t, p.authentik)
	id, _ := token.Extra("id_token").(string)
	keys := p.jwks()
	if len(keys) != 2 {
		t.Fatalf("got %d published keys, want 1", len(keys))
	}
	want(t, keys[0], "use", "sig", "alg", "ES256")
	want(t, keys[1], "use", "enc", "alg", "RSA-OAEP-256", "enc", "A256CBC-HS512", "kty", "RSA")
	for kind, raw := range map[string]string{
		"the access token": token.AccessToken, "the ID token": id, "the logout token": strings.Join(box.heard(), " "),
	} {
		want(t, header(t, raw), "alg", "RSA-OAEP-256", "enc", "A256CBC-HS512", "typ", "JWE", "kid", keys[1]["kid"])
		if inner := p.decrypted(raw); claimsOf(inner)["aud"] != "oi-code" {
			t.Errorf("%s: got %q inside the JWE, want a JWT", kind, inner)
		}
	}
	p.discovers("id_token_encryption_alg_values_supported", "RSA-OAEP-256")
	p.discovers("id_token_encryption_enc_values_supported", "A256CBC-HS512")
	newParty(t, Release202605, quickly).discovers("id_token_encryption_alg_values_supported", nil)
}

// decrypted is the JWT in a JWE, checked against the published keys.
func (p *party) decrypted(raw string) string {
	p.t.Helper()
	jwe, err := jose.ParseEncryptedCompact(raw, []jose.KeyAlgorithm{jose.RSA_OAEP_256}, []jose.ContentEncryption{jose.A256CBC_HS512})
	if err != nil {
		p.t.Fatal(err)
	}
	inner, err := jwe.Decrypt(p.authentik.EncryptionKey())
	if err != nil {
		p.t.Fatal(err)
	}
	jws, err := jose.ParseSignedCompact(string(inner), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := jws.Verify(p.authentik.ring.key("ES256", p.authentik.now()).key.Public()); err != nil {
		p.t.Error(err)
	}
	return string(inner)
}

func TestProvider_InvalidConfigurationIsAnError(t *testing.T) {
	t.Parallel()
	for what, edit := range map[string]func(*Provider){
		"an algorithm that does not sign": func(p *Provider) { p.Algorithm = "RSA-OAEP-256" },
		"an algorithm in lower case":      func(p *Provider) { p.Algorithm = "rs256" },
		"an unknown grant type":           func(p *Provider) { p.GrantTypes = []string{"authorization-code"} },
	} {
		if _, err := New(Config{Applications: []Application{relying("oi-code", edit)}}); err == nil {
			t.Errorf("%s: got no error, want one", what)
		}
		if _, err := New(Config{Providers: []Provider{*relying("oi-code", edit).Provider}}); err == nil {
			t.Errorf("%s, without an application: got no error, want one", what)
		}
	}
}
