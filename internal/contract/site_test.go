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

// A names value is the prefix of the names of a scenario's objects in authentik,
// with other values of one run.
type names struct {
	run      string
	url      string // the site's own address
	password string // of all users
	outbox          // servers for what authentik sends
}

// unique returns the name of an object in authentik, such as a slug, a username or
// a group. It contains the run, so that two runs do not share objects.
func (n names) unique(thing string) string { return n.run + "-" + thing }

// address returns the mail address of a user.
func (n names) address(user string) string { return n.unique(user) + "@example.com" }

// uuid returns the primary key for an object in authentik (RFC 9562, version 8).
func (n names) uuid(thing string) string {
	sum := sha256.Sum256([]byte(n.unique(thing)))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// telephone returns the telephone number of a user, different for each user and
// run.
func (n names) telephone(user string) string {
	sum := sha256.Sum256([]byte(n.unique(user)))
	return fmt.Sprintf("+1555%07d", binary.BigEndian.Uint32(sum[:])%10_000_000)
}

// An application shows the identity headers of the request. It remembers requests
// without a user, and requests with cookies of the gate.
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

// A site is an application behind the gate, and the authentik that the gate uses.
type site struct {
	names
	server       *httptest.Server
	app          *application
	authentik    string                // its address
	release      authentiktest.Release // of the stand-in; empty at a real authentik
	inbox        inbox
	admin        administrator
	read         map[string]int // how many messages of each address have been read
	loseSessions func()         // makes the stand-in lose all sessions; nil at a real authentik
	clock
}

// newSite reserves the address of a site without serving it yet: authentik needs
// the address before the gate exists.
func newSite(t *testing.T, as scenario, authentik string) *site {
	t.Helper()
	s := &site{names: newNames(), server: httptest.NewUnstartedServer(nil), app: newApplication(t), read: map[string]int{}}
	t.Cleanup(s.server.Close)
	s.url = "http://" + s.server.Listener.Addr().String()
	s.authentik = strings.TrimSuffix(authentik, "/")
	// A passkey needs a host name, not an IP address. Cookies are shared between the
	// ports of a host: if the browser opens authentik too, the site must be on
	// another host.
	if as.pageHost || as.client != nil && as.client.redirect && !strings.Contains(authentik, "//localhost") {
		s.url = strings.Replace(s.url, "127.0.0.1", "localhost", 1)
	}
	return s
}

// guard serves the application behind a gate that is configured for a scenario.
func (s *site) guard(t *testing.T, authentik *url.URL, as scenario) {
	t.Helper()
	client, err := flowclient.New(flowclient.Config{URL: authentik})
	if err != nil {
		t.Fatal(err)
	}
	store := proxy.NewMemory()
	cfg := proxy.Config{
		Now:    s.gateNow,
		Client: client, Flow: s.unique("flow"), Application: as.applicationOf(s.names), PageHost: as.pageHost, Hosts: []string{strings.TrimPrefix(s.url, "http://")},
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

// newApplication returns an application that fails the test at its end if a
// request without a user, or a cookie of the gate, has reached it.
func newApplication(t *testing.T) *application {
	t.Helper()
	a := new(application)
	t.Cleanup(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(a.anonymous) > 0 {
			t.Errorf("got requests without a user at the application: %q, want none", a.anonymous)
		}
		if len(a.leaked) > 0 {
			t.Errorf("got requests with cookies of the gate at the application: %q, want none", a.leaked)
		}
	})
	return a
}

// visitor returns a visitor with an empty browser profile.
func (s *site) visitor(t testing.TB) *visitor {
	t.Helper()
	return &visitor{TB: t, site: s, browser: browser.New(http.DefaultTransport)}
}

// cacheSignInPage opens the sign-in page once, so that the gate may serve the next
// visitor a cached copy of it, whose visit begins with the first answer.
func (s *site) cacheSignInPage(t *testing.T) {
	t.Helper()
	if _, err := s.visitor(t).browser.Open(t.Context(), s.url+"/.authentik/login"); err != nil {
		t.Fatal(err)
	}
}
