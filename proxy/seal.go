package proxy

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// minKey is the least length of the gate's key, in bytes.
const minKey = 32

// maxOpened bounds what a sealed value may unfold to.
const maxOpened = 16 << 20

// errSealed is all that is ever said about a sealed value that does not open:
// why it does not is of use to an attacker alone.
var errSealed = errors.New("proxy: this was not sealed here, for this, by this browser")

// A kind says what a record is. It is part of the derivation of names and
// keys, so no record opens as one of another kind.
type kind string

const (
	kindSession kind = "session"
	kindVisit   kind = "visit"
	kindBrowser kind = "browser"
	kindPicture kind = "picture"
	kindLink    kind = "link"
	kindRoll    kind = "roll"
	kindLead    kind = "lead"
	kindSID     kind = "sid"
	kindState   kind = "state"
	kindRelay   kind = "relay"
)

// A secret is what only one browser has: the value of a cookie of ours.
type secret [32]byte

// newSecret draws a secret. A system without randomness cannot run a gate, and
// crypto/rand ends the program there.
func newSecret() secret {
	var s secret
	_, _ = rand.Read(s[:])
	return s
}

// parseSecret reads a cookie's value, in the one spelling that String writes.
func parseSecret(value string) (secret, bool) {
	var s secret
	if len(value) != base64.RawURLEncoding.EncodedLen(len(s)) {
		return secret{}, false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(s[:], []byte(value))
	return s, err == nil && n == len(s)
}

// cookie spells the secret for the browser that owns it.
func (s secret) cookie() string { return base64.RawURLEncoding.EncodeToString(s[:]) }

// String keeps the secret out of whatever is printed.
func (secret) String() string { return "[secret]" }

// LogValue keeps the secret out of logs.
func (secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// A keyring is the gate's own secret. Together with a browser's it makes
// the names and keys of records; neither of the two does so alone.
type keyring struct{ key []byte }

// A box is where one browser's record of one kind is kept: a name that reveals
// nothing, and a lock.
type box struct {
	name string
	lock cipher.AEAD
}

// box derives, with HKDF (RFC 5869), the box of a browser's secret for a kind
// of record in a realm.
func (k keyring) box(of kind, realm string, s secret) box {
	material := k.derive(s[:], "v1\x00"+string(of)+"\x00"+realm, sha256.Size+32)
	block, err := aes.NewCipher(material[sha256.Size:])
	if err != nil {
		panic("proxy: AES-256 takes a key of 32 bytes") // which is its length above
	}
	lock, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("proxy: AES has a block of 16 bytes") // as GCM wants
	}
	return box{name: string(of) + "-" + hex.EncodeToString(material[:sha256.Size]), lock: lock}
}

// own is the box of a record that belongs to no browser. The gate's key alone names and
// locks it, so it must hold nothing that opens anything.
func (k keyring) own(of kind, realm string) box { return k.box(of, realm, secret{}) }

// end makes the name of an end that sessions share. Who reads it in the store learns
// neither what it ends nor whose sessions those are.
func (k keyring) end(of, whose string) string {
	return endPrefix + hex.EncodeToString(k.derive(nil, "end\x00"+of+"\x00"+whose, sha256.Size))
}

// derive spreads the two secrets over n bytes that are good for one purpose.
func (k keyring) derive(browser []byte, purpose string, n int) []byte {
	out, err := hkdf.Key(sha256.New, browser, k.key, "caddy-authentik "+purpose, n)
	if err != nil {
		panic("proxy: HKDF gives up to 8160 bytes") // far more than is asked for
	}
	return out
}

// seal writes v so that the same box alone can open it. What is sealed often stands in a
// page, so it is made small first.
func (b box) seal(v any) ([]byte, error) {
	var small bytes.Buffer
	w, err := flate.NewWriter(&small, flate.DefaultCompression)
	if err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	if err := json.NewEncoder(w).Encode(v); err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	return b.lock.Seal(nil, nil, small.Bytes(), nil), nil
}

// open reads into v what the same box has sealed. Nothing that was
// sealed elsewhere gets as far as being unfolded or decoded.
func (b box) open(sealed []byte, v any) error {
	small, err := b.lock.Open(nil, nil, sealed, nil)
	if err != nil {
		return errSealed
	}
	plain, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(small)), maxOpened))
	if err != nil {
		return errSealed
	}
	if err := json.Unmarshal(plain, v); err != nil {
		return fmt.Errorf("opening: %w", err)
	}
	return nil
}

// sealText is seal for what travels in a page or an address.
func (b box) sealText(v any) (string, error) {
	sealed, err := b.seal(v)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// openText is open for what sealText wrote.
func (b box) openText(text string, v any) error {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return errSealed
	}
	return b.open(sealed, v)
}
