package proxy

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// A registration is what the stand-in and the gate are configured with, so that
// the gate is a client of OpenID Connect there.
type registration struct {
	provider authentiktest.Provider
	flows    []authentiktest.Flow
	sources  []authentiktest.Source
	release  authentiktest.Release
	policies []authentiktest.Policy
	users    func([]authentiktest.User)
	gate     func(*Config)
}

// newOIDCSite starts a site whose sign-ins rest on OpenID Connect. change may alter everything.
func newOIDCSite(t testing.TB, change func(*registration)) *site {
	t.Helper()
	s := &site{clock: &clock{}}
	s.Server = httptest.NewUnstartedServer(nil)
	address := "https://" + s.Listener.Addr().String()
	reg := registration{
		provider: authentiktest.Provider{
			ClientID: theClient, Secret: theSecret, RedirectURIs: []string{address + "/.authentik/callback"},
			GrantTypes: []string{"authorization_code", "refresh_token"},
		},
		flows: twoSteps(),
		users: func([]authentiktest.User) {},
		gate:  func(*Config) {},
	}
	if change != nil {
		change(&reg)
	}
	users := people()
	reg.users(users)
	stand, err := authentiktest.New(authentiktest.Config{
		Release: reg.release, Flows: reg.flows, Sources: reg.sources, Users: users, Brands: []authentiktest.Brand{{Default: true, FlowAuthentication: "login"}},
		Applications: append(applications(), authentiktest.Application{
			Slug: "app", Name: "The application", Provider: &reg.provider, Policies: reg.policies,
		}),
		Now: s.clock.now, SigningKey: testsite.SigningKey(),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&front{Handler: stand})
	t.Cleanup(server.Close)
	s.authentik, s.front = stand, frontOf(server)
	cfg := Config{
		Hosts:  []string{s.Listener.Addr().String()},
		Client: newClient(t, server.URL), Application: "app", Store: newStore(t), Key: []byte(strings.Repeat("k", seal.MinKey)),
		OIDC: OIDCConfig{ClientID: theClient, ClientSecret: theSecret},
		Now:  s.clock.now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	reg.gate(&cfg)
	s.gate = newGate(t, cfg)
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gate := s.gate
		if s.strict != nil && strings.HasPrefix(r.URL.Path, "/admin") {
			gate = s.strict
		}
		gate.Wrap(http.HandlerFunc(s.application)).ServeHTTP(w, r)
	})
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}
