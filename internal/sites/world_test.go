package sites

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // the directives of the sites

	_ "github.com/flowsidecar/caddy-authentik/caddymodule" // the gate
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/processtest"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// A world is a site with everything around it: authentik, the application and
// the browsers. There is one Caddy in a process, and so one world at a time.
type world struct {
	site
	addresses
	context.Context //nolint:containedctx // of everything that happens in it
	cancel          context.CancelFunc

	authentik *authentiktest.Server
	servers   []*httptest.Server
	app       *application
	people    []*person
	loads     int
	patience  time.Duration // how long a stream may go on after its session

	mu    sync.Mutex
	wrong []error
}

// errNoSite says that Caddy does not take a site, which is no fault.
var errNoSite = errors.New("refused by Caddy")

// open starts a site.
func open(t testing.TB, s site, patience time.Duration) (*world, error) {
	t.Helper()
	w := &world{site: s, app: newApplication(), patience: patience}
	w.Context, w.cancel = context.WithCancel(t.Context())
	storage, err := os.MkdirTemp("", "sites-")
	if err != nil {
		return nil, err
	}
	w.addresses = addresses{port: processtest.Port(t, processtest.Free(t)), admin: processtest.Free(t), storage: storage}
	if w.authentik, err = authentiktest.New(w.setup()); err != nil {
		return nil, err
	}
	front, back := httptest.NewServer(w.authentik), httptest.NewServer(w.app)
	w.servers = []*httptest.Server{front, back}
	w.authentikURL, w.applicationURL = front.URL, strings.TrimPrefix(back.URL, "http://")
	for i := range 3 {
		w.people = append(w.people, newPerson(w, i))
	}
	return w, w.load()
}

// setup is authentik's configuration.
func (w *world) setup() authentiktest.Config {
	cfg := authentiktest.Config{
		SigningKey: testsite.SigningKey(), LogoutClient: &http.Client{Transport: w.wire(nil)},
		Flows: []authentiktest.Flow{{Slug: strong, Title: "Strong", Bindings: testsite.Bindings(
			&authentiktest.IdentificationStage{UserFields: []string{"username"}, Password: new(authentiktest.PasswordStage)},
			&authentiktest.UserLoginStage{},
		)}},
	}
	for _, u := range users {
		cfg.Users = append(cfg.Users, authentiktest.User{Username: u.name, Name: u.full, Email: u.email, Password: password(u.name), AppPasswords: []string{appPassword(u.name)}, Groups: u.groups})
	}
	for _, slug := range []string{wiki, files} {
		p := authentiktest.Provider{ClientID: slug, Secret: secret, InvalidationFlow: "default-invalidation-flow", GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"}}
		for host := range 2 {
			at := w.origin(host, w.port) + w.ownPath("")
			p.RedirectURIs = append(p.RedirectURIs, at+"/callback")
			p.LogoutURIs = append(p.LogoutURIs, at+"/logout")
		}
		if slices.ContainsFunc(w.of(0), func(g gate) bool { return g.client == slug }) {
			p.BackchannelURI = w.origin(0, w.port) + w.ownPath("/backchannel-logout")
		}
		cfg.Applications = append(cfg.Applications, authentiktest.Application{Slug: slug, Name: slug, Provider: &p})
	}
	cfg.Applications[1].Policies = []authentiktest.Policy{{Group: staff}}
	return cfg
}

// load runs the site, also instead of what ran before.
func (w *world) load() error {
	w.loads++
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(w.caddyfile(w.addresses, w.loads)), nil)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoSite, err)
	}
	if err := caddy.Load(config, true); err != nil {
		return fmt.Errorf("%w: %w", errNoSite, err)
	}
	if err := processtest.Settled(w.port); err != nil {
		return err
	}
	for i, p := range w.people {
		p.connect(i)
	}
	return nil
}

// close ends the world. What is still open ends with it.
func (w *world) close() error {
	w.cancel()
	w.app.close()
	err := caddy.Stop()
	for _, s := range w.servers {
		s.CloseClientConnections()
		s.Close()
	}
	for range 50 { // a gate that has been closed may still finish writing
		if os.RemoveAll(w.storage) == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.Join(err, os.RemoveAll(w.storage), os.RemoveAll(w.storage+logSuffix))
}

// said returns what Caddy has logged, which is errors.
func (w *world) said() string {
	text, err := os.ReadFile(w.storage + logSuffix)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// fault notes that something is wrong.
func (w *world) fault(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Errorf(format, args...))
}

// faults returns all that is wrong.
func (w *world) faults() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.wrong...)
}

// wire carries the requests for the hosts of the site to Caddy, as a proxy in
// front does that Caddy trusts. Protocols are those of HTTP, nil for HTTP/1.1.
func (w *world) wire(protocols *http.Protocols) *proxyInFront {
	return &proxyInFront{world: w, transport: &http.Transport{
		DisableKeepAlives: protocols == nil, DisableCompression: true, Protocols: protocols,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if host, _, _ := net.SplitHostPort(address); strings.HasSuffix(host, domain) {
				address = "127.0.0.1:" + w.port
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}
}

type proxyInFront struct {
	*world
	transport *http.Transport
	client    string // its address
}

func (p *proxyInFront) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Hostname(), domain) {
		return p.transport.RoundTrip(r)
	}
	inner := r.Clone(r.Context())
	inner.Header.Set("X-Forwarded-Proto", r.URL.Scheme)
	if p.client != "" {
		inner.Header.Set("X-Forwarded-For", p.client)
	}
	inner.URL.Scheme = "http"
	for try := 1; ; try++ {
		res, err := p.transport.RoundTrip(inner)
		broken := errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
		if !broken || try == 5 || r.Body != nil && r.GetBody == nil {
			return res, err
		}
		if r.GetBody != nil { // a server that is replaced may take a connection and close it
			if inner.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}
