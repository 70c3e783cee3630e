package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/processtest"
)

// TestMain gives Caddy a separate directory for what it keeps of every
// instance, beside its storage.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		directory, err := os.MkdirTemp("", "caddymodule-test-")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(directory) }()
		if err := os.Setenv("XDG_DATA_HOME", directory); err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

// A site is a real Caddy with a gate, with an application behind it and a
// stand-in for authentik beside it. There is one Caddy in a process: tests
// with a site do not run in parallel.
type site struct {
	testing.TB
	address string // where Caddy listens
	storage string
	standIn *httptest.Server
	server  *authentiktest.Server
	app     *application
}

// global is put before every Caddyfile of a test.
const global = `{
	admin off
	persist_config off
	auto_https off
	storage file_system %q
	log {
		level ERROR
		output discard
	}
	%s
}
`

func newSite(t testing.TB) *site {
	t.Helper()
	return newSiteBelow(t, "")
}

// newSiteBelow is newSite with an authentik below a path.
func newSiteBelow(t testing.TB, path string) *site {
	t.Helper()
	if testing.Short() {
		t.Skip("starts Caddy")
	}
	server, err := authentiktest.New(authentiktest.Config{
		Path: path,
		Users: []authentiktest.User{
			{Username: "ada", Name: "Ada Lovelace", Email: "ada@example.com", Password: "secret", Groups: []string{"staff", "x,admins"}},
			{Username: "bob", Name: "Bob", Email: "bob@example.com", Password: "secret"},
		},
		Applications: []authentiktest.Application{
			{Slug: "wiki", Name: "Wiki"},
			{Slug: "files", Name: "Files", Policies: []authentiktest.Policy{{User: "bob"}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{TB: t, address: processtest.Free(t), storage: t.TempDir(), server: server, app: newApplication(t)}
	s.standIn = httptest.NewServer(server)
	t.Cleanup(s.standIn.Close)
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// load runs a Caddyfile, in which SITE, AUTHENTIK and APP stand for addresses.
func (s *site) load(text string) {
	s.Helper()
	if err := s.try("", text); err != nil {
		s.Fatal(err)
	}
}

// try is load with further global options. It returns an error.
func (s *site) try(options, text string) error {
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(s.caddyfile(options, text), nil)
	if err != nil {
		return err
	}
	if err := caddy.Load(config, true); err != nil {
		return err
	}
	return processtest.Settled(processtest.Port(s, s.address))
}

// adapt returns the JSON of a Caddyfile.
func (s *site) adapt(options, text string) []byte {
	s.Helper()
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(s.caddyfile(options, text), nil)
	if err != nil {
		s.Fatal(err)
	}
	return config
}

// caddyfile fills in the addresses and adds the global options.
func (s *site) caddyfile(options, text string) []byte {
	_, port, _ := net.SplitHostPort(s.address)
	text = strings.NewReplacer(
		"AUTHPORT", processtest.Port(s, strings.TrimPrefix(strings.TrimPrefix(s.standIn.URL, "https://"), "http://")),
		"SITE {", "http://:"+port+" {\n\tbind 127.0.0.1", ":PORT", ":"+port,
		"AUTHENTIK", s.standIn.URL, "APP", strings.TrimPrefix(s.app.URL, "http://"),
	).Replace(text)
	return fmt.Appendf(nil, global+"%s", s.storage, options, text)
}

// An application says which user it sees.
type application struct {
	*httptest.Server
	mu   sync.Mutex
	last *http.Request
}

func newApplication(t testing.TB) *application {
	t.Helper()
	app := new(application)
	app.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		app.mu.Lock()
		defer app.mu.Unlock()
		app.last = r
		_, _ = fmt.Fprintf(w, "application, user %q", r.Header.Get("Remote-User")) //nolint:gosec // no browser reads it
	}))
	t.Cleanup(app.Close)
	return app
}

// seen returns the last request that reached the application, and forgets it.
func (a *application) seen() *http.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.last
	a.last = nil
	return r
}

// A browser keeps cookies and fills forms, without scripts.
type browser struct {
	*site
	client *http.Client
	header http.Header // sent with every request
}

// browser makes one that finds every host at the site's address.
func (s *site) browser() *browser {
	jar, _ := cookiejar.New(nil) // never fails
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.address)
	}}
	return &browser{
		site: s, header: http.Header{"Accept": {"text/html"}},
		client: &http.Client{
			Transport: transport, Jar: jar, Timeout: 10 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// An answer is a response with its body.
type answer struct {
	*http.Response
	body string
}

func (b *browser) do(method, address string, form url.Values) answer {
	b.Helper()
	if strings.HasPrefix(address, "/") {
		address = "http://" + b.address + address
	}
	for try := 1; ; try++ {
		a, err := b.send(method, address, form)
		if err == nil {
			return a
		}
		// A server that is being replaced may take a connection and close it.
		if try == 5 || !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
			b.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (b *browser) send(method, address string, form url.Values) (answer, error) {
	r, err := http.NewRequestWithContext(b.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, err
	}
	r.Header = b.header.Clone()
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", r.URL.Scheme+"://"+r.URL.Host)
	}
	res, err := b.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return answer{res, string(body)}, err
}

func (b *browser) get(address string) answer {
	b.Helper()
	return b.do(http.MethodGet, address, nil)
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// fill sends the form of a page with what is hidden in it, and fields.
func (b *browser) fill(page answer, fields ...string) answer {
	b.Helper()
	form := url.Values{}
	for _, match := range hidden.FindAllStringSubmatch(page.body, -1) {
		form.Set(match[1], match[2])
	}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	if form.Get("visit") == "" {
		b.Fatalf("got status %d, want a sign-in page:\n%s", page.StatusCode, page.body)
	}
	return b.do(http.MethodPost, page.Request.URL.Scheme+"://"+page.Request.URL.Host+page.Request.URL.Path, form)
}

// signIn goes to an address and through authentik's questions, and returns
// the redirect to the application at their end.
func (b *browser) signIn(address, username string) answer {
	b.Helper()
	page := b.follow(b.get(address))
	page = b.fill(page, "uid_field", username)
	return b.end(b.fill(page, "password", "secret"))
}

// end follows the gate's own redirects: it looks whether its cookie comes back.
func (b *browser) end(a answer) answer {
	b.Helper()
	for range 3 {
		to, err := a.Location()
		if err != nil || !strings.HasPrefix(to.Path, "/.authentik/") {
			break
		}
		a = b.get(to.String())
	}
	return a
}

// follow follows one redirect.
func (b *browser) follow(a answer) answer {
	b.Helper()
	to, err := a.Location()
	if err != nil {
		b.Fatalf("got status %d, want a redirect: %s", a.StatusCode, a.body)
	}
	return b.get(to.String())
}

// expect fails unless an answer has a status and a text in it.
func (b *browser) expect(a answer, status int, text string) answer {
	b.Helper()
	if a.StatusCode != status || !strings.Contains(a.body, text) {
		b.Errorf("%s %s: %d, want %d with %q:\n%.2000s", a.Request.Method, a.Request.URL, a.StatusCode, status, text, a.body)
	}
	return a
}
