// Package redistest runs real Redis servers for tests, on free ports of this
// machine, and a connection that can be made to fail. It is for tests and nothing else.
//
// Without a redis-server on the machine its tests are skipped, unless the variable
// CI is set: there they fail.
package redistest

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/processtest"
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
	log          processtest.Log
	process      *processtest.Process
}

// Start starts a server, which ends with the test. Every option is a line of its
// configuration. It loses nothing that it has confirmed, also when it is killed.
func Start(t testing.TB, options ...string) *Server {
	t.Helper()
	s := &Server{TB: t, program: Program(t), dir: t.TempDir(), Address: processtest.Free(t)}
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
	cmd := exec.CommandContext(context.Background(), s.program, args...) //nolint:gosec // found on the path
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	s.process = processtest.Start(s, cmd)
	s.await()
}

// await waits until the server takes connections.
func (s *Server) await() {
	s.Helper()
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(10 * time.Millisecond) {
		select {
		case <-s.process.Ended():
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
	s.process.Kill()
}

// Said is what the server has logged.
func (s *Server) Said() string { return s.log.String() }
