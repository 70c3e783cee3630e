package proxy

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/oidc"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/go-jose/go-jose/v4"
)

// An issuer is an OpenID Connect provider that signs whatever it is told to.
type issuer struct {
	testing.TB
	*httptest.Server
	p       *oidc.Source
	mu      sync.Mutex
	keys    []jose.JSONWebKey // published
	algs    []string
	fetched int               // how often the keys were
	asked   int               // how often tokens were asked about
	token   string            // the ID token of the next answer
	broken  bool              // the keys cannot be had
	other   map[string]string // endpoints that are named otherwise
	says    map[string]any    // what the view of a name answers; a number is a status
}

const (
	theClient = "gate"
	theSecret = "a secret of the client, as long as a key has to be"
	theNonce  = "the nonce of this sign-in"
)

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	i := &issuer{TB: t, algs: []string{"RS256"}, keys: []jose.JSONWebKey{public(rsaKey(t), "one", "RS256")}}
	i.Server = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(i.Close)
	var cfg Config
	i.registered(&cfg)
	i.p = sourceOf(cfg.withDefaults())
	return i
}

// sourceOf is the source that a gate of this configuration has.
func sourceOf(cfg Config) *oidc.Source {
	return oidc.New(oidc.Options{
		Authentik: cfg.Client, Application: cfg.Application, ClientID: cfg.OIDC.ClientID, ClientSecret: cfg.OIDC.ClientSecret,
		Scopes: cfg.OIDC.Scopes, Now: cfg.Now, Logger: cfg.Logger,
	})
}

// registered makes a gate the issuer's client.
func (i *issuer) registered(cfg *Config) {
	cfg.Client, cfg.Application = newClient(i, i.URL), "app"
	cfg.OIDC = OIDCConfig{ClientID: theClient, ClientSecret: theSecret}
}

func (i *issuer) name() string { return i.URL + "/application/o/app/" }

