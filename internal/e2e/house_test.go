package e2e

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// A house is the gate in this process, in front of an application and with the
// stand-in for authentik behind it: for tests that move its clock, or look at what
// comes to whom.
type house struct {
	testing.TB
	address string
	app     *application
	login   proxy.Login
	posts   atomic.Int32 // forms that came to the sign-in page
	answers atomic.Int32 // answers that came to authentik

	mu     sync.Mutex
	offset time.Duration         // of the clock
	before func(r *http.Request) // is called before authentik answers; nil does nothing
}

// code is the recovery code of whoever is asked for one.
const code = "recovery-code-1"

// newHouse builds it for a flow.
func newHouse(t testing.TB, stages ...authentiktest.Stage) *house {
	t.Helper()
	return newHouseWith(t, authentiktest.Duo{}, stages...)
}

// newHouseWith builds it beside a Duo.
func newHouseWith(t testing.TB, duo authentiktest.Duo, stages ...authentiktest.Stage) *house {
	t.Helper()
	return newHouseOf(t, proxy.LoginPage, duo, stages...)
}

// newHouseOf builds it with the pages of one kind.
func newHouseOf(t testing.TB, login proxy.Login, duo authentiktest.Duo, stages ...authentiktest.Stage) *house {
	t.Helper()
	h := &house{TB: t, app: new(application), login: login}
	flow := authentiktest.Flow{Slug: "login", Title: "Welcome", Bindings: bound(stages)}
	standIn, err := authentiktest.New(authentiktest.Config{
		Duo: duo, Flows: []authentiktest.Flow{flow},
		Users: []authentiktest.User{{
			Username: jane, Name: janeName, Email: "jane@example.com", Password: password, Groups: []string{"staff"},
			Devices: []authentiktest.Device{{Class: authentiktest.DeviceStatic, Codes: []string{code}}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	authentik := httptest.NewServer(h.watched(standIn))
	t.Cleanup(authentik.Close)
	gate := h.newGate(authentik.URL)
	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/.authentik/login" && r.Header.Get("Sec-Fetch-Mode") == "navigate" {
			h.posts.Add(1)
		}
		gate.ServeHTTP(w, r)
	}))
	t.Cleanup(site.Close)
	h.address = site.URL
	return h
}

// bound makes bindings of stages. Without any they are a name, a password and a login.
func bound(stages []authentiktest.Stage) (bindings []authentiktest.Binding) {
	if len(stages) == 0 {
		stages = []authentiktest.Stage{
			&authentiktest.IdentificationStage{UserFields: []string{"username"}}, &authentiktest.PasswordStage{}, &authentiktest.UserLoginStage{},
		}
	}
	for _, s := range stages {
		bindings = append(bindings, authentiktest.Binding{Stage: s})
	}
	return bindings
}

// watched counts what authentik is told, and lets a test have a hand in it.
func (h *house) watched(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/flows/executor/") {
			h.answers.Add(1)
		}
		h.mu.Lock()
		before := h.before
		h.mu.Unlock()
		if before != nil {
			before(r)
		}
		next.ServeHTTP(w, r)
	})
}

// slow has a test called before authentik answers.
func (h *house) slow(before func(r *http.Request)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.before = before
}

// later moves the gate's clock.
func (h *house) later(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.offset += d
}

func (h *house) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().Add(h.offset)
}

func (h *house) newGate(authentik string) http.Handler {
	h.Helper()
	at, err := url.Parse(authentik)
	if err != nil {
		h.Fatal(err)
	}
	client, err := flowclient.New(flowclient.Config{URL: at})
	if err != nil {
		h.Fatal(err)
	}
	store := proxy.NewMemory()
	h.Cleanup(func() { _ = store.Close() })
	gate, err := proxy.New(proxy.Config{
		Client: client, Flow: "login", Login: h.login, PageHost: h.login == proxy.LoginRelay, Store: store, Key: []byte(strings.Repeat("k", 32)),
		Now: h.now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = gate.Close() })
	return gate.Wrap(h.app)
}
