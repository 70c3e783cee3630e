package seal

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// A sealed value is JSON in the DEFLATE format (RFC 1951). A value that is not
// worth compressing is a single stored block. Every version of the gate reads
// both forms, so processes of different versions can share a store.
const (
	// maxOpened is the maximum size of a sealed value after decompression, in
	// bytes.
	maxOpened = 16 << 20
	// minSmall is the minimum length of JSON, in bytes, that compression makes
	// shorter, and minFast the minimum length for which compression is worth its
	// time.
	minSmall = 128
	minFast  = 512
	// storedHead is the length of the head of a stored block: its kind, its
	// length, and the complement of its length.
	storedHead = 5
	// maxStored is the maximum length of a stored block, in bytes.
	maxStored = 1<<16 - 1
	// maxPooled is the maximum capacity of a buffer that is used again.
	maxPooled = 64 << 10
)

// A level says how much a kind of record is compressed.
type level int

const (
	// stored does not compress.
	stored level = iota
	// fast takes a third of the time of small, for a tenth more bytes.
	fast
	// small is for records that must fit into a cookie or an address.
	small
)

// levels has the level of each kind of record. A kind without one is compressed
// fast. Kinds with the level stored contain random texts, which hardly become
// shorter.
var levels = map[Kind]level{
	KindBrowser:  stored,
	KindUser:     stored,
	KindSID:      stored,
	KindLapse:    stored,
	KindState:    small,
	KindRelay:    small,
	KindBack:     small,
	KindLink:     small,
	KindMailed:   small,
	KindLateForm: small,
}

// levelOf returns the level for JSON of a kind and a length.
func levelOf(of Kind, length int) level {
	how, known := levels[of]
	if !known {
		how = fast
	}
	switch {
	case how == small && length < minSmall, how == fast && length < minFast:
		return stored
	case how == stored && length > maxStored:
		return fast
	default:
		return how
	}
}

// A buffer is reused for one value after another.
type buffer struct{ bytes.Buffer }

// A new writer of DEFLATE takes 800 KB of memory, and a reader 40 KB: they are
// used again, too.
var (
	buffers = sync.Pool{New: func() any { return new(buffer) }}
	readers = sync.Pool{New: func() any { return flate.NewReader(nil) }}
	writers = map[level]*sync.Pool{fast: newWriters(flate.BestSpeed), small: newWriters(flate.DefaultCompression)}
)

func newWriters(level int) *sync.Pool {
	return &sync.Pool{New: func() any {
		w, _ := flate.NewWriter(nil, level) // a valid level gives no error
		return w
	}}
}

func newBuffer() *buffer {
	b, _ := buffers.Get().(*buffer)
	b.Reset()
	return b
}

// release makes the buffer available again. It clears the content, which was
// secret.
func (b *buffer) release() {
	if b.Cap() > maxPooled {
		return
	}
	clear(b.Bytes())
	buffers.Put(b)
}

// pack encodes a value. The caller releases the result.
func pack(of Kind, v any) (*buffer, error) {
	plain := newBuffer()
	_, _ = plain.Write(make([]byte, storedHead))
	if err := json.NewEncoder(plain).Encode(v); err != nil {
		plain.release()
		return nil, err
	}
	text := plain.Bytes()[storedHead:]
	how := levelOf(of, len(text))
	if how == stored {
		writeHead(plain.Bytes(), len(text))
		return plain, nil
	}
	defer plain.release()
	packed := newBuffer()
	if err := compress(packed, text, writers[how]); err != nil {
		packed.release()
		return nil, err
	}
	return packed, nil
}

// writeHead writes the head of a value that is one stored block (RFC 1951,
// 3.2.4).
func writeHead(head []byte, length int) {
	n := uint16(length) //nolint:gosec // at most maxStored
	head[0] = 1         // the last block, stored
	binary.LittleEndian.PutUint16(head[1:], n)
	binary.LittleEndian.PutUint16(head[3:], ^n)
}

func compress(to *buffer, text []byte, pool *sync.Pool) error {
	w, _ := pool.Get().(*flate.Writer)
	defer pool.Put(w)
	w.Reset(to)
	if _, err := w.Write(text); err != nil {
		return err
	}
	return w.Close()
}

// unpack decodes what pack has encoded.
func unpack(packed []byte, v any) error {
	if text, ok := storedText(packed); ok {
		return decode(text, v)
	}
	text := newBuffer()
	defer text.release()
	if err := decompress(text, packed); err != nil {
		return ErrSealed
	}
	return decode(text.Bytes(), v)
}

// decode reads JSON. Nothing in v refers to text afterwards.
func decode(text []byte, v any) error {
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("decoding a sealed value: %w", err)
	}
	return nil
}

// storedText returns the JSON of a value that is one stored block.
func storedText(packed []byte) (text []byte, ok bool) {
	if len(packed) < storedHead || packed[0] != 1 {
		return nil, false
	}
	n := binary.LittleEndian.Uint16(packed[1:])
	text = packed[storedHead:]
	return text, ^n == binary.LittleEndian.Uint16(packed[3:]) && int(n) == len(text)
}

func decompress(to *buffer, packed []byte) error {
	r, _ := readers.Get().(io.ReadCloser)
	defer readers.Put(r)
	again, _ := r.(flate.Resetter)
	if err := again.Reset(bytes.NewReader(packed), nil); err != nil {
		return err
	}
	_, err := to.ReadFrom(io.LimitReader(r, maxOpened))
	return err
}
