package proxy

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"
)

// A planting is a browser over plain HTTP, where cookies have no prefix that
// keeps the application's scripts from planting some for a narrower path.
type planting struct {
	*person
	path string
}

// overHTTP moves a site to plain HTTP. The gate must know the server's host.
func overHTTP(t *testing.T, s *site, plain *httptest.Server) *person {
	t.Helper()
	plain.Config.Handler = s.Config.Handler
	plain.Start()
	t.Cleanup(plain.Close)
	s.Server = plain
	return s.person(t)
}

// plant sets cookies of all names for the path.
func (p planting) plant() {
	at, err := url.Parse(p.site.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	names := p.site.gate.member.Shared.Cookies.Names("http")
	for _, name := range []string{names.Session, names.Visit, names.Browser, names.Relay, names.Arrivals} {
		p.jar.SetCookies(at, []*http.Cookie{{Name: name, Value: seal.NewSecret().Cookie(), Path: p.path}})
	}
}

// TestPlanted_CookieForALongerPathDoesNotPreventSignIn: browsers send it before the
// gate's own cookie of that name. It has the form of the gate's own cookies.
func TestPlanted_CookieForALongerPathDoesNotPreventSignIn(t *testing.T) {
	t.Parallel()
	for _, way := range []struct {
		name   string
		site   func(t *testing.T, host string) *site
		signIn func(p planting) screen
	}{
		{"page", func(t *testing.T, host string) *site {
			return newSite(t, func(c *Config) { c.Hosts = []string{host} })
		}, func(p planting) screen {
			page := p.open("/wiki")
			p.plant()
			return p.send(p.send(page, "uid_field", "jane"), "password", "open sesame")
		}},
		{"relay", func(t *testing.T, host string) *site {
			return newSite(t, func(c *Config) { c.Hosts, c.Login = []string{host}, LoginRelay })
		}, func(p planting) screen {
			i := &interfaced{person: p.person}
			i.opens("/wiki")
			p.plant()
			i.is(i.asks(map[string]any{"uid_field": "jane"}), asksPassword)
			return i.goes(i.asks(map[string]any{"password": "open sesame"}))
		}},
		{"redirect", func(t *testing.T, host string) *site {
			return newRedirectSite(t, func(reg *registration) {
				reg.provider.RedirectURIs = []string{"http://" + host + "/.authentik/callback"}
				reg.gate = func(c *Config) { c.Hosts, c.Login = []string{host}, LoginRedirect }
			})
		}, func(p planting) screen {
			to := p.departs("/wiki")
			p.plant()
			// A departure that is lost begins again, and authentik asks nothing.
			a := &stranger{site: p.site}
			page := p.open(a.authorize(p.t, to, "jane", "open sesame"))
			if again, err := url.Parse(page.header.Get("Location")); err != nil || again.Path == "/application/o/authorize/" {
				p.t.Errorf("got sent to authentik again, want the departure found (%v)", err)
			}
			return page
		}},
	} {
		for _, path := range []string{"/.authentik", "/.authentik/login", "/.authentik/callback", "/if", "/api"} {
			for _, when := range []string{"before", "during"} {
				t.Run(way.name+" "+path+" "+when, func(t *testing.T) {
					t.Parallel()
					plain := httptest.NewUnstartedServer(nil)
					p := planting{overHTTP(t, way.site(t, plain.Listener.Addr().String()), plain), path}
					if when == "before" {
						p.plant()
					}
					if page := way.signIn(p); page.status != http.StatusOK || page.path != "/wiki" || page.body != "hello jane" {
						t.Errorf("got status %d at %s: %.200s, want the application", page.status, page.path, page.body)
					}
				})
			}
		}
	}
}

// TestPlanted_ExpiredVisitDoesNotHideOthers: a sibling host has planted a relayed visit
// of its own, for all paths, that has expired since. It is sent last.
func TestPlanted_ExpiredVisitDoesNotHideOthers(t *testing.T) {
	t.Parallel()
	plain := httptest.NewUnstartedServer(nil)
	other := overHTTP(t, newSite(t, func(c *Config) { c.Hosts, c.Login = []string{plain.Listener.Addr().String()}, LoginRelay }), plain)
	(&interfaced{person: other}).opens("/")
	names := other.site.gate.member.Shared.Cookies.Names("http")
	line := "; " + names.Visit + "=" + other.cookie(names.Visit) + "; " + names.Relay + "=" + other.cookie(names.Relay)
	other.site.clock.move(signin.VisitLife + time.Minute)
	p := &interfaced{person: other.site.person(t)}
	p.http.Transport = sending{p.http.Transport, line}
	p.opens("/wiki")
	p.is(p.asks(map[string]any{"uid_field": "jane"}), asksPassword)
	if page := p.goes(p.asks(map[string]any{"password": "open sesame"})); page.path != "/wiki" || page.body != "hello jane" {
		t.Errorf("got status %d at %s: %.200s, want the application", page.status, page.path, page.body)
	}
}

// A sending transport adds cookies after those of the browser.
type sending struct {
	http.RoundTripper
	line string
}

func (s sending) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Cookie", r.Header.Get("Cookie")+s.line)
	return s.RoundTripper.RoundTrip(r)
}

// TestPlanted_OldArrivalsDoNotHideOthers: loops are still found.
func TestPlanted_OldArrivalsDoNotHideOthers(t *testing.T) {
	t.Parallel()
	g, _ := held(t, nil, recordOf(jane))
	now := time.Now()
	name := cookieNames(g).Arrivals
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header.Set("Cookie", name+"=1; "+name+"="+exchange.Arrivals{now, now, now}.String())
	if got := exchangeAt(g, r, somewhere("app.example.com")).Arrivals(); !got.Full() {
		t.Errorf("got the arrivals %v, want all three", got)
	}
}

// An attacker who plants the cookie of a remembered device knows its secret. What
// authentik remembers of the visitor is kept under another one.
func TestPlanted_DeviceSecretIsNotKept(t *testing.T) {
	t.Parallel()
	plain := httptest.NewUnstartedServer(nil)
	host := plain.Listener.Addr().String()
	s := newSite(t, func(c *Config) { c.Hosts = []string{host} })
	p := overHTTP(t, s, plain)
	name := s.gate.member.Shared.Cookies.Names("http").Browser
	kept := func(of seal.Secret) string {
		return s.gate.member.SignIn.Recall(t.Context(), of, host)["authentik_device"]
	}

	sent := seal.NewSecret() // which was planted
	for _, what := range []string{"the planted one", "that of the sign-in before"} {
		p.setCookie(name, sent.Cookie())
		p.signIn("jane", "open sesame", "/")
		given, ok := seal.ParseSecret(p.cookie(name))
		if !ok || given == sent {
			t.Fatalf("got %s kept, want a new secret", what)
		}
		if kept(sent) != "" || kept(given) == "" {
			t.Errorf("got device cookies %q under %s and %q under the new one, want only the latter", kept(sent), what, kept(given))
		}
		p, sent = s.person(t), given
	}
}
