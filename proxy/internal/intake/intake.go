// Package intake reads the bodies of requests at the gate's own addresses. Any
// client may send one, signed in or not, so reading is bounded: in bytes, in
// time, and in the number of large bodies at once.
package intake

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

const (
	// Small is the maximum size of a body, in bytes, that takes no room. Few
	// forms of the page have a tenth of it.
	Small = 64 << 10
	// room is how many bytes of larger bodies the process holds at a time, and
	// clientRoom how many of them may come from one address.
	room, clientRoom = 32 << 20, 16 << 20
	// roomWait is how long a larger body waits for room.
	roomWait = 5 * time.Second
	// firstTime is the time limit for a small body. chunkTime is added for each
	// further Small bytes: 32 KB a second.
	firstTime, chunkTime = 15 * time.Second, 2 * time.Second
	// drained is how many bytes are read of a body that no answer needs, before its
	// connection ends, and linger is how long a client that sends more may take to
	// read the response: the end of the connection can overtake it.
	drained, linger = 256 << 10, 500 * time.Millisecond
)

var (
	// ErrTooLarge says that a body is larger than its limit.
	ErrTooLarge = errors.New("intake: the body is too large")
	// ErrBusy says that there was no room for a body that is not small.
	ErrBusy = errors.New("intake: too many large bodies are being read")
)

// A Room is the memory that the larger bodies of a process share. All memory of
// the zero Room is free. It is safe for concurrent use.
type Room struct {
	mu      sync.Mutex
	taken   int64
	waiting int
	clients map[netip.Addr]int64
	freed   chan struct{} // closed when room is given back
}

// enter takes room for n bytes, and waits for a short time if there is not
// enough.
func (r *Room) enter(ctx context.Context, client netip.Addr, size int64) error {
	ctx, cancel := context.WithTimeout(ctx, roomWait)
	defer cancel()
	for {
		freed := r.take(client, size)
		if freed == nil {
			return nil
		}
		select {
		case <-freed:
			r.goOn()
		case <-ctx.Done():
			r.goOn()
			return ErrBusy
		}
	}
}

// goOn ends a wait.
func (r *Room) goOn() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting--
}

// take takes room, or returns a channel that is closed when room is given back.
func (r *Room) take(client netip.Addr, size int64) (freed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken+size <= room && r.clients[client]+size <= clientRoom {
		if r.clients == nil {
			r.clients = map[netip.Addr]int64{}
		}
		r.taken += size
		r.clients[client] += size
		return nil
	}
	if r.freed == nil {
		r.freed = make(chan struct{})
	}
	r.waiting++
	return r.freed
}

// leave gives room back.
func (r *Room) leave(client netip.Addr, size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken -= size
	if r.clients[client] -= size; r.clients[client] == 0 {
		delete(r.clients, client)
	}
	if r.freed != nil {
		close(r.freed)
		r.freed = nil
	}
}

// State returns how many bytes of larger bodies are held, and how many bodies wait
// for room.
func (r *Room) State() (taken int64, waiting int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.taken, r.waiting
}

// Options say how a body is read. Room is required.
type Options struct {
	Room *Room
	// Client is the visitor's address.
	Client netip.Addr
	// Limit is how many bytes are read at most. Held is how many of them are
	// kept in memory, if the reader drops the others. Default of Held: Limit.
	Limit, Held int64
}

// A Body is the body of a request while it is read. It must be closed when
// nothing of it is held any more.
type Body struct {
	Options
	r        *http.Request
	source   io.Reader
	control  *http.ResponseController
	began    time.Time
	read     int64
	granted  int64 // how much may be read before the next deadline is set
	reserved int64
	err      error
}

// Open returns the body of a request. It reads nothing yet. A body that is
// never read has the same time limits.
func Open(w http.ResponseWriter, r *http.Request, o Options) *Body {
	if o.Held == 0 {
		o.Held = o.Limit
	}
	b := &Body{Options: o, r: r, source: r.Body, control: http.NewResponseController(w), began: time.Now()}
	if r.ContentLength != 0 {
		b.deadline(b.began.Add(firstTime))
	}
	return b
}

// Bound limits the time for a body that may never be read. Before a connection can
// be used again, net/http waits for up to 256 KB of the body. Without a limit, a
// client that sends nothing could keep a request open for as long as it likes.
func Bound(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(firstTime))
	}
}

// Leave makes the server not wait for a body that is never read. The connection
// ends after the response, unless the body was sent together with the request.
func Leave(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now())
	}
}

