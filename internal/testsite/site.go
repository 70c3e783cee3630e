package testsite

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/processtest"
)

// A Site is a Caddy with the gate, an application behind it and the stand-in
// for authentik.
type Site struct {
	*Caddy
	StandIn *authentiktest.Server
	App     *Application
	Inner   string   // authentik's own address, which no browser may learn
	Users   []string // who may reach the application; Jane, unless a test says otherwise
}

// A Setup is the configuration of a site.
type Setup struct {
	Scheme    string // "https" or "http"
	Authentik authentiktest.Config
	Gate      []string // options of the gate, each a line of the Caddyfile
	// Routes replace the gate and the application in the site's block, and More
	// are further sites of the Caddyfile. In all of it, AUTHENTIK, APPLICATION
	// and :PORT stand for addresses.
	Routes, More string
	Servers      string // a line of the global option of that name

	Front func(authentik http.Handler) http.Handler // is in front of authentik
	Env   []string                                  // of Caddy, on top of the test's own

	Protocols string // that Caddy speaks, as in its option; empty for h1 h2
}

// Start starts the site, which ends with the test. At its end the test fails if
// a secret stands in Caddy's log, or if a request has reached the application
// that should not have.
func (u Setup) Start(t testing.TB) *Site {
	t.Helper()
	Program(t) // skips before anything is started
	s, authentik, application := u.surroundings(t)
	s.Caddy = newCaddy(t, u, t.TempDir(), authentik, application)
	s.Register("app", s.Address)
	t.Cleanup(s.check)
	return s
}

// surroundings starts everything but Caddy.
func (u Setup) surroundings(t testing.TB) (s *Site, authentik, application string) {
	t.Helper()
	s = &Site{App: new(Application), Users: []string{Jane}}
	s.StandIn, s.Inner = StartAuthentik(t, u.Authentik, u.Front)
	server := httptest.NewServer(s.App)
	t.Cleanup(server.Close)
	return s, s.Inner, server.URL
}

// routes are the lines of the site's block.
func (u Setup) routes() string {
	if u.Routes != "" {
		return u.Routes
	}
	gate := "authentik AUTHENTIK"
	if len(u.Gate) > 0 {
		gate += " {\n\t\t" + strings.Join(u.Gate, "\n\t\t") + "\n\t}"
	}
	return gate + "\n\treverse_proxy APPLICATION"
}

func (s *Site) check() {
	s.Helper()
	for _, secret := range []string{Password, ClientSecret} {
		if strings.Contains(s.Journal.String(), secret) {
			s.Errorf("%q is in Caddy's log", secret)
		}
	}
	s.App.Check(s, s.Users...)
}

// Person opens a browser without scripts.
func (s *Site) Person(t testing.TB) *Person {
	t.Helper()
	return NewPerson(t, s.Address)
}

// SignedIn is a browser without scripts where Jane has signed in.
func (s *Site) SignedIn(t testing.TB) *Person {
	t.Helper()
	p := s.Person(t)
	p.SignIn()
	return p
}

// AwaitHost waits until Caddy has a certificate for another address of its own.
func (s *Site) AwaitHost(address string) {
	s.Helper()
	transport := Insecure()
	transport.DialContext = func(ctx context.Context, network, to string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+processtest.Port(s, to))
	}
	Eventually(s, "an answer from "+address, func() bool {
		req, err := http.NewRequestWithContext(s.Context(), http.MethodGet, address, nil)
		if err != nil {
			s.Fatal(err)
		}
		res, err := transport.RoundTrip(req)
		return err == nil && res.Body.Close() == nil
	})
}

// ClientSecret proves to authentik that the gate is its client.
const ClientSecret = "only-for-the-client"

// Client is an application of authentik with its provider. Register tells
// authentik where its site is.
func Client(slug string) authentiktest.Application {
	return authentiktest.Application{Slug: slug, Name: slug, Provider: &authentiktest.Provider{
		ClientID: "gate of " + slug, Secret: ClientSecret, InvalidationFlow: "default-invalidation-flow",
		GrantTypes: []string{"authorization_code", "refresh_token"},
	}}
}

// OIDC has the sign-ins of a site rest on OpenID Connect.
func (u Setup) OIDC() Setup {
	u.Authentik.Applications = append(slices.Clone(u.Authentik.Applications), Client("app"))
	u.Authentik.LogoutClient = &http.Client{Transport: Insecure()}
	u.Gate = append([]string{"application app", `client_id "gate of app"`, "client_secret {env.CLIENT_SECRET}"}, u.Gate...)
	u.Env = append(slices.Clone(u.Env), "CLIENT_SECRET="+ClientSecret)
	return u
}

// Register tells authentik where the site of an application is, if it is a
// client. The gate may have further prefixes there.
func (s *Site) Register(slug, address string, prefixes ...string) {
	s.StandIn.EditApplication(slug, func(a *authentiktest.Application) {
		if a.Provider == nil {
			return
		}
		p := *a.Provider
		p.RedirectURIs, p.LogoutURIs, p.BackchannelURI = nil, nil, address+"/.authentik/backchannel-logout"
		for _, prefix := range append(prefixes, "/.authentik") {
			p.RedirectURIs = append(p.RedirectURIs, address+prefix+"/callback")
			p.LogoutURIs = append(p.LogoutURIs, address+prefix+"/logout")
		}
		a.Provider = &p
	})
}
