package proxy

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/browser"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// The sites of the tests: authentik with the login host before it, two
// applications on two domains, and a hostile one below the domain of authentik.
const (
	authHost  = "https://auth.example.com"
	wikiHost  = "https://wiki.example.com"
	filesHost = "https://files.other.org"
	evilHost  = "https://evil.example.com"
)

// A domains is several sites on one server, as one Caddy has them.
type domains struct {
	testing.TB
	authentik *authentiktest.Server
	front     *front
	gates     map[string]*Gate // by origin
	clock     *clock
	store     *Memory
	log       *strings.Builder // guarded by mu
	transport *http.Transport
	evil      http.HandlerFunc
	inner     string // where authentik itself is
	change    func(origin string, cfg *Config)
	from      atomic.Pointer[string] // whom authentik was last asked about, by address

	mu   sync.Mutex
	seen map[string][]*http.Request // by host, what reached what is behind the gate
}

// Write is for the log.
func (d *domains) Write(line []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.Write(line)
}

func (d *domains) logged() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.String()
}

// newDomains starts everything. change may alter the configuration of a gate, by
// its origin.
func newDomains(t testing.TB, change func(origin string, cfg *Config), flows ...authentiktest.Flow) *domains {
	t.Helper()
	stand, server, _ := newAuthentik(t, flows...)
	d := &domains{
		TB: t, authentik: stand, front: frontOf(server), gates: map[string]*Gate{}, clock: &clock{}, store: newStore(t),
		inner: server.URL, log: new(strings.Builder), seen: map[string][]*http.Request{},
	}
	d.front.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/users/me/") {
			d.from.Store(new(r.Header.Get("X-Forwarded-For")))
		}
		stand.ServeHTTP(w, r)
	})
	d.evil = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "evil") }
	behind := map[string]http.Handler{authHost: d.passing(server.URL), wikiHost: http.HandlerFunc(d.application), filesHost: http.HandlerFunc(d.application)}
	handlers := map[string]http.Handler{"evil.example.com": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.evil(w, r) })}
	d.change = change
	for origin, application := range behind {
		d.gates[origin] = d.gate(server.URL, origin, change)
		handlers[strings.TrimPrefix(origin, "https://")] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d.running(origin).Wrap(application).ServeHTTP(w, r)
		})
	}
	caddy := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h := handlers[session.Hostname(r.Host)]; h != nil {
			h.ServeHTTP(w, r)
			return
		}
		handlers["wiki.example.com"].ServeHTTP(w, r) // a site without names of its own
	}))
	t.Cleanup(caddy.Close)
	d.transport = &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the certificate authority is as old as the test
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, caddy.Listener.Addr().String())
		},
	}
	t.Cleanup(d.transport.CloseIdleConnections)
	return d
}

// running returns the gate of a site.
func (d *domains) running(origin string) *Gate {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.gates[origin]
}

// restart closes all gates, and starts others with the same store.
func (d *domains) restart() {
	d.Helper()
	for _, origin := range []string{authHost, wikiHost, filesHost} {
		_ = d.running(origin).Close()
		g := d.gate(d.inner, origin, d.change)
		d.mu.Lock()
		d.gates[origin] = g
		d.mu.Unlock()
	}
}

// gate makes the gate of a site.
func (d *domains) gate(authentik, origin string, change func(origin string, cfg *Config)) *Gate {
	d.Helper()
	at, err := url.Parse(authentik)
	if err != nil {
		d.Fatal(err)
	}
	public, _ := url.Parse(authHost)
	client, err := flowclient.New(flowclient.Config{URL: at, PublicURL: public, Timeout: 30 * time.Second})
	if err != nil {
		d.Fatal(err)
	}
	cfg := Config{
		Client: client, Store: d.store, Key: []byte(strings.Repeat("k", seal.MinKey)), Now: d.clock.now,
		Hosts: []string{strings.TrimPrefix(origin, "https://")}, Logger: slog.New(slog.NewTextHandler(d, nil)),
	}
	switch origin {
	case authHost:
		cfg.LoginHost, cfg.Flow = new(LoginHostConfig), "login"
	case wikiHost:
		cfg.LoginAt, cfg.Application = public, "wiki"
	default:
		cfg.LoginAt, cfg.Application = public, "open"
	}
	if change != nil {
		change(origin, &cfg)
	}
	return newGate(d, cfg)
}

