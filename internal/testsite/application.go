package testsite

import (
	"html"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// An Application greets the user by name, and shows the headers that it
// believes. Some of its addresses are streams. Its zero value is ready.
type Application struct {
	Streams
	mu    sync.Mutex
	seen  []*http.Request
	posts []string
}

// identity are the headers by which the application knows its user.
var identity = []string{"Remote-User", "Remote-Name", "Remote-Email", "Remote-Groups"}

// ServeHTTP greets the user.
func (a *Application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.seen = append(a.seen, r)
	a.mu.Unlock()
	if r.Method == http.MethodPost && r.URL.Path == "/posted" {
		body, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		a.posts = append(a.posts, string(body))
		a.mu.Unlock()
	}
	if a.serve(w, r) {
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if r.URL.Path != "/silent" { // which says nothing about caches
		w.Header().Set("Cache-Control", "no-store")
	}
	if r.URL.Path == "/scripted" { // which notices that its session has ended
		w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src data:")
		_, _ = io.WriteString(w, `<!doctype html><script src="/.authentik/assets/session.js"></script>`)
	}
	_, _ = io.WriteString(w, `<!doctype html><html lang="en"><title>Application</title><link rel="icon" href="data:,">`+
		`<h1>Hello `+html.EscapeString(r.Header.Get("Remote-Name"))+`</h1><ul id="headers">`)
	for _, name := range identity {
		_, _ = io.WriteString(w, "<li>"+name+": "+html.EscapeString(r.Header.Get(name))+"</li>")
	}
	_, _ = io.WriteString(w, `</ul><p id="address">`+html.EscapeString(r.RequestURI)+`</p>`)
}

// Posts are the bodies that were posted to /posted.
func (a *Application) Posts() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.posts)
}

// Requests are the requests that have reached the application.
func (a *Application) Requests() []*http.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.seen)
}

// Check fails the test if a request has reached the application that should
// not have, or that told it the gate's cookies.
func (a *Application) Check(t testing.TB, users ...string) {
	t.Helper()
	for _, r := range a.Requests() {
		if user := r.Header.Get("Remote-User"); !slices.Contains(users, user) {
			t.Errorf("the application got a request of user %q for %s, want one of %q", user, r.URL, users)
		}
		if strings.Contains(r.Header.Get("Cookie"), "authentik") {
			t.Errorf("the application got the gate's cookies with a request for %s", r.URL)
		}
	}
}