// Early returns a writer by which a response does not wait for the part of the body
// that the handler has not read. With HTTP/1, net/http would wait for up to 256 KB of
// it, and a client that announces a body and sends none would get no answer before
// the deadline. Instead the connection ends after the response. finish has to be
// called after the response.
func Early(w http.ResponseWriter, r *http.Request) (early http.ResponseWriter, finish func()) {
	if r.ProtoMajor != 1 || r.ContentLength == 0 || r.Body == nil {
		return w, func() {}
	}
	e := &earlyWriter{ResponseWriter: w, body: &noted{ReadCloser: r.Body}}
	r.Body = e.body
	return e, func() {
		if !e.body.ended && r.Header.Get("Expect") == "" && (r.ContentLength < 0 || r.ContentLength > drained) {
			e.drain() // net/http reads the rest of smaller bodies
		}
	}
}

// A noted body notes whether it was read to its end.
type noted struct {
	io.ReadCloser
	ended bool
}

func (n *noted) Read(p []byte) (int, error) {
	read, err := n.ReadCloser.Read(p)
	n.ended = n.ended || errors.Is(err, io.EOF)
	return read, err
}

// An earlyWriter closes the connection after a response to a request whose body was
// not read to its end.
type earlyWriter struct {
	http.ResponseWriter
	body  *noted
	wrote bool
}

// Unwrap is for http.ResponseController.
func (e *earlyWriter) Unwrap() http.ResponseWriter { return e.ResponseWriter }

func (e *earlyWriter) WriteHeader(status int) {
	if !e.wrote && status >= http.StatusOK {
		e.wrote = true
		if !e.body.ended {
			e.Header().Set("Connection", "close")
		}
	}
	e.ResponseWriter.WriteHeader(status)
}

func (e *earlyWriter) Write(body []byte) (int, error) {
	if !e.wrote {
		e.WriteHeader(http.StatusOK)
	}
	return e.ResponseWriter.Write(body)
}

// drain sends the response, and reads for a while what the client still sends.
func (e *earlyWriter) drain() {
	control := http.NewResponseController(e.ResponseWriter)
	_ = control.Flush()
	if _, err := io.CopyN(io.Discard, e.body, drained); err == nil {
		_ = control.SetReadDeadline(time.Now().Add(linger))
		_, _ = io.Copy(io.Discard, e.body)
	}
}

// deadline sets a deadline for the next reads. Servers that cannot set one have
// time limits of their own, or none.
func (b *Body) deadline(at time.Time) { _ = b.control.SetReadDeadline(at) }

// Read implements [io.Reader]. It reads nothing of a body whose announced
// length is too large.
func (b *Body) Read(p []byte) (int, error) {
	if b.err == nil && b.read >= b.granted {
		b.err = b.grant()
	}
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	n, err := b.source.Read(p[:min(int64(len(p)), b.granted-b.read)])
	b.read += int64(n)
	if err != nil {
		b.err = err
	}
	if errors.Is(err, io.EOF) {
		b.deadline(time.Time{}) // otherwise, waiting for authentik would count as a slow body
	}
	if b.read > b.Limit {
		b.err = ErrTooLarge
		return n - 1, b.err
	}
	return n, err
}

// grant allows the next chunk: it sets the deadline, and takes room for the
// whole body once it is not small.
func (b *Body) grant() error {
	switch {
	case b.r.ContentLength > b.Limit:
		return ErrTooLarge
	case b.granted == Small:
		if err := b.reserve(); err != nil {
			return err
		}
	}
	b.deadline(b.began.Add(firstTime + time.Duration(b.granted/Small)*chunkTime))
	b.granted = min(b.granted+Small, b.Limit+1) // one byte more shows that the body is too large
	return nil
}

func (b *Body) reserve() error {
	size := b.Held
	if b.r.ContentLength >= 0 {
		size = min(size, b.r.ContentLength)
	}
	b.deadline(time.Time{}) // so the wait for room does not count
	waited := time.Now()
	if err := b.Room.enter(b.r.Context(), b.Client, size); err != nil {
		b.deadline(time.Now().Add(firstTime))
		return err
	}
	b.began = b.began.Add(time.Since(waited))
	b.reserved = size
	return nil
}

// Close gives back the room that the body took. It may be called more than
// once.
func (b *Body) Close() error {
	if b.reserved > 0 {
		b.Room.leave(b.Client, b.reserved)
		b.reserved = 0
	}
	return nil
}