// passing passes requests on to authentik as Caddy's reverse_proxy does.
func (d *domains) passing(authentik string) http.Handler {
	to, err := url.Parse(authentik)
	if err != nil {
		d.Fatal(err)
	}
	proxied := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetXForwarded()
		r.Out.URL.Scheme, r.Out.URL.Host = to.Scheme, to.Host
		r.Out.Host = r.In.Host
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.note(r)
		proxied.ServeHTTP(w, r)
	})
}

// application says who it is told the visitor is.
func (d *domains) application(w http.ResponseWriter, r *http.Request) {
	d.note(r)
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, "<h1>hello "+r.Header.Get("Remote-User")+"</h1>")
}

func (d *domains) note(r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[r.Host] = append(d.seen[r.Host], r)
}

// reached returns the requests that reached what is behind a gate.
func (d *domains) reached(origin string) []*http.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen[strings.TrimPrefix(origin, "https://")]
}

// A guest is a person with a browser without scripts.
type guest struct {
	*domains
	*browser.Browser
	before string   // addresses with this in them are not asked for
	codes  []string // of a second factor, each for one use
	watch  func(*http.Response)
	// credential is what the browser sends to authentik's host with each request, as
	// after HTTP authentication there.
	credential string
}

func (d *domains) guest() *guest {
	g := &guest{domains: d}
	g.Browser = browser.New(g)
	return g
}

// RoundTrip carries the requests of the browser.
func (g *guest) RoundTrip(r *http.Request) (*http.Response, error) {
	if g.before != "" && strings.Contains(r.URL.String(), g.before) {
		w := httptest.NewRecorder()
		return w.Result(), nil
	}
	if g.credential != "" && r.URL.Host == "auth.example.com" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", g.credential)
	}
	res, err := g.transport.RoundTrip(r)
	if err == nil && g.watch != nil {
		g.watch(res)
	}
	return res, err
}

// led opens a page and returns the first address with something in it to which the
// browser is led, which it has not asked for yet.
func (g *guest) led(address, before string) string {
	g.Helper()
	g.before = before
	defer func() { g.before = "" }()
	at := g.open(address).URL.String()
	if !strings.Contains(at, before) {
		g.Fatalf("got to %s, want an address with %s", at, before)
	}
	return at
}

// open loads a page.
func (g *guest) open(address string) *browser.Page {
	g.Helper()
	page, err := g.Open(g.Context(), address)
	if err != nil {
		g.Fatal(err)
	}
	return page
}