func (i *issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	at := func(view string) string { return i.URL + "/application/o/" + view }
	var said any
	switch strings.TrimPrefix(r.URL.Path, "/application/o/") {
	case "app/.well-known/openid-configuration":
		metadata := map[string]any{
			"issuer": i.name(), "authorization_endpoint": at("authorize/"), "token_endpoint": at("token/"),
			"userinfo_endpoint": at("userinfo/"), "revocation_endpoint": at("revoke/"), "end_session_endpoint": at("app/end-session/"),
			"jwks_uri": at("app/jwks/"), "id_token_signing_alg_values_supported": i.algs, "scopes_supported": []string{"openid"},
		}
		for name, address := range i.other {
			metadata[name] = address
		}
		said = metadata
	case "app/jwks/":
		i.fetched++
		if i.broken {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		if said = i.says["jwks/"]; said == nil {
			said = jose.JSONWebKeySet{Keys: i.keys}
		}
	case "userinfo/", "introspect/":
		i.asked++
		said = i.says[strings.TrimPrefix(r.URL.Path, "/application/o/")]
		if status, ok := said.(int); ok {
			w.WriteHeader(status)
			return
		}
	case "token/":
		said = map[string]any{"access_token": "opaque", "token_type": "Bearer", "expires_in": 600, "id_token": i.token}
	}
	_ = json.NewEncoder(w).Encode(said)
}

// redeem has the gate redeem a code for a token.
func (i *issuer) redeem(token string) (session.Proof, error) {
	i.Helper()
	i.mu.Lock()
	i.token = token
	i.mu.Unlock()
	return i.p.Redeem(i.Context(), flowclient.Visitor{}, authn.Request{Nonce: theNonce, Redirect: "https://app.example.com/.authentik/callback"}, "code")
}

var rsaKey = func() func(testing.TB) *rsa.PrivateKey {
	made := sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
	return func(t testing.TB) *rsa.PrivateKey {
		t.Helper()
		key, err := made()
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
}()

// public is what a provider publishes of a key.
func public(key crypto.Signer, id, alg string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key.Public(), KeyID: id, Algorithm: alg, Use: "sig"}
}

type claims map[string]any

// good are the claims of a token that is as it should be.
func (i *issuer) good() claims {
	now := time.Now()
	return claims{
		"iss": i.name(), "sub": "jane's id", "aud": theClient, "iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
		"auth_time": now.Unix(), "nonce": theNonce, "preferred_username": "jane", "sid": "a session", "amr": []string{"pwd", "mfa"},
		"groups": []string{"staff", "press"}, "tenant": "north",
	}
}

// with are the claims with some changed; one that is nil is missing.
func (c claims) with(changed claims) claims {
	all := maps.Clone(c)
	for name, value := range changed {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	return all
}

// signed makes a token.
func signed(t testing.TB, alg jose.SignatureAlgorithm, key any, id string, c claims) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT")
	if id != "" {
		options = options.WithHeader("kid", id)
	}
	return jws(t, jose.SigningKey{Algorithm: alg, Key: key}, options, c)
}

// jws signs claims.
func jws(t testing.TB, key jose.SigningKey, options *jose.SignerOptions, c claims) string {
	t.Helper()
	signer, err := jose.NewSigner(key, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signature.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// unsigned makes a token of the algorithm none.
func unsigned(t testing.TB, header string, c claims) string {
	t.Helper()
	payload, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
}

// notice makes a logout token, with some claims changed.
func (i *issuer) notice(changed claims) string {
	now := time.Now()
	return signed(i, jose.RS256, rsaKey(i), "one", claims{
		"iss": i.name(), "aud": theClient, "iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(), "jti": rand.Text(),
		"events": events, "sub": jane.UID, "sid": "a session",
	}.with(changed))
}

// events is what makes a token one for logouts.
var events = claims{"http://schemas.openid.net/event/backchannel-logout": struct{}{}}

func TestToken_ValidOnesAreAccepted(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	for name, c := range map[string]claims{
		"plain":                        i.good(),
		"for several, and ours":        i.good().with(claims{"aud": []string{theClient, "other"}, "azp": theClient}),
		"in a list":                    i.good().with(claims{"aud": []string{theClient}}),
		"just expired":                 i.good().with(claims{"exp": time.Now().Add(-30 * time.Second).Unix()}),
		"made in a moment":             i.good().with(claims{"iat": time.Now().Add(30 * time.Second).Unix()}),
		"vouches for the access token": i.good().with(claims{"at_hash": "cGoFhQx7QzLlIm-AVqBtlg"}),
	} {
		if name == "vouches for the access token" {
			sum := crypto.SHA256.New()
			sum.Write([]byte("opaque"))
			c["at_hash"] = base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:16])
		}
		who, err := i.redeem(signed(t, jose.RS256, rsaKey(t), "one", c))
		if err != nil {
			t.Errorf("%s: got error %v, want none", name, fault.Cause(err))
			continue
		}
		if who.User.Username != "jane" || who.User.UID != "jane's id" || who.SID != "a session" || !who.SignIn.MFA || who.User.Claims["tenant"] != "north" {
			t.Errorf("%s: got %+v, want jane with all claims", name, who)
		}
	}
}

// TestToken_ForgedOnesAreRefused tries what has broken others.
func TestToken_ForgedOnesAreRefused(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(rsaKey(t).Public())
	if err != nil {
		t.Fatal(err)
	}
	published := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	sign := func(changed claims) string { return signed(t, jose.RS256, rsaKey(t), "one", i.good().with(changed)) }
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
	genuine := sign(nil)
	encrypted := encrypt(t, genuine)
	for _, tt := range []struct {
		name, token string
		want        Code
	}{
		{"none at all", "", fault.TokenInvalid},
		{"no token", "not a token", fault.TokenInvalid},
		{"encrypted", encrypted, fault.TokenInvalid},
		{"alg none", unsigned(t, `{"alg":"none","typ":"JWT"}`, i.good()), fault.TokenInvalid},
		{"alg nOnE", unsigned(t, `{"alg":"nOnE"}`, i.good()), fault.TokenInvalid},
		{"no signature", genuine[:strings.LastIndexByte(genuine, '.')+1], fault.TokenInvalid},
		{"changed after signing", swapped(t, genuine, i.good().with(claims{"sub": "root"})), fault.TokenInvalid},
		{"signed with the secret", signed(t, jose.HS256, []byte(theSecret), "", i.good()), fault.TokenInvalid},
		{"signed with the public key as a secret", signed(t, jose.HS256, published, "one", i.good()), fault.TokenInvalid},
		{"another issuer's key under our name", signed(t, jose.RS256, stranger, "one", i.good()), fault.TokenInvalid},
		{"another issuer's key", signed(t, jose.RS256, stranger, "other", i.good()), fault.TokenInvalid},
		{"another issuer's key without a name", signed(t, jose.RS256, stranger, "", i.good()), fault.TokenInvalid},
		{"a key in a place of files", signed(t, jose.RS256, stranger, "../../dev/null", i.good()), fault.TokenInvalid},
		{"a key that it brings along", embedded(t, stranger, i.good()), fault.TokenInvalid},
		{"another algorithm of the key", signed(t, jose.PS256, rsaKey(t), "one", i.good()), fault.TokenInvalid},
		{"another issuer", sign(claims{"iss": "https://evil.example.com/application/o/app/"}), fault.TokenInvalid},
		{"no issuer", sign(claims{"iss": nil}), fault.TokenInvalid},
		{"another application's issuer", sign(claims{"iss": i.URL + "/application/o/other/"}), fault.TokenInvalid},
		{"another client", sign(claims{"aud": "other"}), fault.TokenInvalid},
		{"no client", sign(claims{"aud": nil}), fault.TokenInvalid},
		{"several clients, none of them ours", sign(claims{"aud": []string{"one", "two"}}), fault.TokenInvalid},
		{"several clients without an authorized party", sign(claims{"aud": []string{theClient, "other"}}), fault.TokenInvalid},
		{"made for another party", sign(claims{"aud": []string{theClient, "other"}, "azp": "other"}), fault.TokenInvalid},
		{"made for another party alone", sign(claims{"azp": "other"}), fault.TokenInvalid},
		{"another nonce", sign(claims{"nonce": "of another sign-in"}), fault.TokenInvalid},
		{"no nonce", sign(claims{"nonce": nil}), fault.TokenInvalid},
		{"an access token's hash that is not its own", sign(claims{"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}), fault.TokenInvalid},
		{"a logout token", sign(claims{"events": events}), fault.TokenInvalid},
		{"an empty subject", sign(claims{"sub": ""}), fault.TokenInvalid},
		{"expired", sign(claims{"exp": ago(5 * time.Minute)}), fault.ClockSkew},
		{"no end", sign(claims{"exp": nil}), fault.ClockSkew},
		{"not yet valid", sign(claims{"nbf": ago(-time.Hour)}), fault.TokenInvalid},
		{"from the future", sign(claims{"iat": ago(-10 * time.Minute)}), fault.ClockSkew},
	} {
		t.Run(tt.name, func(t *testing.T) {
			who, err := i.redeem(tt.token)
			if err == nil {
				t.Fatalf("got user %+v, want the token refused", who.User)
			}
			if got := fault.From(err).Code; got != tt.want {
				t.Errorf("code %s, want %s: %v", got, tt.want, fault.Cause(err))
			}
		})
	}
}

// swapped puts other claims into a token.
func swapped(t testing.TB, token string, c claims) string {
	t.Helper()
	parts := strings.Split(token, ".")
	payload, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload) + "." + parts[2]
}

// embedded makes a token with its own key in the header.
func embedded(t testing.TB, key *rsa.PrivateKey, c claims) string {
	t.Helper()
	return jws(t, jose.SigningKey{Algorithm: jose.RS256, Key: key}, &jose.SignerOptions{EmbedJWK: true}, c)
}

// encrypt wraps a token as a provider with an encryption key does.
func encrypt(t testing.TB, token string) string {
	t.Helper()
	e, err := jose.NewEncrypter(jose.A256CBC_HS512, jose.Recipient{Algorithm: jose.RSA_OAEP_256, Key: rsaKey(t).Public()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	jwe, err := e.Encrypt([]byte(token))
	if err != nil {
		t.Fatal(err)
	}
	out, err := jwe.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestToken_RenewalRestsOnTheSameSession: logout notices are found by the
// identifier that authentik's session had at the sign-in.
func TestToken_RenewalRestsOnTheSameSession(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	for name, tt := range map[string]struct {
		changed claims
		good    bool
	}{
		"the same session": {nil, true}, "another session": {claims{"sid": "another"}, false}, "no session": {claims{"sid": nil}, false},
	} {
		i.token = signed(t, jose.RS256, rsaKey(t), "one", i.good().with(tt.changed))
		rec := &session.Record{User: User{UID: "jane's id", Username: "jane"}, SID: "a session", Tokens: &session.Tokens{Refresh: "refresh"}}
		if _, err := i.p.Recheck(t.Context(), rec); tt.good && err != nil || !tt.good && !errors.Is(err, authn.ErrNotSignedIn) {
			t.Errorf("%s: got error %v, want the session kept: %t", name, err, tt.good)
		}
	}
}

// TestToken_LongOneIsNoHintAtTheSignOut: proxies refuse long addresses.
func TestToken_LongOneIsNoHintAtTheSignOut(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.p.SignOutBack = true
	for groups, back := range map[int]bool{1: true, 1000: false} {
		token := signed(t, jose.RS256, rsaKey(t), "one", i.good().with(claims{"groups": make([]string, groups), "tenant": strings.Repeat("x", 10*groups)}))
		to, got, err := i.p.SignOutURL(t.Context(), &session.Record{Tokens: &session.Tokens{ID: token}}, "https://app.example.com/.authentik/logout")
		if err != nil || got != back || len(to) > 8000 || !strings.HasPrefix(to, i.name()+"end-session/") {
			t.Errorf("%d groups: got an address of %d bytes, back %t, %v, want back %t and at most 8000 bytes", groups, len(to), got, err, back)
		}
	}
}

func TestToken_EveryKindOfKeyIsSupported(t *testing.T) {
	t.Parallel()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		alg jose.SignatureAlgorithm
		key any
	}{{jose.RS256, rsaKey(t)}, {jose.ES256, ec}, {jose.ES384, ec384}, {jose.EdDSA, ed}, {jose.HS256, []byte(theSecret)}} {
		t.Run(string(tt.alg), func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			i.algs, i.keys = []string{string(tt.alg)}, nil
			if signer, ok := tt.key.(crypto.Signer); ok { // several are published
				i.keys = []jose.JSONWebKey{public(rsaKey(t), "another", "RS256"), public(signer, "this", string(tt.alg))}
			}
			if _, err := i.redeem(signed(t, tt.alg, tt.key, "this", i.good())); err != nil {
				t.Fatal(fault.Cause(err))
			}
			if tt.alg == jose.RS256 {
				return
			}
			if _, err := i.redeem(signed(t, jose.RS256, rsaKey(t), "another", i.good())); err == nil {
				t.Error("got a token of another algorithm accepted, want it refused")
			}
		})
	}
}

// TestToken_EmptySecretVerifiesNothing has a provider without a key, and a public client.
func TestToken_EmptySecretVerifiesNothing(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.algs, i.keys, i.p.ClientSecret = []string{"HS256"}, nil, ""
	if _, err := i.redeem(signed(t, jose.HS256, []byte(theSecret), "", i.good())); err == nil || fault.From(err).Code != fault.TokenInvalid {
		t.Errorf("got %v", err)
	}
}

func TestKeys_NewOneIsFetchedAtALimitedRate(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	now := &clock{}
	i.p.Now = now.now
	if _, err := i.redeem(signed(t, jose.RS256, rsaKey(t), "one", i.good())); err != nil {
		t.Fatal(fault.Cause(err))
	}
	fresh, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	i.keys = []jose.JSONWebKey{public(fresh, "two", "RS256")}
	i.mu.Unlock()
	now.move(10 * time.Second)
	if _, err := i.redeem(signed(t, jose.RS256, fresh, "two", i.good())); err != nil {
		t.Fatalf("got error %v, want the new key fetched", fault.Cause(err))
	}
	before := i.fetched
	for range 50 {
		_, _ = i.p.LogoutToken(t.Context(), signed(t, jose.RS256, fresh, rand.Text(), i.good()))
	}
	if n := i.fetched - before; n > 2 {
		t.Errorf("got the keys fetched %d times for 50 tokens of unknown keys, want at most 2", n)
	}
}

// TestDiscovery_OtherHostsAreRefused has metadata name endpoints that are not authentik's.
func TestDiscovery_OtherHostsAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "revocation_endpoint", "end_session_endpoint", "jwks_uri",
	} {
		for _, address := range []string{"https://evil.example.com/application/o/authorize/", "javascript:alert(1)", ""} {
			i := newIssuer(t)
			i.other = map[string]string{name: address}
			if _, err := i.p.Issuer(t.Context()); err == nil || fault.From(err).Code != fault.IssuerMismatch {
				t.Errorf("%s is %q: got error %v, want issuer-mismatch", name, address, err)
			}
		}
	}
}

func TestKeys_UnavailableOnesAreNamed(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.broken = true
	if _, err := i.redeem(signed(t, jose.RS256, rsaKey(t), "one", i.good())); err == nil || fault.From(err).Code != fault.KeysUnreachable {
		t.Errorf("got %v", err)
	}
}

// TestKeys_ThatHangAreAnAuthentikThatDoesNotAnswer: a recheck does not wait for as
// long as a fetch of keys or metadata may take.
func TestKeys_ThatHangAreAnAuthentikThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	for _, view := range []string{"/jwks/", "/openid-configuration"} {
		i := newIssuer(t)
		answer := i.Config.Handler
		i.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, view) {
				<-r.Context().Done()
				return
			}
			answer.ServeHTTP(w, r)
		})
		t.Cleanup(i.CloseClientConnections)
		i.token = signed(t, jose.RS256, rsaKey(t), "one", i.good())
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			_, err := i.p.Redeem(ctx, flowclient.Visitor{}, authn.Request{Nonce: theNonce, Redirect: "https://app.example.com/.authentik/callback"}, "code")
			cancel()
			if err == nil || fault.From(err).Code != fault.AuthentikUnreachable {
				t.Errorf("%s: got error %v, want %s", view, fault.Cause(err), fault.AuthentikUnreachable)
			}
		}
	}
}

