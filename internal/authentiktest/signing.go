package authentiktest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// issued are the tokens of one response.
type issued struct{ access, id string }

// signed makes a JWT of a provider: signed with its key or its secret, and
// encrypted if it encrypts.
func (s *Server) signed(p Provider, kind string, claims object) string {
	token := ""
	if p.SecretSigns {
		token = signHS256([]byte(p.Secret), kind, claims)
	} else {
		token = s.ring.key(p.Algorithm, s.now()).sign(kind, claims)
	}
	if p.Encrypts {
		token = s.ring.key(encryption, s.now()).encrypt(token)
	}
	return token
}

// issuedHere reports whether a token was signed with the provider's key or
// secret, for this client and by the issuer that this request sees. Whether it
// has expired does not matter.
func (v *visit) issuedHere(p Provider, app Application, token string) bool {
	i := strings.LastIndexByte(token, '.')
	if i < 0 || !v.srv.signedBy(p, token) {
		return false
	}
	var claims struct{ Iss, Aud string }
	_, encoded, _ := strings.Cut(token[:i], ".")
	payload, err := base64.RawURLEncoding.DecodeString(encoded)
	return err == nil && json.Unmarshal(payload, &claims) == nil && claims.Aud == p.ClientID && claims.Iss == v.issuer(p, app)
}

func (s *Server) signedBy(p Provider, token string) bool {
	key, algorithm := any([]byte(p.Secret)), jose.HS256
	if !p.SecretSigns {
		key, algorithm = s.ring.key(p.Algorithm, s.now()).key.Public(), jose.SignatureAlgorithm(p.Algorithm)
	}
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{algorithm})
	if err != nil {
		return false
	}
	_, err = parsed.Verify(key)
	return err == nil
}

// issue makes an access token and its ID token, and stores the access token.
func (v *visit) issue(p Provider, app Application, g grant) issued {
	now := v.srv.now()
	claims := v.claimsOf(p, app, g)
	g.claims, g.refresh, g.until = claims, false, now.Add(p.AccessValidity)
	access := maps.Clone(claims)
	access["azp"], access["uid"], access["scope"] = p.ClientID, random(40), strings.Join(g.scopes, " ")
	out := issued{access: v.srv.signed(p, "JWT", access)}
	if g.hashed {
		claims["at_hash"] = half(out.access)
	}
	out.id = v.srv.signed(p, "JWT", claims)
	v.srv.grants.keepToken(out.access, g)
	return out
}

// claimsOf are the claims of an ID token.
func (v *visit) claimsOf(p Provider, app Application, g grant) object {
	now := v.srv.now()
	u := v.srv.current(User{PK: g.user})
	claims := object{
		"iss": v.issuer(p, app), "sub": u.UID, "aud": p.ClientID,
		"iat": now.Unix(), "exp": now.Add(p.AccessValidity).Unix(),
		"auth_time": g.login.at.Unix(), "acr": "goauthentik.io/providers/oauth2/default",
	}
	if amr := g.login.amr(); amr != nil {
		claims["amr"] = amr
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
	if !p.ClaimsApart {
		maps.Copy(claims, p.claims(u, g.scopes))
	}
	return claims
}

// half is the hash in an ID token of what was issued with it.
func half(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// sidOf is the sid of a session in tokens.
func sidOf(session string) string {
	sum := sha256.Sum256([]byte(session))
	return hex.EncodeToString(sum[:])
}

// claims are what a provider tells about a user: the claims of authentik's own
// scopes, and those of the provider's mappings.
func (p Provider) claims(u User, scopes []string) object {
	claims := object{}
	if slices.Contains(scopes, "email") {
		claims["email"], claims["email_verified"] = u.Email, false
	}
	if slices.Contains(scopes, "profile") {
		claims["name"], claims["given_name"] = u.Name, u.Name
		claims["preferred_username"], claims["nickname"] = u.Username, u.Username
		claims["groups"] = append([]string{}, u.Groups...)
	}
	for _, scope := range scopes {
		maps.Copy(claims, p.Claims[scope])
	}
	return claims
}
