package assertion

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Signing keys are derived from the gate's key and not stored, so all Caddys of
// a site publish the same ones. Each key signs for one epoch. The next key is
// published early, since applications may read the keys seldom and clocks may
// differ. The previous key stays published for an hour after its epoch.
const (
	epochLength = 30 * 24 * time.Hour
	lastFor     = time.Hour
)

func epochOf(t time.Time) int64 { return t.Unix() / int64(epochLength/time.Second) }

type signingKey struct {
	id  string
	key *ecdsa.PrivateKey
}

func (k signingKey) private() jose.JSONWebKey { return jose.JSONWebKey{Key: k.key, KeyID: k.id} }

func (k signingKey) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: &k.key.PublicKey, KeyID: k.id, Algorithm: string(jose.ES256), Use: "sig"}
}

// key returns the signing key of an epoch.
func (s *Signer) key(epoch int64) signingKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, ok := s.keys[epoch]
	if !ok {
		for other := range s.keys {
			if other < epoch-1 || other > epoch+1 {
				delete(s.keys, other)
			}
		}
		key = s.derive(epoch)
		s.keys[epoch] = key
	}
	return key
}

// derive makes the signing key of an epoch. Each audience has different keys.
// So even an application that does not check the audience refuses assertions
// that were made for another one.
func (s *Signer) derive(epoch int64) signingKey {
	from := []byte(s.Issuer + "\x00" + s.Audience)
	purpose := fmt.Sprintf("v1\x00assertion\x00%d\x00", epoch)
	id := base64.RawURLEncoding.EncodeToString(s.Key.Derive(from, purpose+"id", 12))
	for try := 0; ; try++ { // one in 2^32 derived values is not a valid key of the curve
		scalar := s.Key.Derive(from, purpose+strconv.Itoa(try), 32)
		if private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar); err == nil {
			return signingKey{id, private}
		}
	}
}

// PublicKeys returns the keys that verify assertions.
func (s *Signer) PublicKeys() []jose.JSONWebKey {
	now := s.Now()
	epoch := epochOf(now)
	all := []jose.JSONWebKey{s.key(epoch).public(), s.key(epoch + 1).public()}
	if last := epochOf(now.Add(-lastFor)); last != epoch {
		all = append(all, s.key(last).public())
	}
	return all
}