// TestKeys_OldOnesStayInUse as old metadata do, if no newer ones can be fetched.
func TestKeys_OldOnesStayInUse(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	var cfg Config
	i.registered(&cfg)
	c := new(clock)
	cfg.Now = c.now
	i.p = sourceOf(cfg.withDefaults())
	redeem := func() error {
		_, err := i.redeem(signed(t, jose.RS256, rsaKey(t), "one", i.good().with(claims{"exp": c.now().Add(time.Hour).Unix(), "iat": c.now().Unix()})))
		return err
	}
	if err := redeem(); err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	i.broken = true
	i.mu.Unlock()
	c.move(11 * time.Minute)
	for range 2 {
		if err := redeem(); err != nil {
			t.Errorf("without newer keys: got error %v, want the old ones used", fault.Cause(err))
		}
	}
	i.mu.Lock()
	fetched := i.fetched
	i.broken, i.keys = false, []jose.JSONWebKey{public(rsaKey(t), "two", "RS256")}
	i.mu.Unlock()
	if fetched != 2 {
		t.Errorf("got the keys fetched %d times, want once more after the metadata", fetched)
	}
	c.move(time.Minute)
	if err := redeem(); err == nil {
		t.Error("got a token accepted by a key that is no longer published, want it refused")
	}
}

