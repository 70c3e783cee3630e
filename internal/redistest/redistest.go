// Package redistest runs real Redis servers for tests, on free ports of this
// machine, and connections that can be made to fail. Only tests use it.
//
// Without a redis-server on the machine tests are skipped, unless the variable
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

// timeout is how long a server may take to answer.
const timeout = 20 * time.Second

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

// A Server is a server with its directory. It can be killed and started again.
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

// Start starts a server, which is killed when the test ends. Every option is a
// line of its configuration. What it has confirmed survives a kill, unless an
// option says otherwise.
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
	s.start()
	return s
}

func (s *Server) start() {
	s.Helper()
	s.Restart()
	s.Cleanup(func() {
		s.Kill()
		if s.Failed() {
			s.Logf("log of the server at %s:\n%s", s.Address, s.log.String())
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
	s.waitUntilReady()
}

// waitUntilReady waits until the server accepts connections.
func (s *Server) waitUntilReady() {
	s.Helper()
	for begun := time.Now(); time.Since(begun) < timeout; time.Sleep(10 * time.Millisecond) {
		select {
		case <-s.process.Ended():
			s.Fatalf("server: it has ended:\n%s", s.log.String())
		default:
		}
		if conn, err := new(net.Dialer).DialContext(s.Context(), "tcp", s.Address); err == nil {
			_ = conn.Close()
			return
		}
	}
	s.Fatalf("server: no connection within %v:\n%s", timeout, s.log.String())
}

// Kill kills the server, which cannot put anything in order.
func (s *Server) Kill() {
	s.Helper()
	s.process.Kill()
}
