package contract

import (
	"bytes"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/browser"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// Names tell what one run of a scenario makes from all else in an authentik.
type names struct {
	run      string
	password string // of all users
}

// of is the name of a thing in authentik: a slug, a username, a group.
func (n names) of(thing string) string { return n.run + "-" + thing }

// An application greets whom it is told to, and remembers whether anything
// ever reached it without.
type application struct {
	mu        sync.Mutex
	anonymous []string
	leaked    []string
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Header.Get("Remote-User") == "" {
		a.anonymous = append(a.anonymous, r.Method+" "+r.RequestURI)
	}
	if strings.Contains(r.Header.Get("Cookie"), "authentik") {
		a.leaked = append(a.leaked, r.RequestURI)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	say := func(name string) string { return html.EscapeString(r.Header.Get(name)) }
	_, _ = fmt.Fprintf(w, "<!doctype html><title>Application</title><h1>Hello %s</h1><p>%s</p><p>%s</p><p>%s</p>",
		say("Remote-User"), say("Remote-Name"), say("Remote-Email"), say("Remote-Groups"))
}

// A site is an application with the gate before it, and the authentik behind
// the gate.
type site struct {
	names
	url     string
	app     *application
	release authentiktest.Release // of the stand-in; empty at a real authentik
	forget  func()                // has authentik lose all its sessions; nil where nobody can
}

// newSite puts the gate before an application, as a scenario has it.
func newSite(t *testing.T, authentik *url.URL, n names, as scenario) *site {
	t.Helper()
	client, err := flowclient.New(flowclient.Config{URL: authentik})
	if err != nil {
		t.Fatal(err)
	}
	store := proxy.NewMemory()
	gate, err := proxy.New(proxy.Config{
		Client: client, Flow: n.of("flow"), Application: as.applicationOf(n), PageHost: as.pageHost,
		Store: store, Key: bytes.Repeat([]byte{7}, 32),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{names: n, app: newApplication(t)}
	server := httptest.NewServer(gate.Wrap(s.app))
	s.url = server.URL
	if as.pageHost { // no key belongs to an address in numbers
		s.url = strings.Replace(s.url, "127.0.0.1", "localhost", 1)
	}
	t.Cleanup(func() {
		server.Close()
		if err := gate.Close(); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// newApplication is one that complains at the end about what should never have
// reached it.
func newApplication(t *testing.T) *application {
	t.Helper()
	a := new(application)
	t.Cleanup(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(a.anonymous) > 0 {
			t.Errorf("the application was reached by nobody: %q", a.anonymous)
		}
		if len(a.leaked) > 0 {
			t.Errorf("the application saw cookies of the gate: %q", a.leaked)
		}
	})
	return a
}

// visitor opens a browser with an empty profile.
func (s *site) visitor(t testing.TB) *visitor {
	t.Helper()
	return &visitor{TB: t, site: s, browser: browser.New(http.DefaultTransport)}
}
