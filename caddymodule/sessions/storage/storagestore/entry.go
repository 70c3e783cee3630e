package storagestore

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"
)

const (
	// magic is the beginning of every value that this package writes. Its last
	// character is the version of the format.
	magic = "caddy-authentik-1"
	// versionSize is the length of a version in bytes. A version is random, so
	// that none repeats.
	versionSize = 16
	// headSize is the length of the head before the value: magic, version,
	// expiry.
	headSize = len(magic) + versionSize + 8
	// sumSize is the length of the checksum after the value.
	sumSize = 16
)

// An entry is a record, a tombstone or a lease. The zero entry means that there
// is no entry.
type entry struct {
	version string    // in hexadecimal; empty if there is no complete entry
	until   time.Time // when it expires, in milliseconds
	value   []byte
	torn    bool // value is the stored text, which is not a complete entry
}

// newEntry makes an entry with a new version.
func newEntry(until time.Time, value []byte) entry {
	version := make([]byte, versionSize)
	_, _ = rand.Read(version) // never fails, see its documentation
	return entry{version: hex.EncodeToString(version), until: until, value: value}
}

// alive reports whether the entry exists and has not expired.
func (e entry) alive(now time.Time) bool { return e.version != "" && now.Before(e.until) }

// encode returns the entry as it is stored under key. The checksum includes the
// key: a file that was renamed or copied is torn under its new key.
func (e entry) encode(key string) ([]byte, error) {
	version, err := hex.DecodeString(e.version)
	if err != nil || len(version) != versionSize {
		return nil, errors.New("storagestore: encoding an entry: it has no version")
	}
	all := make([]byte, 0, headSize+len(e.value)+sumSize)
	all = append(all, magic...)
	all = append(all, version...)
	all = binary.BigEndian.AppendUint64(all, uint64(e.until.UnixMilli())) //nolint:gosec // read back the same way
	all = append(all, e.value...)
	return append(all, checksum(key, all)...), nil
}

// decode returns the entry that encode has written for the same key.
func decode(key string, all []byte) entry {
	if len(all) < headSize+sumSize || !bytes.HasPrefix(all, []byte(magic)) {
		return entry{torn: true, value: all}
	}
	body, sum := all[:len(all)-sumSize], all[len(all)-sumSize:]
	if !bytes.Equal(sum, checksum(key, body)) {
		return entry{torn: true, value: all}
	}
	head := body[len(magic):headSize]
	return entry{
		version: hex.EncodeToString(head[:versionSize]),
		until:   time.UnixMilli(int64(binary.BigEndian.Uint64(head[versionSize:]))), //nolint:gosec // written the same way
		value:   bytes.Clone(body[headSize:]),
	}
}

// checksum detects accidents, not forgery: against forgery the gate seals
// records.
func checksum(key string, body []byte) []byte {
	h := sha256.New()
	h.Write([]byte(key + "\x00"))
	h.Write(body)
	return h.Sum(nil)[:sumSize]
}
