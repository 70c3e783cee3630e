package sidecar

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

const wiki = "https://wiki.example.com"

// loginHost is where people sign in for the sites of a network, if it has one.
var loginHost = &url.URL{Scheme: "https", Host: "auth.example.com"}

// newDemanding starts a network whose gates demand a second factor for /admin, and a
// recent sign-in for /recent. Sign-ins are at a login host.
func newDemanding(t *testing.T, dialect Dialect) *network {
	t.Helper()
	below := func(path string) func(*http.Request) bool {
		return func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, path) }
	}
	var cfg proxy.Config
	n := newNetwork(t, dialect, func(c *proxy.Config) {
		c.LoginAt, c.Flow = loginHost, ""
		c.Rules = []proxy.Rule{{Match: below("/admin"), RequireMFA: true}, {Match: below("/recent"), MaxAge: 30 * time.Minute}}
		cfg = *c
	})
	testsite.AddCode(n.StandIn)
	inner, err := url.Parse(cfg.Client.Root())
	if err != nil {
		t.Fatal(err)
	}
	client, err := flowclient.New(flowclient.Config{URL: inner, PublicURL: loginHost, Timeout: testsite.Timeout})
	if err != nil {
		t.Fatal(err)
	}
	host, err := proxy.New(proxy.Config{
		Client: client, Flow: testsite.LoginFlow, Store: cfg.Store, Key: cfg.Key, Hosts: []string{loginHost.Host}, Now: n.clock.Now,
		LoginHost: &proxy.LoginHostConfig{Page: true, StepUp: "second"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = host.Close() })
	n.loginHost = host.Wrap(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(inner)
		r.Out.Host = r.In.Host
		r.SetXForwarded()
	}})
	return n
}

// arrived is a request as a server gets it.
func arrived(r *http.Request) *http.Request {
	body := r.Body
	if body == nil {
		body = http.NoBody
	}
	on := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), body)
	on.Header, on.ContentLength = r.Header.Clone(), r.ContentLength
	return on
}

// TestDemand_IsMetAtTheLoginHost asks a visitor who is signed in for a second factor,
// and for another sign-in after an hour.
func TestDemand_IsMetAtTheLoginHost(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		n := newDemanding(t, dialect)
		jane := n.person(t, wiki)
		jane.SignIn()
		jane.Greeted(jane.Open("/recent"), "/recent")
		page := jane.Open("/admin?a=b")
		if page.URL.Host != loginHost.Host || page.URL.Path != "/if/flow/second/" {
			t.Fatalf("got status %d at %s, want the flow for a second factor:\n%s", page.Status, page.URL, page.Text())
		}
		jane.Greeted(jane.AtAuthentik(page), "/admin?a=b")
		jane.Greeted(jane.Open("/recent"), "/recent")
		n.clock.Advance(time.Hour)
		page = jane.Open("/recent")
		if page.URL.Host != loginHost.Host {
			t.Fatalf("got status %d at %s after an hour, want the login host:\n%s", page.Status, page.URL, page.Text())
		}
		jane.Greeted(jane.AtAuthentik(page), "/recent")
		n.App.Check(t, testsite.Jane)
	})
}

// TestDemand_IsMetOnTheGatesPage has a client of OpenID Connect, whose callback the
// other proxy passes on.
func TestDemand_IsMetOnTheGatesPage(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		n := newNetwork(t, dialect, func(c *proxy.Config) {
			if c.Application == "wiki" {
				c.Flow, c.OIDC = "", proxy.OIDCConfig{ClientID: "wiki", ClientSecret: testsite.ClientSecret}
				c.MaxAge, c.Recheck = 30*time.Minute, 24*time.Hour
			}
		})
		jane := n.person(t, wiki)
		jane.SignIn()
		jane.Greeted(jane.Open("/a"), "/a")
		n.clock.Advance(time.Hour)
		script := load(wiki + "/a")
		script.Header = http.Header{"Cookie": {jane.Cookies().Header()}, "Accept": {"application/json"}}
		if w := n.answer(described(script, dialect)); w.Code != http.StatusUnauthorized || w.Header().Get("Remote-User") != "" {
			t.Errorf("script: got status %d with %v, want 401", w.Code, w.Header())
		}
		jane.Greeted(jane.Credentials(jane.Open("/a?b=c")), "/a?b=c")
		n.App.Check(t, testsite.Jane)
	})
}

// TestDemand_UnmetIsToldByTheKindOfRequest sends requests of a visitor who is signed in
// without a second factor.
func TestDemand_UnmetIsToldByTheKindOfRequest(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		n := newDemanding(t, dialect)
		jane := n.person(t, wiki)
		jane.SignIn()
		n.clock.Advance(time.Hour)
		before := len(n.App.Requests())
		for _, path := range []string{"/admin", "/recent"} {
			for kind, tt := range map[string]struct {
				method string
				header []string
				leads  bool
			}{
				"page load":   {"GET", []string{"Accept", "text/html", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, true},
				"old browser": {"GET", []string{"Accept", "text/html"}, true},
				"head":        {"HEAD", []string{"Accept", "text/html"}, true},
				"script":      {"GET", []string{"Accept", "application/json", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}, false},
				"old script":  {"GET", []string{"Accept", "*/*", "X-Requested-With", "XMLHttpRequest"}, false},
				"form":        {"POST", []string{"Accept", "text/html", "Sec-Fetch-Mode", "navigate", "Content-Type", "application/x-www-form-urlencoded", "Origin", wiki}, false},
				"web socket":  {"GET", []string{"Upgrade", "websocket", "Connection", "Upgrade", "Sec-Fetch-Mode", "websocket"}, false},
			} {
				r := load(wiki + path)
				r.Method = tt.method
				r.Header = http.Header{"Cookie": {jane.Cookies().Header()}}
				for i := 0; i < len(tt.header); i += 2 {
					r.Header.Set(tt.header[i], tt.header[i+1])
				}
				res, err := n.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(res.Body)
				status, to := http.StatusUnauthorized, res.Header.Get("Location")
				if tt.leads {
					status = http.StatusSeeOther
				}
				if res.StatusCode != status || tt.leads != strings.Contains(to, "/.authentik/login?") {
					t.Errorf("%s, %s: got status %d to %q, want %d: %.200s", path, kind, res.StatusCode, to, status, body)
				}
				if got := n.last.Header(); n.last.Code == http.StatusOK || got.Get("Remote-User") != "" || got.Get("Cookie") != "" {
					t.Errorf("%s, %s: got the verdict %d with %v, want a refusal without an identity", path, kind, n.last.Code, got)
				}
			}
			r := described(load(wiki+path), dialect)
			r.Header.Set("Cookie", jane.Cookies().Header())
			r.RemoteAddr = "10.0.0.3:4711"
			if w := n.answer(r); w.Code != http.StatusNotFound && (dialect != Nginx || w.Code != http.StatusForbidden) || w.Header().Get("Location") != "" {
				t.Errorf("%s, a peer that is not listed: got status %d with %v, want 404", path, w.Code, w.Header())
			}
		}
		if reached := len(n.App.Requests()) - before; reached > 0 {
			t.Errorf("got %d requests at the application, want none", reached)
		}
	})
}
