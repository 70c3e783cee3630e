// Package redistest runs real Redis servers for tests, on free ports of this
// machine, and a connection that can be made to fail. It is for tests and nothing else.
//
// Without a redis-server on the machine its tests are skipped, unless the variable
// CI is set: there they fail.
package redistest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a server may take to answer.
const patience = 20 * time.Second

// Program finds a server, or skips the test.
func Program(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const missing = "there is no redis-server on this machine; install it (on Debian: apt-get install redis-server)"
	if os.Getenv("CI") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// A Server is one server with its directory, over all its starts.
type Server struct {
	testing.TB
	// Address is host:port, over TLS where the options say so.
	Address string

	program, dir string
	options      []string
	sentinel     bool
	log          buffer
	process      *exec.Cmd
	ended        chan struct{}
}

// A buffer can be read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Start starts a server, which ends with the test. Every option is a line of its
// configuration. It loses nothing that it has confirmed, also when it is killed.
func Start(t testing.TB, options ...string) *Server {
	t.Helper()
	s := &Server{TB: t, program: Program(t), dir: t.TempDir(), Address: Free(t)}
	_, port, _ := net.SplitHostPort(s.Address)
	plain, encrypted := port, "0"
	if slices.ContainsFunc(options, func(o string) bool { return strings.HasPrefix(o, "tls-") }) {
		plain, encrypted = "0", port
	}
	s.options = append([]string{
		"bind 127.0.0.1", "port " + plain, "dir " + s.dir, "save \"\"", "appendonly yes", "appendfsync always",
	}, options...)
	if encrypted != "0" {
		s.options = append(s.options, "tls-port "+encrypted)
	}
	s.begin()
	return s
}

func (s *Server) begin() {
	s.Helper()
	s.Restart()
	s.Cleanup(func() {
		s.Kill()
		if s.Failed() {
			s.Logf("the server at %s has said:\n%s", s.Address, s.log.String())
		}
	})
}

// Restart starts a server that was killed.
func (s *Server) Restart() {
	s.Helper()
	file := filepath.Join(s.dir, "redis.conf")
	if err := os.WriteFile(file, []byte(strings.Join(s.options, "\n")+"\n"), 0o600); err != nil {
		s.Fatal(err)
	}
	args := []string{file}
	if s.sentinel {
		args = append(args, "--sentinel")
	}
	s.process, s.ended = exec.CommandContext(context.Background(), s.program, args...), make(chan struct{}) //nolint:gosec // found on the path
	s.process.Stdout, s.process.Stderr = &s.log, &s.log
	if err := s.process.Start(); err != nil {
		s.Fatal(err)
	}
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait() // it is killed in the end
		close(ended)
	}(s.process, s.ended)
	s.await()
}

// await waits until the server takes connections.
func (s *Server) await() {
	s.Helper()
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(10 * time.Millisecond) {
		select {
		case <-s.ended:
			s.Fatalf("the server has ended:\n%s", s.log.String())
		default:
		}
		if conn, err := new(net.Dialer).DialContext(s.Context(), "tcp", s.Address); err == nil {
			_ = conn.Close()
			return
		}
	}
	s.Fatalf("the server does not answer:\n%s", s.log.String())
}

// Kill ends the server without giving it a chance to put anything in order.
func (s *Server) Kill() {
	s.Helper()
	_ = s.process.Process.Kill() // it may have ended
	<-s.ended
}

// Said is what the server has logged.
func (s *Server) Said() string { return s.log.String() }

// Free is an address of this machine that nobody listens at.
func Free(t testing.TB) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

// Port is the port of an address.
func Port(t testing.TB, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(fmt.Errorf("an address without a port: %w", err))
	}
	return port
}
