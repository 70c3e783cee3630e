package proxy

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/oidc"
	"github.com/go-jose/go-jose/v4"
)

// access are the claims of an access token that is as it should be.
func (i *issuer) access() claims {
	return i.good().with(claims{"nonce": nil, "azp": theClient, "scope": "openid profile", "uid": "random"})
}

// telling has the endpoints answer for any token.
func (i *issuer) telling(view string, said any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.says == nil {
		i.says = map[string]any{}
	}
	i.says[view] = said
}

// active is an answer of the introspection endpoint.
func (i *issuer) active(changed claims) claims {
	return i.access().with(claims{"azp": nil, "uid": nil, "active": true, "client_id": theClient}).with(changed)
}

func (i *issuer) asks() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

// TestBearer_ForgedTokensAreRefused tries what has broken others, with an authentik
// that says yes to every token. Only a token that was asked about may count as a
// guess.
func TestBearer_ForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.telling("userinfo/", claims{"sub": "jane's id", "preferred_username": "jane"})
	i.telling("introspect/", i.active(nil))
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(changed claims) string { return signed(t, jose.RS256, rsaKey(t), "one", i.access().with(changed)) }
	by := oidc.NewAccess(i.p, []string{"further"})
	if _, err := by.Bearer(t.Context(), flowclient.Visitor{}, sign(nil)); err != nil {
		t.Fatalf("got error %v for a good token, want none", err)
	}
	before := i.asks()
	for name, token := range map[string]string{
		"another key":                   signed(t, jose.RS256, stranger, "one", i.access()),
		"unknown key":                   signed(t, jose.RS256, stranger, "two", i.access()),
		"algorithm none":                unsigned(t, `{"alg":"none","typ":"JWT"}`, i.access()),
		"signed by the secret":          signed(t, jose.HS256, []byte(theSecret), "", i.access()),
		"another issuer":                sign(claims{"iss": "https://evil.example"}),
		"another client":                sign(claims{"aud": "other", "azp": "other"}),
		"another party":                 sign(claims{"azp": "other"}),
		"another audience":              sign(claims{"aud": "other"}),
		"no party":                      sign(claims{"azp": nil}),
		"party of the list, issuer not": sign(claims{"azp": "further"}),
		"expired":                       sign(claims{"exp": time.Now().Add(-2 * time.Minute).Unix()}),
		"just expired":                  sign(claims{"exp": time.Now().Add(-time.Second).Unix()}),
		"no expiry":                     sign(claims{"exp": nil}),
		"ID token":                      sign(claims{"azp": nil, "scope": nil, "nonce": theNonce}),
		"without scope":                 sign(claims{"scope": nil}),
		"with nonce":                    sign(claims{"nonce": theNonce}),
		"with at_hash":                  sign(claims{"at_hash": "x"}),
		"with c_hash":                   sign(claims{"c_hash": "x"}),
		"logout token":                  sign(claims{"events": events}),
		"not JSON":                      "e30.bm90IGpzb24.e30",
		"not base64":                    "a.!.b",
	} {
		_, err := by.Bearer(t.Context(), flowclient.Visitor{}, token)
		no, ok := errors.AsType[*authn.Refusal](err)
		if !ok || !no.Unasked {
			t.Errorf("%s: got %v, want a refusal without asking", name, err)
		}
	}
	if got := i.asks() - before; got != 0 {
		t.Errorf("got %d questions about tokens that cannot be good, want none", got)
	}
}

// TestBearer_UnknownIssuerCountsAsAGuess: authentik is asked for the metadata of
// each application that a token of a further client names.
func TestBearer_UnknownIssuerCountsAsAGuess(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	token := unsigned(t, `{"alg":"RS256"}`, i.access().with(claims{"azp": "further", "aud": "further", "iss": i.URL + "/application/o/unknown/"}))
	_, err := oidc.NewAccess(i.p, []string{"further"}).Bearer(t.Context(), flowclient.Visitor{}, token)
	if no, ok := errors.AsType[*authn.Refusal](err); !ok || no.Unasked {
		t.Errorf("got %v, want a refusal that counts", err)
	}
}

// TestBearer_SignatureIsNotEnough: a token that was revoked still has one.
func TestBearer_SignatureIsNotEnough(t *testing.T) {
	t.Parallel()
	for name, said := range map[string]any{
		"unknown to authentik": http.StatusUnauthorized, "not for userinfo": http.StatusForbidden,
		"of another user": claims{"sub": "joe's id", "preferred_username": "joe"},
		"of no name":      claims{"sub": "jane's id", "preferred_username": ""},
	} {
		i := newIssuer(t)
		i.telling("userinfo/", said)
		token := signed(t, jose.RS256, rsaKey(t), "one", i.access())
		_, err := oidc.NewAccess(i.p, nil).Bearer(t.Context(), flowclient.Visitor{}, token)
		if no, ok := errors.AsType[*authn.Refusal](err); !ok || no.Unasked {
			t.Errorf("%s: got %v, want a refusal by authentik", name, err)
		}
	}
}

