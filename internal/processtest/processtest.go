// Package processtest runs programs for tests: processes that can be killed,
// logs that can be read while they are written, and free addresses. Only tests
// use it.
package processtest

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
)

// A Log can be read while it is written. The zero Log is empty.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns all that was written.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A Process is a program that was started.
type Process struct {
	testing.TB
	cmd   *exec.Cmd
	ended chan struct{}
}

// Start starts a command. The caller must kill it.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &Process{TB: t, cmd: cmd, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // it is killed in the end
		close(p.ended)
	}()
	return p
}

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Kill kills the process, unless it has ended, and waits for its end.
func (p *Process) Kill() {
	p.Helper()
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.Error(err)
	}
	<-p.ended
}

// Free returns an address of this machine that is free. Its port is below those
// that a system assigns by itself: one of those could be assigned to a
// connection of another test before it is used.
func Free(t testing.TB) string {
	t.Helper()
	const lowest, highest = 10_000, 32_000 // Linux assigns ports from 32768, others from 49152
	var lc net.ListenConfig
	var err error
	for range 100 {
		var l net.Listener
		var random [2]byte
		_, _ = rand.Read(random[:]) // never fails, see its documentation
		port := lowest + int(binary.BigEndian.Uint16(random[:]))%(highest-lowest)
		if l, err = lc.Listen(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err != nil {
			continue // another program has it
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return l.Addr().String()
	}
	t.Fatal(err)
	return ""
}

// Port returns the port of an address.
func Port(t testing.TB, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatalf("port of %q: %v", address, err)
	}
	return port
}
