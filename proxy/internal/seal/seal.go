// Package seal encrypts values that only one browser and this gate together can
// open, with secrets, keys and boxes. It stores nothing and knows no requests.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
)

// MinKey is the minimum length of the gate's key, in bytes.
const MinKey = 32

// ErrSealed is the error for every sealed value that cannot be opened. It gives
// no reason, which would help only attackers.
var ErrSealed = errors.New("proxy: the value was not sealed by this gate for this purpose and browser")

// A Kind is the kind of a record. It is part of the derivation of names and
// keys, so a record can never be opened as another kind.
type Kind string

// The kinds of records. Their texts are part of stored names and keys.
const (
	KindSession Kind = "session"
	KindVisit   Kind = "visit"
	KindBrowser Kind = "browser"
	KindPicture Kind = "picture"
	KindLink    Kind = "link"
	KindIndex   Kind = "roll" // the index of a user's sessions
	KindUser    Kind = "lead" // from a username to the user
	KindSID     Kind = "sid"
	KindState   Kind = "state"
	KindRelay   Kind = "relay"
	KindBack    Kind = "back"
	KindMailed  Kind = "mailed"
	// KindLateForm is the address of a form that was sent without a session.
	KindLateForm Kind = "late"
	// KindLapse says that the end of a session that reached its lifetime is in the
	// audit log.
	KindLapse Kind = "lapse"
	// Kinds for sign-ins at a login host.
	KindLoginRequest Kind = "loginrequest"
	KindLoginVisit   Kind = "loginvisit"
	KindLoginGate    Kind = "logingate"
	KindLoginHost    Kind = "loginhost"
	KindTicket       Kind = "ticket"
	KindCopy         Kind = "copy" // of authentik's cookies
	// KindLoginSeen is a sign-in that a login host has seen.
	KindLoginSeen Kind = "loginseen"
)

// A Secret is the value of one of the gate's cookies: 32 random bytes that only
// one browser has.
type Secret [32]byte

// NewSecret draws a secret from crypto/rand, which ends the program on a system
// without randomness.
func NewSecret() Secret {
	var s Secret
	_, _ = rand.Read(s[:])
	return s
}

// ParseSecret reads a cookie's value. It accepts only the spelling that Cookie
// writes.
func ParseSecret(value string) (Secret, bool) {
	var s Secret
	if len(value) != base64.RawURLEncoding.EncodedLen(len(s)) {
		return Secret{}, false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(s[:], []byte(value))
	return s, err == nil && n == len(s)
}

// Cookie returns the cookie's value, for the browser that owns the secret.
func (s Secret) Cookie() string { return base64.RawURLEncoding.EncodeToString(s[:]) }

// String returns a placeholder, so that no secret is printed by accident.
func (Secret) String() string { return "[secret]" }

// LogValue returns the same placeholder for logs.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// A Key is the gate's own secret. Names and keys of records are derived from it
// and from a browser's secret together; neither of the two opens a record by
// itself. The zero Key must not be used.
type Key struct{ key []byte }

// NewKey returns the Key for a configured secret of at least MinKey bytes.
func NewKey(secret []byte) Key { return Key{secret} }

// String returns a placeholder, so that no key is printed by accident.
func (Key) String() string { return "[key]" }

// LogValue returns the same placeholder for logs.
func (Key) LogValue() slog.Value { return slog.StringValue("[key]") }

// A Box is the place of one browser's record of one kind. It has a name that
// reveals nothing, and the cipher that opens the record.
type Box struct {
	kind Kind
	name string
	lock cipher.AEAD
}

// Name returns the name of the box's record in a store.
func (b Box) Name() string { return b.name }

// Box derives, with HKDF (RFC 5869), the box for a kind of record in a realm
// from a browser's secret.
func (k Key) Box(of Kind, realm string, s Secret) Box {
	material := k.Derive(s[:], "v1\x00"+string(of)+"\x00"+realm, sha256.Size+32)
	block, err := aes.NewCipher(material[sha256.Size:])
	if err != nil {
		panic("proxy: AES-256 takes a key of 32 bytes") // the derived key has that length
	}
	lock, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("proxy: AES has a block of 16 bytes") // the block size that GCM requires
	}
	return Box{kind: of, name: string(of) + "-" + hex.EncodeToString(material[:sha256.Size]), lock: lock}
}

// Own returns the box of a record that belongs to no browser. Only the gate's
// key protects it, so the record must not contain anything that opens a
// session.
func (k Key) Own(of Kind, realm string) Box { return k.Box(of, realm, Secret{}) }

// tombstonePrefix begins the name of a tombstone that several sessions share.
// Such a name never has a record; it can only be revoked.
const tombstonePrefix = "end-"

// Tombstone returns the name of a tombstone that sessions share: those of a
// user, or those of an authentik session. The name does not reveal to a reader
// of the store which sessions it ends, or whose they are.
func (k Key) Tombstone(of, whose string) string {
	return tombstonePrefix + hex.EncodeToString(k.Derive(nil, "end\x00"+of+"\x00"+whose, sha256.Size))
}

// IsTombstone reports whether a name was made by Tombstone.
func IsTombstone(name string) bool {
	return len(name) > len(tombstonePrefix) && name[:len(tombstonePrefix)] == tombstonePrefix
}

// Derive derives n bytes for one purpose from the gate's key and a browser's
// secret.
func (k Key) Derive(browser []byte, purpose string, n int) []byte {
	out, err := hkdf.Key(sha256.New, browser, k.key, "caddy-authentik "+purpose, n)
	if err != nil {
		panic("proxy: HKDF gives up to 8160 bytes") // HKDF can derive far more than any caller asks for
	}
	return out
}

// Seal encodes and encrypts v so that only the same box can open it.
func (b Box) Seal(v any) ([]byte, error) {
	packed, err := pack(b.kind, v)
	if err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	defer packed.release()
	return b.lock.Seal(nil, nil, packed.Bytes(), nil), nil
}

// Open decodes into v a value that the same box has sealed. Bytes from
// elsewhere are neither decompressed nor decoded.
func (b Box) Open(sealed []byte, v any) error {
	packed, err := b.lock.Open(nil, nil, sealed, nil)
	if err != nil {
		return ErrSealed
	}
	return unpack(packed, v)
}

// SealText is Seal for a page, a cookie or an address.
func (b Box) SealText(v any) (string, error) {
	sealed, err := b.Seal(v)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// OpenText is Open for the texts of SealText.
func (b Box) OpenText(text string, v any) error {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return ErrSealed
	}
	return b.Open(sealed, v)
}
