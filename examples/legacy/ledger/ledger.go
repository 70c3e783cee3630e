// Package ledger is an old application as many companies have one: it knows its
// own users and passwords, a login form with a token, a session cookie, and
// nothing of single sign-on. It stands behind the gate unchanged.
package ledger

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// An Application is the ledger. Its session cookie is ledger_sid. It is safe for
// concurrent use.
type Application struct {
	mux   *http.ServeMux
	users map[string][sha256.Size]byte // passwords, hashed

	mu       sync.Mutex
	sessions map[string]*account // by the cookie
}

// An account is what a session knows.
type account struct {
	token string // of the login form
	user  string // empty before the login
}

const cookieName = "ledger_sid"

// maxSessions bounds the memory for sessions; beyond that all are forgotten.
const maxSessions = 10_000

// New returns a ledger with users and their passwords.
func New(users map[string]string) *Application {
	a := &Application{mux: http.NewServeMux(), users: map[string][sha256.Size]byte{}, sessions: map[string]*account{}}
	for name, password := range users {
		a.users[name] = sha256.Sum256([]byte(password))
	}
	a.mux.HandleFunc("GET /login", a.form)
	a.mux.HandleFunc("POST /login", a.login)
	a.mux.HandleFunc("GET /logout", a.logout)
	a.mux.HandleFunc("GET /", a.page)
	return a
}

// ServeHTTP serves the application.
func (a *Application) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// session returns the session of a request, if it has one.
func (a *Application) session(r *http.Request) (*account, bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return nil, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	found, ok := a.sessions[cookie.Value]
	return found, ok
}

// begin begins a session, and returns it.
func (a *Application) begin(w http.ResponseWriter, user string) *account {
	s, id := &account{token: rand.Text(), user: user}, rand.Text()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.sessions) >= maxSessions {
		clear(a.sessions)
	}
	a.sessions[id] = s
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}) //nolint:gosec // It is used over plain HTTP as well.
	return s
}

// end ends the session of a request.
func (a *Application) end(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		a.mu.Lock()
		delete(a.sessions, cookie.Value)
		a.mu.Unlock()
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1, HttpOnly: true}) //nolint:gosec // It is used over plain HTTP as well.
}

func (a *Application) page(w http.ResponseWriter, r *http.Request) {
	s, ok := a.session(r)
	if !ok || s.user == "" {
		http.Redirect(w, r, "/login?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusFound)
		return
	}
	draw(w, view{User: s.user, Path: r.URL.Path})
}

func (a *Application) form(w http.ResponseWriter, r *http.Request) {
	s, ok := a.session(r)
	if ok && s.user != "" {
		http.Redirect(w, r, "/", http.StatusFound)
		return
	}
	if !ok {
		s = a.begin(w, "")
	}
	draw(w, view{Token: s.token, Next: r.FormValue("next")})
}

func (a *Application) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	s, ok := a.session(r)
	if !ok || subtle.ConstantTimeCompare([]byte(r.FormValue("token")), []byte(s.token)) == 0 {
		http.Error(w, "This form has expired. Go back and load the page again.", http.StatusForbidden)
		return
	}
	user, next := r.FormValue("username"), r.FormValue("next")
	sum := sha256.Sum256([]byte(r.FormValue("password")))
	want, known := a.users[user]
	if subtle.ConstantTimeCompare(sum[:], want[:]) == 0 || !known {
		draw(w, view{Token: s.token, Next: next, Wrong: true})
		return
	}
	a.end(w, r)
	a.begin(w, user)
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.HasPrefix(next, `/\`) {
		next = "/"
	}
	http.Redirect(w, r, next, http.StatusFound) //nolint:gosec // It is a path of this site.
}

func (a *Application) logout(w http.ResponseWriter, r *http.Request) {
	a.end(w, r)
	http.Redirect(w, r, "/login", http.StatusFound)
}

// A view is what a page shows: the ledger to its user, and the form to others.
type view struct {
	User, Path, Token, Next string
	Wrong                   bool
}

func draw(w http.ResponseWriter, v view) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = page.Execute(w, v) // fails only if the client has disconnected
}

var page = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Ledger</title>
<style>body{font:1rem/1.5 serif;max-width:40rem;margin:2rem auto;padding:0 1rem}td{padding:0 1rem 0 0}</style>
<h1>Ledger</h1>
{{if .User}}<p>Page {{.Path}}, for <b>{{.User}}</b>. <a href="/logout">Log out</a></p>
<table><tr><td>1987-03-02<td>Paper<td>12.40<tr><td>1987-03-05<td>Ribbons<td>3.15</table>
{{else}}{{if .Wrong}}<p role="alert">Wrong name or password.</p>{{end}}
<form action="/login" method="post">
<input type="hidden" name="token" value="{{.Token}}">
<input type="hidden" name="next" value="{{.Next}}">
<p><label>Name <input name="username" required></label>
<p><label>Password <input name="password" type="password" required></label>
<p><button>Log in</button>
</form>{{end}}
`))
