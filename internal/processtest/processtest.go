// Package processtest runs programs beside tests: processes that are killed, logs that
// are read while they are written, and addresses to listen at. It is for tests and
// nothing else.
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

// A Log can be read while it is written. Its zero value is empty.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds to it.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is all that was written.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A Process is a program that has been started.
type Process struct {
	testing.TB
	cmd   *exec.Cmd
	ended chan struct{}
}

// Start starts a command. Whoever starts it kills it.
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

// Kill ends the process without giving it a chance to put anything in order, and
// waits until it has. One that has ended already stays so.
func (p *Process) Kill() {
	p.Helper()
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.Error(err)
	}
	<-p.ended
}

// Free is an address of this machine that nobody listens at. Its port is one that no
// system gives away by itself, since between this answer and its use a connection of
// another test could be given it.
func Free(t testing.TB) string {
	t.Helper()
	const lowest, highest = 10_000, 32_000 // Linux gives away ports from 32768, others from 49152
	var lc net.ListenConfig
	var err error
	for range 100 {
		var l net.Listener
		var dice [2]byte
		_, _ = rand.Read(dice[:]) // never fails, see its documentation
		port := lowest + int(binary.BigEndian.Uint16(dice[:]))%(highest-lowest)
		if l, err = lc.Listen(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err != nil {
			continue // it is taken
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return l.Addr().String()
	}
	t.Fatal(err)
	return ""
}

// Port is the port of an address.
func Port(t testing.TB, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatalf("an address without a port: %v", err)
	}
	return port
}
