package redis

import (
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// What is kept under a name is one string: a letter that says what it is, and for
// a record its version, its expiry and its value. The scripts know the letters and the
// place of the version.
const (
	recordKind = 'r'
	buriedKind = 'b'
	// versionLength is what rand.Text makes: 26 characters of base 32, 130 bits.
	versionLength = 26
	headLength    = 1 + versionLength + 8
)

// newVersion is made here and not by the server, so that who tries again can be known
// by it. Nobody could guess one, and that is more than is asked.
func newVersion() store.Version { return store.Version(rand.Text()) }

func encode(r store.Record) []byte {
	text := make([]byte, 0, headLength+len(r.Value))
	text = append(text, recordKind)
	text = append(text, r.Version...)
	text = binary.BigEndian.AppendUint64(text, uint64(r.Expiry.UnixMilli())) //nolint:gosec // read back the same way
	return append(text, r.Value...)
}

// decode reads a record. What is buried is none, and what was cut short is none either:
// the next writer replaces it.
func decode(text string) (store.Record, bool) {
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

// millis is how long something is kept, in the unit of Redis. What is not over yet
// has at least one left: Redis takes no time left for a mistake, and no time at all
// for all the time in the world.
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
