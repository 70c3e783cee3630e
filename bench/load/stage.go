package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// The visitors that sign in. Each has sessions of its own, as users have.
const (
	username = "jane"
	password = "open sesame"
	visitors = 2000
)

// A stage is everything that stands around a measurement.
type stage struct {
	directory, caddy string // the program
	authentik        string // addresses
	application      string
	processes        []*process
	stop             context.CancelFunc
	untilClose       context.Context //nolint:containedctx // Processes end with it.
}

// open starts the application and the stand-in for authentik, and finds a Caddy.
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
	s := &stage{directory: directory, caddy: caddy}
	s.untilClose, s.stop = context.WithCancel(ctx)
	authentik, err := standIn()
	if err == nil {
		s.authentik, err = serve(s.untilClose, authentik)
	}
	if err == nil {
		s.application, err = serve(s.untilClose, http.HandlerFunc(application))
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// A site is one of a Caddyfile. It has a name here, and directives before the
// application.
type site struct{ name, before string }

// gate is a site with the gate and options for it.
func (s *stage) gate(name, options string) site {
	return site{name, "\tauthentik http://" + s.authentik + " {\n" + options + "\t}\n"}
}

// start starts a Caddy with some sites, and returns their addresses by name.
func (s *stage) start(global string, sites ...site) (*process, map[string]string, error) {
	at := map[string]string{}
	addresses := make([]string, 0, len(sites))
	text := "{\n\tpersist_config off\n\tauto_https off\n\tlog {\n\t\tlevel ERROR\n\t}\n" + global + "}\n"
	for _, one := range sites {
		address, err := free(s.untilClose)
		if err != nil {
			return nil, nil, err
		}
		at[one.name], addresses = address, append(addresses, address)
		_, port, _ := net.SplitHostPort(address)
		text += fmt.Sprintf("http://:%s {\n\tbind 127.0.0.1\n%s\treverse_proxy %s\n}\n", port, one.before, s.application)
	}
	file := filepath.Join(s.directory, fmt.Sprintf("Caddyfile-%d", len(s.processes)))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, nil, err
	}
	p, err := s.launch(nil, addresses, s.caddy, "run", "--adapter", "caddyfile", "--config", file)
	return p, at, err
}

// launch starts a process that ends with the stage.
func (s *stage) launch(env, addresses []string, program string, args ...string) (*process, error) {
	p, err := launch(s.untilClose, filepath.Join(s.directory, fmt.Sprint(len(s.processes))), env, addresses, program, args...)
	if p != nil {
		s.processes = append(s.processes, p)
	}
	return p, err
}

// other starts the Caddy that is compared with, and returns its address.
func (s *stage) other(o options) (*process, string, error) {
	address, err := free(s.untilClose)
	if err != nil {
		return nil, "", err
	}
	env := []string{"LOAD_LISTEN=" + address, "LOAD_APPLICATION=" + s.application, "LOAD_AUTHENTIK=" + s.authentik}
	p, err := s.launch(env, []string{address}, o.against, "run", "--adapter", "caddyfile", "--config", o.caddyfile)
	return p, address, err
}

// close ends everything.
func (s *stage) close() {
	s.stop()
	for _, p := range s.processes {
		p.close()
	}
}

// standIn is an authentik with many visitors. Each user's name is username and a
// number; the first has none.
func standIn() (http.Handler, error) {
	users := make([]authentiktest.User, visitors)
	for i := range users {
		users[i] = authentiktest.User{
			Username: visitor(i), Name: "Jane Doe", Email: visitor(i) + "@example.com", Password: password, Groups: []string{"staff", "wiki"},
		}
	}
	return authentiktest.New(authentiktest.Config{
		Users: users,
		Flows: []authentiktest.Flow{{Slug: "default-authentication-flow", Title: "Welcome", Bindings: []authentiktest.Binding{
			{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username"}}},
			{Stage: &authentiktest.PasswordStage{}},
			{Stage: &authentiktest.UserLoginStage{}},
		}}},
	})
}

// visitor returns the name of a user.
func visitor(i int) string {
	if i%visitors == 0 {
		return username
	}
	return fmt.Sprintf("%s%d", username, i%visitors)
}

// application answers a short page, and tells whom it takes the visitor for. A
// stream stays open until its client leaves.
func application(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == streamPath {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return
	}
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