// TestKeys_UnreadableAnswersAreNotQuoted: any client that sends a logout notice
// makes the gate log the error.
func TestKeys_UnreadableAnswersAreNotQuoted(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100<<10)
	for name, said := range map[string]any{
		"no object": long, "no keys": claims{"error": long}, "keys of another type": claims{"keys": long}, "null": json.RawMessage("null"),
	} {
		i := newIssuer(t)
		i.telling("jwks/", said)
		_, err := i.p.LogoutToken(t.Context(), i.notice(nil))
		if err == nil || fault.From(err).Code != fault.KeysUnreachable {
			t.Errorf("%s: got error %v, want keys-unreachable", name, err)
		} else if n := len(fault.Cause(err).Error()); n > 200 {
			t.Errorf("%s: got an error text of %d bytes, want at most 200", name, n)
		}
	}
}

// TestKeys_UnreadableOneDoesNotAffectOthers (RFC 7517, 5).
func TestKeys_UnreadableOneDoesNotAffectOthers(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]any{
		"number": 7, "unknown type": claims{"kty": "new"}, "no base64": claims{"kty": "RSA", "alg": "RS256", "n": "!", "e": "AQAB"},
		"point off the curve": claims{"kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB"}, "algorithm of another type": claims{"kty": "RSA", "alg": 7},
	} {
		i := newIssuer(t)
		i.telling("jwks/", claims{"keys": []any{bad, i.keys[0]}})
		if _, err := i.redeem(signed(t, jose.RS256, rsaKey(t), "one", i.good())); err != nil {
			t.Errorf("%s: got error %v, want the other key used", name, fault.Cause(err))
		}
	}
}

