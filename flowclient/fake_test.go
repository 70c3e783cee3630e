package flowclient

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// turn is one request that the fake executor has received.
type turn struct {
	method, uri, host, body string
	header                  http.Header
	cookies                 map[string]string
}

// fake is a server that answers each request with the next function of a script, and
// records the requests.
type fake struct {
	t      testing.TB
	server *httptest.Server
	mu     sync.Mutex
	script []http.HandlerFunc
	turns  []turn
}

// newFake returns a server with a script. A request beyond its end fails the test.
func newFake(t testing.TB, script ...http.HandlerFunc) *fake {
	t.Helper()
	f := &fake{t: t, script: script}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	got := turn{method: r.Method, uri: r.RequestURI, host: r.Host, body: string(body), header: r.Header.Clone(), cookies: map[string]string{}}
	for _, k := range r.Cookies() {
		got.cookies[k.Name] = k.Value
	}
	f.mu.Lock()
	n := len(f.turns)
	f.turns = append(f.turns, got)
	f.mu.Unlock()
	if n >= len(f.script) {
		f.t.Errorf("got request %d: %s %s, want none after the script", n+1, r.Method, r.RequestURI)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	w.Header().Set("X-authentik-id", "test")
	f.script[n](w, r)
}

// seen returns a request by its number.
func (f *fake) seen(i int) turn {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if i >= len(f.turns) {
		f.t.Fatalf("got %d requests, want at least %d", len(f.turns), i+1)
	}
	return f.turns[i]
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.turns)
}

// client returns a client of the fake, which is told that it is
// https://auth.example.com.
func (f *fake) client(change ...func(*Config)) *Client {
	f.t.Helper()
	cfg := Config{URL: address(f.t, f.server.URL), PublicURL: address(f.t, "https://auth.example.com")}
	for _, c := range change {
		c(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	if idle, ok := c.transport.(*http.Transport); ok {
		f.t.Cleanup(idle.CloseIdleConnections)
	}
	return c
}

func address(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// says answers with JSON and Set-Cookie lines.
func says(body string, cookies ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, c := range cookies {
			w.Header().Add("Set-Cookie", c)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body) //nolint:gosec // A test's own text, as JSON.
	}
}

// sends answers with a redirect of status 302.
func sends(location string, cookies ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, c := range cookies {
			w.Header().Add("Set-Cookie", c)
		}
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusFound)
	}
}

// fails answers with a status and a body without a type.
func fails(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// unmarked answers like a proxy in front of authentik, without authentik's header.
func unmarked(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Del("X-authentik-id")
		h(w, r)
	}
}

// token returns the value of a session cookie in authentik's form.
func token(sid string, authenticated bool) string {
	claims, _ := json.Marshal(map[string]any{"sid": sid, "iss": "authentik", "authenticated": authenticated})
	return "eyJhbGciOiJIUzI1NiJ9." + base64.RawURLEncoding.EncodeToString(claims) + ".c2lnbmF0dXJl"
}

// session returns a Set-Cookie line for a session.
func session(sid string, authenticated bool) string {
	return fmt.Sprintf("authentik_session=%s; HttpOnly; Path=/; SameSite=None; Secure", token(sid, authenticated))
}

// holding returns a visitor with a session.
func holding(sid string, authenticated bool) Visitor {
	return Visitor{Cookies: Cookies{sessionCookie: token(sid, authenticated)}}
}

const (
	whoAreYou   = `{"component":"ak-stage-identification","flow_info":{"title":"Hello","cancel_url":"/flows/-/cancel/","layout":"stacked"},"user_fields":["username"],"password_fields":false,"primary_action":"Log in"}`
	whichSecret = `{"component":"ak-stage-password","pending_user":"jane","pending_user_avatar":""}`
	theEnd      = `{"component":"xak-flow-redirect","to":"/"}`
	itself      = "/api/v3/flows/executor/login/?query="
)

// refusing adds errors to a challenge.
func refusing(challenge, errs string) string {
	return strings.TrimSuffix(challenge, "}") + `,"response_errors":` + errs + `}`
}

var login = Flow{Slug: "login"}

// as converts a value to the type that it must have.
func as[T any](t testing.TB, v any) T {
	t.Helper()
	got, ok := v.(T)
	if !ok {
		t.Fatalf("got %T, want %T", v, got)
	}
	return got
}

// shows returns the challenge of a step, which must have type T.
func shows[T Challenge](t testing.TB, s Step, err error) T {
	t.Helper()
	if err != nil {
		t.Fatalf("error %v, want a challenge", err)
	}
	return as[T](t, s.Challenge)
}
