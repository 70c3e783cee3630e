package programs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"sync"
)

// A Name is the keyed hash of a credential. An attacker who reads the memory of
// the process cannot learn the credential from it, and cannot test guesses
// without the key.
type Name [sha256.Size]byte

// session returns the name of the credential's session. No record of a store
// has such a name.
func (n Name) session() string { return "program-" + hex.EncodeToString(n[:16]) }

// A namer makes names with a key. It is safe for concurrent use.
type namer struct{ idle sync.Pool }

// A hasher is one hash with its buffers.
type hasher struct {
	mac hash.Hash
	buf [512]byte
	sum Name
}

func newNamer(key []byte) *namer {
	return &namer{idle: sync.Pool{New: func() any { return &hasher{mac: hmac.New(sha256.New, key)} }}}
}

// name returns the name of a credential.
func (n *namer) name(c Credential) Name {
	h, _ := n.idle.Get().(*hasher) // the pool has no values of another type
	defer n.idle.Put(h)
	h.mac.Reset()
	h.write(string(c.Scheme))
	h.write("\x00")
	h.write(c.text)
	h.mac.Sum(h.sum[:0])
	clear(h.buf[:])
	return h.sum
}

func (h *hasher) write(text string) {
	for text != "" {
		n := copy(h.buf[:], text)
		_, _ = h.mac.Write(h.buf[:n]) // writing to a hash cannot fail
		text = text[n:]
	}
}
