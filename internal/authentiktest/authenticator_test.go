package authentiktest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

var b64 = base64.RawURLEncoding

// A softwareKey is a security key without a device.
type softwareKey struct {
	id      []byte
	private *ecdsa.PrivateKey
}

func newSoftwareKey(t testing.TB, id []byte) *softwareKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &softwareKey{id, private}
}

// device returns the device that a server stores for the key.
func (k *softwareKey) device(t testing.TB) Device {
	t.Helper()
	point, err := k.private.PublicKey.Bytes() // 4, x, y
	if err != nil {
		t.Fatal(err)
	}
	public, err := webauthncbor.Marshal(webauthncose.EC2PublicKeyData{
		PublicKeyData: webauthncose.PublicKeyData{
			KeyType: int64(webauthncose.EllipticKey), Algorithm: int64(webauthncose.AlgES256),
		},
		Curve: int64(webauthncose.P256), XCoord: point[1:33], YCoord: point[33:],
	})
	if err != nil {
		t.Fatal(err)
	}
	return Device{Class: DeviceWebAuthn, Credential: Credential{ID: k.id, PublicKey: public}}
}

// sign makes the signature of an assertion.
func (k *softwareKey) sign(t testing.TB, authenticator, client []byte) string {
	t.Helper()
	hash := sha256.Sum256(client)
	sum := sha256.Sum256(append(append([]byte{}, authenticator...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.private, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return b64.EncodeToString(signature)
}

// securityKey is the key of the recording's visitor. The recorded assertions
// were made for recorded challenges by a private key that is not recorded, so
// they are made again: with the recorded client and authenticator data, save
// for the challenge, and signed again. Those of other keys get an invalid
// signature.
func (r *replay) securityKey() Device {
	var key *softwareKey
	for i := range r.recording.Exchanges {
		if _, assertion := r.assertion(i); assertion != nil {
			key = newSoftwareKey(r.t, r.bytes(assertion["id"])) // the last one is the right one
		}
	}
	for i := range r.recording.Exchanges {
		if field, assertion := r.assertion(i); assertion != nil {
			r.change(exchangeNo(i), func(q *recordedRequest) { q.Body = edited(q.Body, field, r.resigned(key, assertion)) })
		}
	}
	return key.device(r.t)
}

// assertion is that of a recorded answer, with the field it stands in.
func (r *replay) assertion(i int) (string, map[string]any) {
	body, _ := r.recording.Exchanges[i].Request.Body.(map[string]any)
	for _, field := range []string{"webauthn", "passkey"} {
		if a, ok := body[field].(map[string]any); ok && a["id"] != nil {
			return field, a
		}
	}
	return "", nil
}

func (r *replay) resigned(key *softwareKey, assertion map[string]any) map[string]any {
	response, _ := assertion["response"].(map[string]any)
	client := r.clientData(response["clientDataJSON"])
	authenticator := r.bytes(response["authenticatorData"])
	response = edited(response, "clientDataJSON", b64.EncodeToString(client))
	if assertion["id"] == b64.EncodeToString(key.id) {
		response = edited(response, "signature", key.sign(r.t, authenticator, client))
	}
	return edited(assertion, "response", response)
}

// clientData is what a recorded browser said, with the challenge of this run.
func (r *replay) clientData(recorded any) []byte {
	raw := r.bytes(recorded)
	var said struct{ Challenge string }
	if err := json.Unmarshal(raw, &said); err != nil {
		r.t.Fatal(err)
	}
	return []byte(strings.Replace(string(raw), said.Challenge, r.live.of("challenge", said.Challenge), 1))
}

// bytes are those of a recorded base64url text.
func (r *replay) bytes(recorded any) []byte {
	text, _ := recorded.(string)
	raw, err := b64.DecodeString(text)
	if err != nil || text == "" {
		r.t.Fatalf("got %v, %v, want a value in base64url", recorded, err)
	}
	return raw
}
