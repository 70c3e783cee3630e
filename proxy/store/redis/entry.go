package redis

import (
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// The value of a key begins with a letter for its kind. In a record, the
// version, the expiry and the value follow; in a tombstone nothing follows. The
// scripts depend on the letters and on the position of the version.
const (
	recordKind    = 'r'
	tombstoneKind = 'b'
	// versionLength is the length of rand.Text: 26 characters of base 32, 130 bits.
	versionLength = 26
	headLength    = 1 + versionLength + 8
)

// newVersion makes a version in this process and not in the server, so that the
// script recognizes a call that is retried.
func newVersion() store.Version { return store.Version(rand.Text()) }

func encode(r store.Record) []byte {
	text := make([]byte, 0, headLength+len(r.Value))
	text = append(text, recordKind)
	text = append(text, r.Version...)
	text = binary.BigEndian.AppendUint64(text, uint64(r.Expiry.UnixMilli())) //nolint:gosec // read back the same way
	return append(text, r.Value...)
}

// decode returns the record in a value. found is false for a tombstone, and for
// a value that was cut short: the next writer replaces it.
func decode(text string) (r store.Record, found bool) {
	if len(text) < headLength || text[0] != recordKind {
		return store.Record{}, false
	}
	expiry := binary.BigEndian.Uint64([]byte(text[1+versionLength : headLength]))
	return store.Record{
		Value:   []byte(text[headLength:]),
		Expiry:  time.UnixMilli(int64(expiry)), //nolint:gosec // written the same way
		Version: store.Version(text[1 : 1+versionLength]),
	}, true
}

// millis returns a duration in the unit of Redis, rounded up: Redis refuses to
// keep a key for 0 ms. Only an expired record has 0.
func millis(left time.Duration) int64 {
	if left <= 0 {
		return 0
	}
	whole := int64(left / time.Millisecond)
	if left%time.Millisecond > 0 {
		whole++
	}
	return whole
}
