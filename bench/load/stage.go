package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// The visitor that signs in.
const (
	username = "jane"
	password = "open sesame"
)

// A stage is everything that stands around a measurement.
type stage struct {
	caddy *exec.Cmd
	ended chan error
	sites map[string]string // addresses by name
	stop  context.CancelFunc
}

// open starts the application, the stand-in for authentik and Caddy.
func open(ctx context.Context, directory, caddy string) (*stage, error) {
	if caddy == "" {
		// Caddy has its data in a directory "caddy" there.
		caddy = filepath.Join(directory, "caddy-under-load")
		build := exec.CommandContext(ctx, "go", "build", "-o", caddy, "github.com/flowsidecar/caddy-authentik/cmd/caddy") //nolint:gosec // The name is ours.
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return nil, fmt.Errorf("building Caddy: %w", err)
		}
	}
	ctx, stop := context.WithCancel(ctx)
	s := &stage{stop: stop, sites: map[string]string{}, ended: make(chan error, 1)}
	err := s.start(ctx, directory, caddy)
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) start(ctx context.Context, directory, caddy string) error {
	authentik, err := standIn()
	if err != nil {
		return err
	}
	at := map[string]string{}
	for name, handler := range map[string]http.Handler{"authentik": authentik, "application": http.HandlerFunc(application)} {
		if at[name], err = serve(ctx, handler); err != nil {
			return err
		}
	}
	for _, name := range []string{"gate", "headers", "plain"} {
		if s.sites[name], err = free(ctx); err != nil {
			return err
		}
	}
	file := filepath.Join(directory, "Caddyfile")
	if err := os.WriteFile(file, []byte(s.caddyfile(at)), 0o600); err != nil {
		return err
	}
	s.caddy = exec.CommandContext(ctx, caddy, "run", "--adapter", "caddyfile", "--config", file) //nolint:gosec // The one we were given.
	s.caddy.Env = append(os.Environ(), "XDG_DATA_HOME="+directory, "XDG_CONFIG_HOME="+directory)
	s.caddy.Stderr = os.Stderr
	s.caddy.Cancel = func() error { return s.caddy.Process.Signal(syscall.SIGTERM) }
	s.caddy.WaitDelay = 5 * time.Second
	if err := s.caddy.Start(); err != nil {
		return fmt.Errorf("starting Caddy: %w", err)
	}
	go func() { s.ended <- s.caddy.Wait() }()
	return s.wait(ctx)
}

// caddyfile describes three sites of one Caddy. They differ in one directive.
func (s *stage) caddyfile(at map[string]string) string {
	site := func(name, before string) string {
		_, port, _ := net.SplitHostPort(s.sites[name])
		return fmt.Sprintf("http://:%s {\n\tbind 127.0.0.1\n%s\treverse_proxy %s\n}\n", port, before, at["application"])
	}
	return "{\n\tadmin off\n\tpersist_config off\n\tauto_https off\n\tlog {\n\t\tlevel ERROR\n\t}\n}\n" +
		site("gate", "\tauthentik http://"+at["authentik"]+"\n") +
		site("headers", "\trequest_header Remote-User "+username+"\n\trequest_header Remote-Name \"Jane Doe\"\n"+
			"\trequest_header Remote-Email jane@example.com\n\trequest_header Remote-Groups staff,wiki\n") +
		site("plain", "")
}

// standIn is an authentik with one visitor.
func standIn() (http.Handler, error) {
	return authentiktest.New(authentiktest.Config{
		Users: []authentiktest.User{{
			Username: username, Name: "Jane Doe", Email: "jane@example.com", Password: password, Groups: []string{"staff", "wiki"},
		}},
		Flows: []authentiktest.Flow{{Slug: "default-authentication-flow", Title: "Welcome", Bindings: []authentiktest.Binding{
			{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username"}}},
			{Stage: &authentiktest.PasswordStage{}},
			{Stage: &authentiktest.UserLoginStage{}},
		}}},
	})
}

// application answers a short page, and tells whom it takes the visitor for.
func application(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "hello "+r.Header.Get("Remote-User")+strings.Repeat(".", 1024)) //nolint:gosec // Plain text, to ourselves.
}

// serve answers on a free port until ctx is done.
func serve(ctx context.Context, h http.Handler) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return listener.Addr().String(), nil
}

// free returns an address that no process listens on.
func free(ctx context.Context) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// wait waits until every site takes connections.
func (s *stage) wait(ctx context.Context) error {
	var dialer net.Dialer
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for name, address := range s.sites {
		for {
			connection, err := dialer.DialContext(ctx, "tcp", address)
			if err == nil {
				_ = connection.Close()
				break
			}
			select {
			case ended := <-s.ended:
				s.ended <- ended
				return fmt.Errorf("the Caddy process has ended: %w", errors.Join(ended, err))
			case <-ctx.Done():
				return fmt.Errorf("the site %s does not answer: %w", name, err)
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}

// close ends everything, Caddy first.
func (s *stage) close() {
	s.stop()
	if s.caddy != nil && s.caddy.Process != nil {
		<-s.ended //nolint:errcheck // It was told to end.
	}
}

// turn lets one contender answer for a while.
func (s *stage) turn(ctx context.Context, o options, c contender, d time.Duration) (measurement, error) {
	spent, begun := s.processorTime(), time.Now()
	n, err := hammer(ctx, c, o.connections, o.requests, d)
	m := measurement{requests: n, took: time.Since(begun), processor: s.processorTime() - spent}
	if err == nil && n == 0 {
		err = errors.New("nothing was answered")
	}
	return m, errors.Join(err, ctx.Err())
}

// processorTime is what Caddy has spent so far, as Linux tells (proc(5)), or
// zero elsewhere. A tick is a hundredth of a second on every Linux.
func (s *stage) processorTime() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.caddy.Process.Pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(stat), ") ") // the name of the program may hold blanks
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
