package proxy

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// A site is an application behind a gate behind TLS, with a stand-in for authentik.
type site struct {
	*httptest.Server
	gate      *Gate
	authentik *authentiktest.Server
	clock     *clock
	front     *front
	strict    *Gate // before /admin, where there is one
	mu        sync.Mutex
	seen      []*http.Request // what reached the application
}

// A front passes requests on to the stand-in and counts them. While away is set
// it answers 502 itself, as if authentik were down.
type front struct {
	http.Handler
	away     atomic.Bool
	asked    atomic.Int64 // all requests
	renewals atomic.Int64 // redemptions of refresh tokens
	signedIn atomic.Int64 // answers that name the signed-in user, less those that name none
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.asked.Add(1)
	if f.away.Load() {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	if strings.HasSuffix(r.URL.Path, "/token/") {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if strings.Contains(string(body), "grant_type=refresh_token") {
			f.renewals.Add(1)
		}
	}
	if !strings.HasSuffix(r.URL.Path, "/core/users/me/") {
		f.Handler.ServeHTTP(w, r)
		return
	}
	seen := &statusWriter{ResponseWriter: w}
	f.Handler.ServeHTTP(seen, r)
	if seen.status == http.StatusOK {
		f.signedIn.Add(1)
	} else {
		f.signedIn.Add(-1)
	}
}

// A statusWriter remembers the status of a response.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(body []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(body)
}

// frontOf returns the front, the handler around the stand-in, of a server that
// newAuthentik has started.
func frontOf(server *httptest.Server) *front {
	f, _ := server.Config.Handler.(*front)
	return f
}

// place is where the site is for a gate that is asked without a server.
func (s *site) place() Resolved {
	at := somewhere(s.Listener.Addr().String())
	at.Client = netip.MustParseAddr("127.0.0.1")
	return at
}

// request is one of a person's to the gate itself.
func (s *site) request(p *person) *http.Request {
	r := httptest.NewRequest(http.MethodGet, s.URL+"/", nil)
	name := cookieNames(s.gate).Session
	r.AddCookie(&http.Cookie{Name: name, Value: p.cookie(name)})
	return r
}

// lets reports whether a gate lets a request in.
func lets(g *Gate, r *http.Request) (passed bool) {
	_ = g.Guard(httptest.NewRecorder(), r, func(http.ResponseWriter, *http.Request) error { passed = true; return nil })
	return passed
}

// A clock can be moved.
type clock struct {
	mu      sync.Mutex
	offset  time.Duration
	stopped time.Time // zero unless it stands still
}

// stop has the clock stand still unless it is moved.
func (c *clock) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = time.Now()
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stopped.IsZero() {
		return c.stopped.Add(c.offset)
	}
	return time.Now().Add(c.offset)
}

