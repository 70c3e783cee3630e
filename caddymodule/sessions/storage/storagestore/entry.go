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
	// magic begins whatever this package writes; its last letter is the format.
	magic = "caddy-authentik-1"
	// versionSize is how long a version is in bytes. It is random, so that none ever
	// comes again.
	versionSize = 16
	// headSize is how much stands before the value: magic, version, end.
	headSize = len(magic) + versionSize + 8
	// sumSize is how much stands behind it.
	sumSize = 16
)

// An entry is a thing with an end: a record, a tombstone, a lease. The zero
// entry is nothing.
type entry struct {
	version string    // in hexadecimal; empty where there is nothing whole
	until   time.Time // in milliseconds
	value   []byte
	torn    bool // what is there, in value, was not written so, or not there
}

// fresh makes an entry with a version of its own.
func fresh(until time.Time, value []byte) entry {
	version := make([]byte, versionSize)
	_, _ = rand.Read(version) // never fails, see its documentation
	return entry{version: hex.EncodeToString(version), until: until, value: value}
}

// alive reports whether the entry is there and its end is still to come.
func (e entry) alive(now time.Time) bool { return e.version != "" && now.Before(e.until) }

// encode writes the entry for a key. The checksum is over the key as well: a
// file that was renamed or copied is not whole at its new place.
func (e entry) encode(key string) ([]byte, error) {
	version, err := hex.DecodeString(e.version)
	if err != nil || len(version) != versionSize {
		return nil, errors.New("storagestore: this entry has no version")
	}
	all := make([]byte, 0, headSize+len(e.value)+sumSize)
	all = append(all, magic...)
	all = append(all, version...)
	all = binary.BigEndian.AppendUint64(all, uint64(e.until.UnixMilli())) //nolint:gosec // read back the same way
	all = append(all, e.value...)
	return append(all, checksum(key, all)...), nil
}

// decode reads what encode has written for the same key.
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

// checksum finds accidents, not forgers: what a record says is sealed by the gate.
func checksum(key string, body []byte) []byte {
	h := sha256.New()
	h.Write([]byte(key + "\x00"))
	h.Write(body)
	return h.Sum(nil)[:sumSize]
}