// TestBearer_ActiveIsNotEnough: authentik before 2024.8.3 called the tokens of all
// clients active (CVE-2024-47077), and it calls refresh tokens so.
func TestBearer_ActiveIsNotEnough(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		said claims
		good bool
	}{
		"as it should be":          {claims{}, true},
		"inactive":                 {claims{"active": false}, false},
		"active is missing":        {claims{"active": nil}, false},
		"another client":           {claims{"client_id": "other", "aud": "other"}, false},
		"another client's":         {claims{"client_id": "other"}, false},
		"another audience":         {claims{"aud": "other"}, false},
		"no client":                {claims{"client_id": nil}, false},
		"expired":                  {claims{"exp": time.Now().Add(-time.Second).Unix()}, false},
		"refresh token":            {claims{"at_hash": "x"}, false},
		"without scope":            {claims{"scope": nil}, false},
		"without the scope openid": {claims{"scope": "profile"}, true},
	} {
		i := newIssuer(t)
		i.other = map[string]string{"introspection_endpoint": i.URL + "/application/o/introspect/"}
		i.telling("introspect/", i.active(tt.said))
		i.telling("userinfo/", claims{"sub": "jane's id", "preferred_username": "jane"})
		who, err := oidc.NewAccess(i.p, nil).Bearer(t.Context(), flowclient.Visitor{}, "opaque")
		if _, refused := errors.AsType[*authn.Refusal](err); refused == tt.good || tt.good && who.User.Username != "jane" {
			t.Errorf("%s: got user %q, %v, want good: %t", name, who.User.Username, err, tt.good)
		}
	}
}

// TestBearer_WithoutOpenIDIsIntrospected: the userinfo endpoint answers only for
// that scope, and the signature alone says nothing about revocation.
func TestBearer_WithoutOpenIDIsIntrospected(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		said any
		good bool
	}{
		"good":           {claims{}, true},
		"revoked":        {claims{"active": false}, false},
		"another client": {claims{"client_id": "other"}, false},
		"another user":   {claims{"sub": "joe's id"}, false},
		"expired":        {claims{"exp": 1}, false},
	} {
		i := newIssuer(t)
		i.other = map[string]string{"introspection_endpoint": i.URL + "/application/o/introspect/"}
		changed, _ := tt.said.(claims)
		i.telling("introspect/", i.active(changed))
		token := signed(t, jose.RS256, rsaKey(t), "one", i.access().with(claims{"scope": "profile"}))
		_, err := oidc.NewAccess(i.p, nil).Bearer(t.Context(), flowclient.Visitor{}, token)
		if _, refused := errors.AsType[*authn.Refusal](err); refused == tt.good || !refused && err != nil {
			t.Errorf("%s: got %v, want good: %t", name, err, tt.good)
		}
	}
}

// TestBearer_FailuresSayNothingAboutTheToken: they must neither let it in nor end
// what it has begun.
func TestBearer_FailuresSayNothingAboutTheToken(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	token := signed(t, jose.RS256, rsaKey(t), "one", i.access())
	for name, fail := range map[string]func(){
		"userinfo fails":        func() { i.telling("userinfo/", http.StatusInternalServerError) },
		"userinfo is away":      func() { i.telling("userinfo/", http.StatusBadGateway) },
		"userinfo is no object": func() { i.telling("userinfo/", "text") },
	} {
		fail()
		_, err := oidc.NewAccess(i.p, nil).Bearer(t.Context(), flowclient.Visitor{}, token)
		if err == nil || errors.Is(err, authn.ErrNotSignedIn) {
			t.Errorf("%s: got %v, want an error that is no refusal", name, err)
		}
	}
	i.mu.Lock()
	i.broken = true
	i.mu.Unlock()
	_, err := oidc.NewAccess(sourceOf(registeredAt(i)), nil).Bearer(t.Context(), flowclient.Visitor{}, token)
	if fault.From(err).Code != fault.KeysUnreachable {
		t.Errorf("no keys: got %v, want %s", err, fault.KeysUnreachable)
	}
}

// registeredAt is the configuration of a gate that is the issuer's client.
func registeredAt(i *issuer) Config {
	var cfg Config
	i.registered(&cfg)
	return cfg.withDefaults()
}

// TestBearer_SaysHowTheUserHasSignedIn: only a token of a session at authentik
// does. The time in others is that of their issue.
func TestBearer_SaysHowTheUserHasSignedIn(t *testing.T) {
	t.Parallel()
	for sid, want := range map[any]bool{"a session": true, nil: false} {
		i := newIssuer(t)
		i.telling("userinfo/", claims{"sub": "jane's id", "preferred_username": "jane", "groups": []string{"now"}})
		token := signed(t, jose.RS256, rsaKey(t), "one", i.access().with(claims{"sid": sid}))
		who, err := oidc.NewAccess(i.p, nil).Bearer(t.Context(), flowclient.Visitor{}, token)
		if err != nil || who.SignIn.MFA != want || who.SignIn.At.IsZero() == want {
			t.Errorf("sid %v: got %+v, %v, want it known: %t", sid, who.SignIn, err, want)
		}
		if got := who.User; len(got.Groups) != 1 || got.Groups[0] != "now" || got.Claims["tenant"] != "north" || got.Claims["scope"] != nil || got.Claims["uid"] != nil {
			t.Errorf("got user %+v, want the groups of now and no claims about the token", got)
		}
	}
}
