package contract

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
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

// Names are unique to one run of a scenario, so that its objects in authentik
// differ from all others.
type names struct {
	run      string
	url      string // the site's own address
	password string // of all users
	outbox          // where authentik hands in what it sends
}

// of returns the name of an object in authentik, such as a slug, a username or a
// group. The run is part of it, so that two runs do not share objects.
func (n names) of(thing string) string { return n.run + "-" + thing }

// address is a mailbox of a user's own.
func (n names) address(user string) string { return n.of(user) + "@example.com" }

// uuid is a key that a thing is to have in authentik (RFC 9562, version 8).
func (n names) uuid(thing string) string {
	sum := sha256.Sum256([]byte(n.of(thing)))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// telephone is a number that nobody else has.
func (n names) telephone(user string) string {
	sum := sha256.Sum256([]byte(n.of(user)))
	return fmt.Sprintf("+1555%07d", binary.BigEndian.Uint32(sum[:])%10_000_000)
}

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
	server    *httptest.Server
	app       *application
	authentik string                // its address
	release   authentiktest.Release // of the stand-in; empty at a real authentik
	post      postbox
	admin     administrator
	read      map[string]int // how many messages of each address have been read
	forget    func()         // has authentik lose all its sessions; nil where nobody can
	clock
}

// newSite has an address, and nothing there yet: authentik is told the address before there is a gate.
func newSite(t *testing.T, as scenario, authentik string) *site {
	t.Helper()
	s := &site{names: newNames(), server: httptest.NewUnstartedServer(nil), app: newApplication(t), read: map[string]int{}}
	t.Cleanup(s.server.Close)
	s.url = "http://" + s.server.Listener.Addr().String()
	s.authentik = strings.TrimSuffix(authentik, "/")
	// No key belongs to an address in numbers, and cookies do not tell ports apart:
	// where the browser goes to authentik too, that needs another host.
	if as.pageHost || as.client != nil && as.client.redirect && !strings.Contains(authentik, "//localhost") {
		s.url = strings.Replace(s.url, "127.0.0.1", "localhost", 1)
	}
	return s
}

// guard puts the gate before the application, as a scenario has it.
func (s *site) guard(t *testing.T, authentik *url.URL, as scenario) {
	t.Helper()
	client, err := flowclient.New(flowclient.Config{URL: authentik})
	if err != nil {
		t.Fatal(err)
	}
	store := proxy.NewMemory()
	cfg := proxy.Config{
		Now:    s.gateNow,
		Client: client, Flow: s.of("flow"), Application: as.applicationOf(s.names), PageHost: as.pageHost, Hosts: []string{strings.TrimPrefix(s.url, "http://")},
		Store: store, Key: bytes.Repeat([]byte{7}, 32),
	}
	if as.client != nil {
		cfg.Flow, cfg.OIDC = "", as.client.config(s.names)
		if as.client.redirect {
			cfg.Login = proxy.LoginRedirect
		}
	}
	gate, err := proxy.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.server.Config.Handler = gate.Wrap(s.app)
	s.server.Start()
	t.Cleanup(func() {
		s.server.Close()
		if err := gate.Close(); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
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

// passBy has somebody look at the sign-in page and go on, so that whoever comes next may be
// drawn a copy of it, and begins their visit with the first answer.
func (s *site) passBy(t *testing.T) {
	t.Helper()
	if _, err := s.visitor(t).browser.Open(t.Context(), s.url+"/.authentik/login"); err != nil {
		t.Fatal(err)
	}
}