// raw sends one page load with the browser's cookies and follows no redirect.
// Cookies that it gets are not kept.
func (g *guest) raw(address string, more ...string) *http.Response {
	g.Helper()
	r, err := http.NewRequestWithContext(g.Context(), http.MethodGet, address, nil)
	if err != nil {
		g.Fatal(err)
	}
	cookies, err := g.Cookies(address)
	if err != nil {
		g.Fatal(err)
	}
	for name, value := range cookies {
		r.Header.Add("Cookie", name+"="+value)
	}
	for name, value := range map[string]string{"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"} {
		r.Header.Set(name, value)
	}
	for i := 0; i+1 < len(more); i += 2 {
		if more[i] == "Host" {
			r.Host = more[i+1]
			continue
		}
		r.Header.Add(more[i], more[i+1])
	}
	res, err := g.transport.RoundTrip(r)
	if err != nil {
		g.Fatal(err)
	}
	g.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// finish goes through the flow on authentik's own page, as its scripts do, and
// opens where that leads.
func (g *guest) finish(page *browser.Page, name, password string) *browser.Page {
	g.Helper()
	for range 8 {
		c := g.challenge(page, nil)
		switch c["component"] {
		case "ak-stage-identification":
			c = g.challenge(page, map[string]any{"component": c["component"], "uid_field": name})
		case "ak-stage-password":
			c = g.challenge(page, map[string]any{"component": c["component"], "password": password})
		case "ak-stage-authenticator-validate":
			if len(g.codes) == 0 {
				g.Fatal("got asked for a second factor")
			}
			c = g.challenge(page, map[string]any{"component": c["component"], "code": g.codes[0]})
			g.codes = g.codes[1:]
		}
		if c["component"] == "xak-flow-redirect" {
			to, _ := c["to"].(string)
			next, err := page.URL.Parse(to)
			if err != nil {
				g.Fatal(err)
			}
			return g.open(next.String())
		}
	}
	g.Fatal("got no end of the flow after eight steps")
	return nil
}

// challenge asks the executor from one of authentik's pages, or answers it.
func (g *guest) challenge(page *browser.Page, answer map[string]any) (c map[string]any) {
	g.Helper()
	slug, ok := strings.CutPrefix(page.URL.Path, "/if/flow/")
	if !ok || page.URL.Host != "auth.example.com" {
		g.Fatalf("got status %d at %s, want one of authentik's flows:\n%s", page.Status, page.URL, page.Text())
	}
	method, body := http.MethodGet, ""
	if answer != nil {
		text, _ := json.Marshal(answer)
		method, body = http.MethodPost, string(text)
	}
	cookies, _ := g.Cookies(page.URL.String())
	at := "/api/v3/flows/executor/" + slug + "?query=" + url.QueryEscape(page.URL.RawQuery)
	status, text, err := page.Fetch(g.Context(), method, at, body, "X-Authentik-Csrf", cookies["authentik_csrf"])
	if err != nil || status != http.StatusOK || json.Unmarshal([]byte(text), &c) != nil {
		g.Fatalf("got %d, %v at the executor: %s", status, err, text)
	}
	return c
}

// signsIn signs a user in at authentik, beginning at a page of a site.
func (g *guest) signsIn(address, name, password string) {
	g.Helper()
	g.greeted(g.finish(g.open(address), name, password), address, name)
}

// greeted fails the test unless a page is that of the application for a user.
func (g *guest) greeted(page *browser.Page, address, name string) {
	g.Helper()
	if page.Status != http.StatusOK || page.URL.String() != address || page.Heading() != "hello "+name {
		g.Fatalf("got status %d at %s, want the application at %s for %s:\n%s", page.Status, page.URL, address, name, page.Text())
	}
}

// asked fails the test unless a page is the one on which authentik signs in.
func (g *guest) asked(page *browser.Page) {
	g.Helper()
	if page.Status != http.StatusOK || page.URL.Host != "auth.example.com" || page.URL.Path != "/if/flow/login/" {
		g.Fatalf("got status %d at %s, want authentik's own sign-in:\n%s", page.Status, page.URL, page.Text())
	}
}

// refused fails the test unless a page has a code.
func (g *guest) refused(page *browser.Page, code string) {
	g.Helper()
	if page.Status < http.StatusBadRequest || !strings.Contains(page.Text(), code) {
		g.Fatalf("got status %d at %s, want %s:\n%s", page.Status, page.URL, code, page.Text())
	}
}

// renew has every gate register again, as it does each minute.
func (d *domains) renew() {
	d.Helper()
	for _, g := range d.gates {
		switch {
		case g.loginHost != nil:
			g.loginHost.Announce(d.Context())
		case g.member.SignIn.Host != nil:
			if err := g.member.SignIn.Host.Gate.Renew(d.Context()); err != nil {
				d.Error(err)
			}
		}
	}
}

// other returns how another gate of the wiki begins a sign-in.
func (d *domains) other(change func(cfg *Config)) *http.Response {
	d.Helper()
	g := d.gate(d.inner, wikiHost, func(_ string, cfg *Config) { change(cfg) })
	r := httptest.NewRequestWithContext(d.Context(), http.MethodGet, wikiHost+"/.authentik/login", nil)
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	w := httptest.NewRecorder()
	g.Wrap(http.NotFoundHandler()).ServeHTTP(w, r)
	return w.Result()
}
