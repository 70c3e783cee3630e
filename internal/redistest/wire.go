package redistest

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// A Wire forwards connections to a server, and can be made to fail.
type Wire struct {
	// Address is where it accepts connections.
	Address string

	server   string
	listener net.Listener
	stalled  atomic.Bool
	cut      atomic.Pointer[[]byte]
	cuts     atomic.Int64

	mu    sync.Mutex
	cond  *sync.Cond
	conns map[net.Conn]struct{}
}

// NewWire makes a Wire to a server, until the test ends.
func NewWire(t testing.TB, server string) *Wire {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &Wire{Address: l.Addr().String(), server: server, listener: l, conns: map[net.Conn]struct{}{}}
	w.cond = sync.NewCond(&w.mu)
	go w.accept()
	t.Cleanup(func() {
		_ = l.Close()
		w.Resume()
		w.Break()
	})
	return w
}

// Stall holds back all data, in both directions. New connections are accepted,
// and stalled too.
func (w *Wire) Stall() { w.stalled.Store(true) }

// Resume ends a stall. Nothing is lost.
func (w *Wire) Resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stalled.Store(false)
	w.cond.Broadcast()
}

// Break closes all connections.
func (w *Wire) Break() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for conn := range w.conns {
		_ = conn.Close()
	}
}

// CutAfter closes the connection of the next request that contains text, after
// the server has answered it and before the client receives the answer.
func (w *Wire) CutAfter(text string) {
	b := []byte(text)
	w.cut.Store(&b)
}

// Cuts is how often that has happened.
func (w *Wire) Cuts() int { return int(w.cuts.Load()) }

func (w *Wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", w.server) //nolint:noctx // it ends with the listener
		if err != nil {
			_ = client.Close()
			continue
		}
		w.mu.Lock()
		w.conns[client], w.conns[server] = struct{}{}, struct{}{}
		w.mu.Unlock()
		doomed := new(atomic.Bool)
		go w.carry(server, client, func(b []byte) { w.mark(doomed, b) })
		go w.carry(client, server, func([]byte) { w.end(doomed, client) })
	}
}

// mark remembers that the request is the one after which to close.
func (w *Wire) mark(doomed *atomic.Bool, request []byte) {
	if text := w.cut.Load(); text != nil && bytes.Contains(request, *text) && w.cut.CompareAndSwap(text, nil) {
		doomed.Store(true)
	}
}

func (w *Wire) end(doomed *atomic.Bool, client net.Conn) {
	if doomed.Load() {
		w.cuts.Add(1)
		_ = client.Close()
	}
}

func (w *Wire) carry(to, from net.Conn, before func([]byte)) {
	defer func() {
		_, _ = to.Close(), from.Close()
		w.mu.Lock()
		delete(w.conns, to)
		delete(w.conns, from)
		w.mu.Unlock()
	}()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		w.wait()
		before(b[:n])
		if _, failed := to.Write(b[:n]); failed != nil || err != nil {
			return
		}
	}
}

// wait waits while the Wire is stalled.
func (w *Wire) wait() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.stalled.Load() {
		w.cond.Wait()
	}
}
