package sidecar

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/browser"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

const (
	peerAddress   = "10.0.0.2"
	clientAddress = "203.0.113.7"
)

// everyDialect has them all.
var everyDialect = []Dialect{Nginx, Traefik, HAProxy, Envoy, Caddy}

// A network is a sidecar with another proxy, which is played by this test, and the
// application behind that.
type network struct {
	*Sidecar
	App     *testsite.Application
	StandIn *authentiktest.Server
	dialect Dialect
	clock   testsite.Clock             // of the gates, and of authentik
	last    *httptest.ResponseRecorder // the last verdict
	// loginHost answers requests for its origin, if there is one.
	loginHost http.Handler
}

// newNetwork starts a gate before two sites. There, authentik lets Jane use the
// application wiki, and no user the application vault. Each test has a gate.
func newNetwork(t testing.TB, dialect Dialect, change func(*proxy.Config)) *network {
	t.Helper()
	cfg := testsite.Flow()
	n := &network{App: new(testsite.Application), dialect: dialect}
	cfg.Flows = append(cfg.Flows, testsite.SecondFactorFlow("second"))
	cfg.Now, cfg.SigningKey = n.clock.Now, testsite.SigningKey()
	cfg.Applications = []authentiktest.Application{
		{Slug: "wiki", Name: "Wiki", Policies: []authentiktest.Policy{{User: testsite.Jane}}, Provider: &authentiktest.Provider{
			ClientID: "wiki", Secret: testsite.ClientSecret, RedirectURIs: []string{wiki + "/.authentik/callback"},
			GrantTypes: []string{"authorization_code", "refresh_token"},
		}},
		{Slug: "vault", Name: "Vault", Policies: []authentiktest.Policy{{User: "another"}}},
	}
	var address string
	n.StandIn, address = testsite.StartAuthentik(t, cfg, nil)
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	client, err := flowclient.New(flowclient.Config{URL: at, Timeout: testsite.Timeout})
	if err != nil {
		t.Fatal(err)
	}
	store := proxy.NewMemory()
	t.Cleanup(func() { _ = store.Close() })
	group, sites := new(proxy.Group), []Site(nil)
	for _, site := range []struct{ application, host string }{{"wiki", "wiki.example.com"}, {"vault", "vault.example.com"}, {"", "*.other.org"}} {
		gateConfig := proxy.Config{
			Client: client, Flow: testsite.LoginFlow, Application: site.application, Store: store, Key: []byte(strings.Repeat("k", 32)),
			Hosts: []string{site.host}, Group: group, Described: true, Resolve: Resolve, Now: n.clock.Now,
		}
		if change != nil {
			change(&gateConfig)
		}
		gate, err := proxy.New(gateConfig)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = gate.Close() })
		sites = append(sites, Site{Host: site.host, Gate: func(context.Context) (*proxy.Gate, error) { return gate, nil }})
	}
	n.Sidecar, err = New(Config{From: []Peer{{netip.MustParsePrefix(peerAddress + "/32"), dialect}}, Sites: sites})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// newOpenNetwork starts a network in which everything is open. seen are the requests
// about which the matchers were asked.
func newOpenNetwork(t testing.TB, dialect Dialect) (n *network, seen *[]*http.Request) {
	t.Helper()
	seen = new([]*http.Request)
	return newNetwork(t, dialect, func(c *proxy.Config) {
		c.Open = func(r *http.Request) bool {
			*seen = append(*seen, r)
			return true
		}
	}), seen
}

// person is a visitor of a site.
func (n *network) person(t testing.TB, address string) *testsite.Person {
	t.Helper()
	return &testsite.Person{TB: t, Address: address, Browser: browser.New(n)}
}

// RoundTrip is what the other proxy does with a request.
func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	if n.loginHost != nil && r.URL.Host == loginHost.Host {
		w := httptest.NewRecorder()
		n.loginHost.ServeHTTP(w, arrived(r))
		return w.Result(), nil
	}
	if strings.HasPrefix(r.URL.Path, "/.authentik/") {
		return n.answer(passedOn(r)).Result(), nil
	}
	n.last = n.answer(described(r, n.dialect))
	if n.last.Code != http.StatusOK {
		if n.dialect == Nginx && (n.last.Code == http.StatusUnauthorized || n.last.Code == http.StatusForbidden) {
			again := described(r, n.dialect)
			again.URL.Path += refusedPath
			again.RequestURI += refusedPath
			return n.answer(again).Result(), nil
		}
		return n.last.Result(), nil
	}
	w := httptest.NewRecorder()
	n.App.ServeHTTP(w, changed(r, n.last.Header(), n.dialect))
	return w.Result(), nil
}

func (n *network) answer(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	n.ServeHTTP(w, r)
	return w
}

// passedOn is a request for the gate's own addresses as the other proxy passes it
// on.
func passedOn(r *http.Request) *http.Request {
	body := io.Reader(http.NoBody)
	if r.Body != nil {
		body = r.Body
	}
	on := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.RequestURI(), body)
	maps.Copy(on.Header, r.Header)
	on.Host, on.RemoteAddr = r.URL.Host, peerAddress+":4711"
	on.Header.Set("X-Forwarded-Proto", r.URL.Scheme)
	on.Header.Set("X-Forwarded-For", clientAddress)
	return on
}

// described is the request by which the other proxy asks about r.
func described(r *http.Request, dialect Dialect) *http.Request {
	method, at := http.MethodGet, "/.authentik/forward"
	if dialect == Envoy {
		method, at = r.Method, at+r.URL.RequestURI()
	}
	ask := httptest.NewRequestWithContext(r.Context(), method, at, nil)
	maps.Copy(ask.Header, r.Header)
	ask.Host, ask.RemoteAddr = "sidecar:9080", peerAddress+":4711"
	ask.Header.Set("X-Forwarded-For", clientAddress)
	switch dialect {
	case Nginx:
		ask.Header.Set("X-Original-Method", r.Method)
		ask.Header.Set("X-Original-URL", r.URL.Scheme+"://"+r.URL.Host+r.URL.RequestURI())
	case Envoy:
		ask.Host = r.URL.Host
		ask.Header.Set("X-Forwarded-Proto", r.URL.Scheme)
	default:
		ask.Header.Set("X-Forwarded-Proto", r.URL.Scheme)
		ask.Header.Set("X-Forwarded-Method", r.Method)
		ask.Header.Set("X-Forwarded-Host", r.URL.Host)
		ask.Header.Set("X-Forwarded-Uri", r.URL.RequestURI())
	}
	return ask
}

// configured are the headers that the configuration of a proxy names which is not
// told by the verdict.
var configured = []string{"Remote-User", "Remote-Name", "Remote-Email", "Remote-Groups", "Cookie", "Authorization"}

// changed is the request as the other proxy sends it to the application.
func changed(r *http.Request, verdict http.Header, dialect Dialect) *http.Request {
	on := r.Clone(r.Context())
	on.RequestURI = r.URL.RequestURI()
	set, removed := configured, configured
	switch dialect {
	case HAProxy:
		set, removed = strings.Split(verdict.Get("X-Gate-Set"), ","), strings.Split(verdict.Get("X-Gate-Remove"), ",")
	case Envoy:
		removed = strings.Split(verdict.Get("X-Envoy-Auth-Headers-To-Remove"), ",")
	}
	for _, name := range removed {
		for there := range on.Header {
			if strings.EqualFold(there, name) {
				delete(on.Header, there)
			}
		}
	}
	for _, name := range set {
		if value := verdict.Get(name); value != "" {
			on.Header.Set(name, value)
		}
	}
	return on
}
