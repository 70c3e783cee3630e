package assertion

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

const gateKey = "0123456789abcdef0123456789abcdef"

// A clock stands still until it is set.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)} }

func (c *clock) signer(key, issuer, audience string) *Signer {
	return New(Options{
		Key: seal.NewKey([]byte(key)), Issuer: issuer, Audience: audience, Lifetime: DefaultLifetime, Now: func() time.Time { return c.now },
	})
}

// verify returns the claims of an assertion that one of the keys has signed.
func verify(text string, keys []jose.JSONWebKey) (got map[string]any, err error) {
	token, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, err
	}
	return got, token.Claims(jose.JSONWebKeySet{Keys: keys}, &got)
}

func TestAssertion_SaysWhoTheUserIs(t *testing.T) {
	t.Parallel()
	s := newClock().signer(gateKey, "https://app.example.com", "wiki")
	text, err := s.Sign(user.User{Username: "zoë", Name: "Zoë Ümlaut", Email: "zoe@example.com", UID: "5c0f", Groups: []string{"Büro, Süd"}}, "0a1b")
	if err != nil {
		t.Fatal(err)
	}
	got, err := verify(text, s.PublicKeys())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"iss": "https://app.example.com", "aud": "wiki", "sub": "5c0f", "iat": 1795953600.0, "exp": 1795953900.0, "sid": "0a1b",
		"preferred_username": "zoë", "name": "Zoë Ümlaut", "email": "zoe@example.com", "groups": []any{"Büro, Süd"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestAssertion_GroupsAreAList: an application that requires a list would refuse
// null.
func TestAssertion_GroupsAreAList(t *testing.T) {
	t.Parallel()
	s := newClock().signer(gateKey, "https://app.example.com", "wiki")
	text, _ := s.Sign(user.User{Username: "jane"}, "")
	got, err := verify(text, s.PublicKeys())
	if groups, isList := got["groups"].([]any); err != nil || !isList || len(groups) != 0 {
		t.Errorf("got %v, %v, want an empty list", got["groups"], err)
	}
}

// TestAssertion_OthersCannotBeReplayed: another site, another audience and another
// gate's key have other signing keys.
func TestAssertion_OthersCannotBeReplayed(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := c.signer(gateKey, "https://app.example.com", "wiki")
	text, _ := s.Sign(user.User{Username: "jane"}, "")
	if _, err := verify(text, c.signer(gateKey, "https://app.example.com", "wiki").PublicKeys()); err != nil {
		t.Errorf("another Caddy of the same site: got %v, want its keys to verify", err)
	}
	for name, other := range map[string]*Signer{
		"site":                        c.signer(gateKey, "https://other.example.com", "wiki"),
		"audience":                    c.signer(gateKey, "https://app.example.com", "grafana"),
		"key":                         c.signer("another key of thirty-two bytes!", "https://app.example.com", "wiki"),
		"border of site and audience": c.signer(gateKey, "https://app.example.co", "m\x00wiki"),
	} {
		if _, err := verify(text, other.PublicKeys()); err == nil {
			t.Errorf("another %s: got no error, want the assertion refused", name)
		}
	}
}

// TestAssertion_IsSignedOnceAMinute also has clocks that are set back.
func TestAssertion_IsSignedOnceAMinute(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := c.signer(gateKey, "https://app.example.com", "wiki")
	a := s.Of(user.User{Username: "jane"}, "0a1b")
	begun := c.now
	last, changes := a.Text(), []time.Duration{}
	for after := time.Duration(0); after < 10*time.Minute; after += time.Second {
		c.now = begun.Add(after)
		text := a.Text()
		if text != last {
			changes = append(changes, after)
		}
		last = text
		claims, err := verify(text, s.PublicKeys())
		if err != nil {
			t.Fatal(err)
		}
		if left := time.Unix(int64(claims["exp"].(float64)), 0).Sub(c.now); left < time.Minute {
			t.Fatalf("after %v: got %v left, want a minute at least", after, left)
		}
	}
	if len(changes) != 9 {
		t.Errorf("got a new one after %v, want one a minute", changes)
	}
	c.now = begun.Add(-time.Hour)
	claims, _ := verify(a.Text(), s.PublicKeys())
	if got := int64(claims["iat"].(float64)); got != c.now.Unix() {
		t.Errorf("clock set back: got iat %d, want %d", got, c.now.Unix())
	}
}

// TestKeys_ArePublishedBeforeAndAfterTheySign: what any Caddy of the site signs can
// be verified with what another one has published, up to an hour ago or from now.
func TestKeys_ArePublishedBeforeAndAfterTheySign(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := c.signer(gateKey, "https://app.example.com", "wiki")
	change := time.Unix((epochOf(c.now)+1)*int64(epochLength/time.Second), 0)
	ids := map[string]bool{}
	for _, signed := range []time.Duration{-time.Hour, -time.Second, 0, time.Minute, time.Hour} {
		c.now = change.Add(signed)
		text, _ := s.Sign(user.User{Username: "jane"}, "")
		token, _ := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
		ids[token.Headers[0].KeyID] = true
		for _, published := range []time.Duration{signed - time.Hour, signed, signed + time.Hour - time.Second} {
			c.now = change.Add(published)
			if published >= time.Hour && signed < 0 {
				continue // the last key is withdrawn an hour after it has signed
			}
			if _, err := verify(text, s.PublicKeys()); err != nil {
				t.Errorf("signed %v, published %v from the change of keys: got error %v, want it verified", signed, published, err)
			}
		}
	}
	if len(ids) != 2 {
		t.Errorf("got %d keys, want 2", len(ids))
	}
	c.now = change.Add(lastFor + time.Second)
	if n := len(s.PublicKeys()); n != 2 {
		t.Errorf("an hour later: got %d keys, want 2", n)
	}
}

func TestKeys_PublishNothingPrivate(t *testing.T) {
	t.Parallel()
	s := newClock().signer(gateKey, "https://app.example.com", "wiki")
	published, err := json.Marshal(jose.JSONWebKeySet{Keys: s.PublicKeys()})
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(published, &set); err != nil {
		t.Fatal(err)
	}
	for _, key := range set.Keys {
		if key["d"] != nil || key["kty"] != "EC" || key["use"] != "sig" || key["alg"] != "ES256" || key["kid"] == "" {
			t.Errorf("got %v, want a public key for ES256", key)
		}
	}
}

func BenchmarkAssertion(b *testing.B) {
	c := newClock()
	s := c.signer(gateKey, "https://app.example.com", "wiki")
	u := user.User{Username: "jane", Name: "Jane Doe", Email: "jane@example.com", UID: "5c0f", Groups: []string{"staff", "editors"}}
	b.Run("signed", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Sign(u, "0a1b"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("kept", func(b *testing.B) {
		a := s.Of(u, "0a1b")
		for b.Loop() {
			_ = a.Text()
		}
	})
}