func TestLogoutToken_IsVerified(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	now, sign := time.Now(), i.notice
	for name, token := range map[string]string{
		"whole":             sign(nil),
		"without a user":    sign(claims{"sub": nil}),
		"without a session": sign(claims{"sid": nil}),
		"in a list":         sign(claims{"aud": []string{"other", theClient}}),
	} {
		if _, err := i.p.LogoutToken(t.Context(), token); err != nil {
			t.Errorf("%s: got error %v, want none", name, fault.Cause(err))
		}
	}
	for name, token := range map[string]string{
		"none":                   "",
		"an ID token":            signed(t, jose.RS256, rsaKey(t), "one", i.good().with(claims{"jti": "one"})),
		"with a nonce":           sign(claims{"nonce": theNonce}),
		"an empty nonce":         sign(claims{"nonce": ""}),
		"without an event":       sign(claims{"events": nil}),
		"another event":          sign(claims{"events": claims{"http://schemas.openid.net/event/other": struct{}{}}}),
		"without an identifier":  sign(claims{"jti": nil}),
		"without a user":         sign(claims{"sub": nil, "sid": nil}),
		"another client":         sign(claims{"aud": "other"}),
		"another issuer":         sign(claims{"iss": "https://evil.example.com/"}),
		"expired":                sign(claims{"exp": now.Add(-5 * time.Minute).Unix()}),
		"without an end":         sign(claims{"exp": nil}),
		"without a beginning":    sign(claims{"iat": nil}),
		"from long ago":          sign(claims{"iat": now.Add(-3 * time.Hour).Unix()}),
		"from the future":        sign(claims{"iat": now.Add(10 * time.Minute).Unix()}),
		"unsigned":               unsigned(t, `{"alg":"none"}`, i.good().with(claims{"nonce": nil, "events": events, "jti": "one"})),
		"signed with the secret": signed(t, jose.HS256, []byte(theSecret), "", i.good().with(claims{"nonce": nil, "events": events, "jti": "one"})),
		"encrypted":              encrypt(t, sign(nil)),
	} {
		if _, err := i.p.LogoutToken(t.Context(), token); err == nil {
			t.Errorf("%s: got it accepted, want it refused", name)
		}
	}
}
