// Package inprocess is a site whose gate runs in the test's own process: for
// tests that move its clock, or look at what reaches authentik and when.
package inprocess

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// A Setup is the configuration of a site. Its zero value signs Jane in by name
// and password, on the gate's own pages.
type Setup struct {
	Authentik authentiktest.Config // without flows it has that of Stages
	Stages    []authentiktest.Stage
	Login     proxy.Login
	// PageHost has authentik take the site's host for its own, which is
	// localhost then, as no passkey belongs to an address in numbers.
	PageHost bool
	// Application is behind the gate. Default: one that shows its headers.
	Application http.Handler
	// Change changes the configuration of the gate. It may be nil.
	Change func(*proxy.Config)
}

// A Site is a gate with an application behind it and the stand-in for
// authentik, over TLS.
type Site struct {
	Address string
	App     *testsite.Application
	StandIn *authentiktest.Server
	Clock   *testsite.Clock // of the gate
	Posts   atomic.Int32    // forms that the sign-in page has got
	Answers atomic.Int32    // answers that authentik has got

	before atomic.Pointer[func(*http.Request)]
}

// Start starts a site for a flow of these stages.
func Start(t testing.TB, stages ...authentiktest.Stage) *Site {
	t.Helper()
	return Setup{Stages: stages}.Start(t)
}

// Start starts the site, which ends with the test.
func (u Setup) Start(t testing.TB) *Site {
	t.Helper()
	s := &Site{App: new(testsite.Application), Clock: new(testsite.Clock)}
	if u.Authentik.Flows == nil {
		u.Authentik.Flows = testsite.Flow(u.Stages...).Flows
	}
	var authentik string
	s.StandIn, authentik = testsite.StartAuthentik(t, u.Authentik, s.watched)
	server := httptest.NewUnstartedServer(nil)
	s.Address = "https://" + server.Listener.Addr().String()
	if u.PageHost {
		s.Address = strings.Replace(s.Address, "127.0.0.1", "localhost", 1)
	}
	gate := u.gate(t, s, authentik)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/.authentik/login" && r.Header.Get("Sec-Fetch-Mode") == "navigate" {
			s.Posts.Add(1)
		}
		gate.ServeHTTP(w, r)
	})
	server.StartTLS()
	t.Cleanup(server.Close)
	return s
}

// Before has a function called before authentik answers a request. It may wait,
// or break the request off by a panic with http.ErrAbortHandler. nil does
// nothing again.
func (s *Site) Before(do func(*http.Request)) {
	if do == nil {
		do = func(*http.Request) {}
	}
	s.before.Store(&do)
}

// watched counts the answers that authentik gets.
func (s *Site) watched(authentik http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/flows/executor/") {
			s.Answers.Add(1)
		}
		if before := s.before.Load(); before != nil {
			(*before)(r)
		}
		authentik.ServeHTTP(w, r)
	})
}

func (u Setup) gate(t testing.TB, s *Site, authentik string) http.Handler {
	t.Helper()
	at, err := url.Parse(authentik)
	if err != nil {
		t.Fatal(err)
	}
	client, err := flowclient.New(flowclient.Config{URL: at, Timeout: testsite.Timeout})
	if err != nil {
		t.Fatal(err)
	}
	store := proxy.NewMemory()
	cfg := proxy.Config{
		Client: client, Flow: testsite.LoginFlow, Login: u.Login, PageHost: u.PageHost || u.Login == proxy.LoginRelay,
		Hosts: []string{strings.TrimPrefix(s.Address, "https://")},
		Store: store, Key: []byte(strings.Repeat("k", 32)),
		Now: s.Clock.Now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if u.Change != nil {
		u.Change(&cfg)
	}
	gate, err := proxy.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = gate.Close()
		_ = store.Close()
	})
	if u.Application != nil {
		return gate.Wrap(u.Application)
	}
	return gate.Wrap(s.App)
}