// since is a moment that stands still, and moves only with the clock.
func (c *clock) since(still time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return still.Add(c.offset)
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// twoSteps is the login that most authentiks have: name, password, done.
func twoSteps() []authentiktest.Flow {
	return []authentiktest.Flow{loginFlow("login"), loginFlow("strong"), {
		Slug: "both", Title: "Both at once", Bindings: []authentiktest.Binding{
			{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username"}, Password: &authentiktest.PasswordStage{}}},
			{Stage: &authentiktest.UserLoginStage{}},
		},
	}}
}

func loginFlow(slug string, between ...authentiktest.Binding) authentiktest.Flow {
	bindings := []authentiktest.Binding{
		{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username", "email"}}},
		{Stage: &authentiktest.PasswordStage{}},
	}
	bindings = append(bindings, between...)
	return authentiktest.Flow{
		Slug: slug, Title: "Welcome", Bindings: append(bindings, authentiktest.Binding{Stage: &authentiktest.UserLoginStage{}}),
	}
}

func people() []authentiktest.User {
	return []authentiktest.User{
		{Username: "jane", Name: "Jane Doe", Email: "jane@example.com", Password: "open sesame", Groups: []string{"staff"}},
		{Username: "joe", Name: "Joe Doe", Email: "joe@example.com", Password: "let me in"},
	}
}

func applications() []authentiktest.Application {
	return []authentiktest.Application{
		{Slug: "wiki", Name: "Wiki", Policies: []authentiktest.Policy{{Group: "staff"}}},
		{Slug: "open", Name: "Open to all"},
	}
}

// newAuthentik starts a stand-in, and returns a client for it.
func newAuthentik(t testing.TB, flows ...authentiktest.Flow) (*authentiktest.Server, *httptest.Server, *flowclient.Client) {
	t.Helper()
	stand, err := authentiktest.New(authentiktest.Config{
		Flows: append(twoSteps(), flows...), Users: people(), Applications: applications(),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&front{Handler: stand})
	t.Cleanup(server.Close)
	return stand, server, newClient(t, server.URL)
}

func newClient(t testing.TB, address string) *flowclient.Client {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	client, err := flowclient.New(flowclient.Config{URL: at, Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// newSite starts everything. change may alter the gate's configuration.
func newSite(t testing.TB, change func(*Config), flows ...authentiktest.Flow) *site {
	t.Helper()
	stand, server, client := newAuthentik(t, flows...)
	s := &site{authentik: stand, clock: &clock{}, front: frontOf(server), Server: httptest.NewUnstartedServer(nil)}
	cfg := Config{
		Hosts:  []string{s.Listener.Addr().String()},
		Client: client, Flow: "login", Store: newStore(t), Key: []byte(strings.Repeat("k", seal.MinKey)),
		Now: s.clock.now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	s.gate = newGate(t, cfg)
	s.Config.Handler = s.gate.Wrap(http.HandlerFunc(s.application))
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func newStore(t testing.TB) *Memory {
	t.Helper()
	m := NewMemory()
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func newGate(t testing.TB, cfg Config) *Gate {
	t.Helper()
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

// application says who it is told the visitor is, and keeps what it was sent.
func (s *site) application(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	s.mu.Lock()
	s.seen = append(s.seen, r)
	s.mu.Unlock()
	_, _ = io.WriteString(w, "hello "+r.Header.Get("Remote-User")+r.Header.Get("X-Authentik-Username"))
}

func (s *site) reached() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

func (s *site) last(t testing.TB) *http.Request {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) == 0 {
		t.Fatal("got no request at the application, want one")
	}
	return s.seen[len(s.seen)-1]
}

// A person is one browser without JavaScript, and its user.
type person struct {
	t    testing.TB
	site *site
	http *http.Client
	jar  *cookiejar.Jar
}

func (s *site) person(t testing.TB) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := s.Client()
	return &person{t: t, site: s, jar: jar, http: &http.Client{Transport: client.Transport, Jar: jar}}
}

// A screen is what a person sees.
type screen struct {
	status int
	path   string
	body   string
	header http.Header
}

var hidden = regexp.MustCompile(`name="(visit|to|component)" value="([^"]*)"`)

// fields are the hidden fields of the first form.
func (s screen) fields() url.Values {
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(s.body, -1) {
		if !form.Has(m[1]) {
			form.Set(m[1], m[2])
		}
	}
	return form
}

// url is where the screen is.
func (s screen) url(t testing.TB, at *site) *url.URL {
	t.Helper()
	u, err := url.Parse(at.URL + s.path)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (s screen) says(t testing.TB, text string) {
	t.Helper()
	if !strings.Contains(s.body, text) {
		t.Fatalf("got status %d at %s: %q is not on the page:\n%s", s.status, s.path, text, s.body)
	}
}

// open loads a page as a browser does.
func (p *person) open(path string) screen {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.site.URL+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Sec-Fetch-Site", "none")
	return p.do(r)
}

// send submits the form on a screen, with what the person has typed.
func (p *person) send(on screen, typed ...string) screen {
	p.t.Helper()
	form := on.fields()
	for i := 0; i+1 < len(typed); i += 2 {
		form.Set(typed[i], typed[i+1])
	}
	return p.post("/.authentik/login", form)
}

func (p *person) post(path string, form url.Values) screen {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.site.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", p.site.URL)
	return p.do(r)
}

func (p *person) do(r *http.Request) screen {
	p.t.Helper()
	res, err := p.http.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return screen{status: res.StatusCode, path: res.Request.URL.RequestURI(), body: string(body), header: res.Header}
}

// signIn walks through the login and returns what comes after it.
func (p *person) signIn(name, password, to string) screen {
	p.t.Helper()
	page := p.open(to)
	page = p.send(page, "uid_field", name)
	return p.send(page, "password", password)
}

// cookie returns the value of a cookie of the site.
func (p *person) cookie(name string) string {
	at, err := url.Parse(p.site.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range p.jar.Cookies(at) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// setCookie puts a cookie into the browser.
func (p *person) setCookie(name, value string) {
	at, err := url.Parse(p.site.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	p.jar.SetCookies(at, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: at.Scheme == "https"}})
}

// somewhere is a request's origin in tests that have no server.
func somewhere(host string) Resolved {
	return Resolved{
		Scheme: "https", Host: host, Client: netip.MustParseAddr("203.0.113.7"), Asked: &url.URL{Path: "/"},
	}
}
