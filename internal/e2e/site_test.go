package e2e

import (
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// Jane is who signs in.
const (
	jane     = "jane"
	janeName = "Jane Doe"
	password = "correct horse battery staple"
)

// A site is everything that there is besides the browser.
type site struct {
	*caddy
	standIn *authentiktest.Server
	app     *application
	inner   string // authentik's address behind the gate, which is no browser's business
}

// A setup is what a test wants of its site.
type setup struct {
	scheme    string
	authentik authentiktest.Config // without users of its own it has Jane
	gate      []string             // options of the gate, each as a line of the Caddyfile
	// routes take the place of the gate and what comes after it, and more are further sites of the Caddyfile. In
	// all of it AUTHENTIK, APPLICATION and :PORT stand for addresses.
	routes, more string

	front func(authentik http.Handler) http.Handler // stands before authentik, if there is one
	env   []string                                  // of Caddy, on top of its own
}

// newSite starts it all. At its end the test looks whether something went where
// it should not.
func newSite(t testing.TB, scheme string) *site {
	t.Helper()
	return setup{scheme: scheme}.site(t)
}

func (u setup) site(t testing.TB) *site {
	t.Helper()
	program(t) // skips, before anything is started
	s, authentik, behind := u.surroundings(t)
	s.caddy = newCaddy(t, u, authentik, behind)
	s.meet("app", s.address)
	t.Cleanup(s.check)
	return s
}

// surroundings starts what stands around Caddy, and returns the addresses of authentik and the application.
func (u setup) surroundings(t testing.TB) (s *site, authentik, behind string) {
	t.Helper()
	if u.authentik.Users == nil {
		u.authentik.Users = []authentiktest.User{theJane()}
	}
	standIn, err := authentiktest.New(u.authentik)
	if err != nil {
		t.Fatal(err)
	}
	s = &site{standIn: standIn, app: new(application)}
	var front http.Handler = standIn
	if u.front != nil {
		front = u.front(standIn)
	}
	before, after := httptest.NewServer(front), httptest.NewServer(s.app)
	t.Cleanup(before.Close)
	t.Cleanup(after.Close)
	s.inner = before.URL
	return s, before.URL, after.URL
}

// theJane is Jane as authentik knows her.
func theJane() authentiktest.User {
	return authentiktest.User{
		Username: jane, Name: janeName, Email: "jane@example.com", Password: password, Groups: []string{"staff"},
	}
}

func (s *site) check() {
	s.Helper()
	if strings.Contains(s.log.String(), password) || strings.Contains(s.log.String(), clientSecret) {
		s.Error("the password or the client secret stands in Caddy's log")
	}
	for _, r := range s.app.requests() {
		if who := r.Header.Get("Remote-User"); who != jane && who != kim {
			s.Errorf("the application was reached by %q: %s", r.Header.Get("Remote-User"), r.URL)
		}
		if strings.Contains(r.Header.Get("Cookie"), "authentik") {
			s.Errorf("the application saw the gate's cookies: %s", r.URL)
		}
	}
}

// An application greets by name, and shows the headers that it believes. Some of its addresses are streams.
type application struct {
	streams
	mu   sync.Mutex
	seen []*http.Request
}

func (a *application) requests() []*http.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.seen)
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.seen = append(a.seen, r)
	a.mu.Unlock()
	if a.serve(w, r) {
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, `<!doctype html><html lang="en"><title>Application</title><link rel="icon" href="data:,">`+
		`<h1>Hello `+html.EscapeString(r.Header.Get("Remote-Name"))+`</h1><ul id="headers">`)
	for _, name := range []string{"Remote-User", "Remote-Name", "Remote-Email", "Remote-Groups"} {
		_, _ = io.WriteString(w, "<li>"+name+": "+html.EscapeString(r.Header.Get(name))+"</li>")
	}
	_, _ = io.WriteString(w, `</ul><p id="address">`+html.EscapeString(r.RequestURI)+`</p>`)
}
