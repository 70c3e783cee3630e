package proxy

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/plex"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// newSiteOf is newSite with another authentik, whose brand chooses the flow: a
// gate with a flow in its configuration accepts no visitor who signs in with a
// source.
func newSiteOf(t testing.TB, authentik authentiktest.Config, change func(*Config)) *site {
	t.Helper()
	if authentik.Users == nil {
		authentik.Users = people()
	}
	stand, err := authentiktest.New(authentik)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(stand)
	t.Cleanup(server.Close)
	s := &site{authentik: stand, clock: &clock{}}
	cfg := Config{
		Client: newClient(t, server.URL), Store: newStore(t), Key: []byte(strings.Repeat("k", seal.MinKey)), Now: s.clock.now,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Plex: plex.None{},
	}
	if change != nil {
		change(&cfg)
	}
	s.gate = newGate(t, cfg)
	s.Server = httptest.NewTLSServer(s.gate.Wrap(http.HandlerFunc(s.application)))
	t.Cleanup(s.Close)
	return s
}

// inLogin is an authentik whose login is made of these stages.
func inLogin(stages ...authentiktest.Stage) authentiktest.Config {
	flow := authentiktest.Flow{Slug: "default-authentication-flow", Title: "Welcome"}
	for _, stage := range stages {
		flow.Bindings = append(flow.Bindings, authentiktest.Binding{Stage: stage})
	}
	return authentiktest.Config{Flows: []authentiktest.Flow{flow}}
}

// whoIsIt asks for the name, and signs in any user who gives one at the end.
func whoIsIt(between ...authentiktest.Stage) []authentiktest.Stage {
	stages := append([]authentiktest.Stage{&authentiktest.IdentificationStage{UserFields: []string{"username"}}}, between...)
	return append(stages, &authentiktest.UserLoginStage{})
}

// lacks fails where a text is on the page.
func (s screen) lacks(t testing.TB, text string) {
	t.Helper()
	if strings.Contains(s.body, text) {
		t.Fatalf("got status %d at %s: %q is on the page:\n%s", s.status, s.path, text, s.body)
	}
}

// A log takes down what the gate logs.
type logbook struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}
