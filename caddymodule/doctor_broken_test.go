package caddymodule

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/doctor"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// A broken set-up is one with a mistake, which the doctor finds.
type broken struct {
	name    string
	prepare func(*testing.T, *brokenSite)
	options string // global ones
	site    string // the Caddyfile
	args    []string
	runs    bool   // Caddy runs with this configuration, behind the load balancer FRONT
	want    string // the code
	level   string // failure unless said otherwise
	// seen is what the finding says.
	seen string
}

const gated = "SITE {\n\tauthentik AUTHENTIK {\n\t\tapplication wiki\n\t}\n\treverse_proxy APP\n}\n"

// client is a site with OpenID Connect, and more options.
func openID(more string) string {
	return "http://127.0.0.1:PORT {\n\tbind 127.0.0.1\n\tauthentik AUTHENTIK {\n\t\tapplication client\n\t\tclient_id id\n\t\tclient_secret {file.FILES/secret}\n" + more + "\t}\n\treverse_proxy APP\n}\n"
}

func brokenSetups() []broken {
	return []broken{
		{name: "unknown option", site: "SITE {\n\tauthentik AUTHENTIK {\n\t\tapplicatin wiki\n\t}\n}\n", want: "config-invalid", seen: "did you mean application"},
		{name: "a file that is not there", site: "SITE {\n\tauthentik AUTHENTIK {\n\t\ttrust /nowhere.pem\n\t}\n}\n", want: "config-invalid", seen: "/nowhere.pem"},
		{name: "no gate", site: "SITE {\n\treverse_proxy APP\n}\n", want: "config-no-gate"},
		{name: "another site is named", site: gated, args: []string{"--site", "other.example.com"}, want: "config-no-gate"},
		{name: "prefix not routed to the gate", site: "SITE {\n\thandle_path /app/* {\n\t\tauthentik AUTHENTIK\n\t\treverse_proxy APP\n\t}\n\thandle {\n\t\trespond hello\n\t}\n}\n", want: "config-warning", level: "warning", seen: "do not reach a gate"},
		{name: "secret in the Caddyfile", site: "SITE {\n\tauthentik AUTHENTIK {\n\t\tapplication client\n\t\tclient_id id\n\t\tclient_secret right-secret\n\t}\n}\n", want: "secret-in-config", level: "warning"},
		{name: "inner name for browsers", site: "https://app.example.com:PORT {\n\tauthentik http://authentik-server:9000\n}\n", want: "public-url-missing", level: "warning"},
		{name: "plain HTTP", site: "http://app.example.com:PORT {\n\tauthentik AUTHENTIK\n}\n", want: "plain-http", level: "warning"},
		{name: "cookie domain beside the host", site: "http://app.example.com:PORT {\n\tauthentik AUTHENTIK {\n\t\tcookie {\n\t\t\tdomain example.org\n\t\t}\n\t}\n}\n", want: "cookie-domain"},
		{name: "neighbour below the cookie domain", site: "http://app.example.com:PORT {\n\tauthentik AUTHENTIK {\n\t\tcookie {\n\t\t\tdomain example.com\n\t\t}\n\t}\n\treverse_proxy APP\n}\nhttp://blog.example.com:PORT {\n\trespond hello\n}\n", want: "cookie-domain-neighbour", level: "warning", seen: "blog.example.com"},
		{name: "two gates on one host", site: "SITE {\n\tauthentik /a/* AUTHENTIK {\n\t\tsessions memory\n\t}\n\tauthentik /b/* AUTHENTIK\n\treverse_proxy APP\n}\n", want: "gates-differ", level: "warning"},
		{name: "another site leads past the gate", site: gated + "http://other.example.com:PORT {\n\treverse_proxy APP\n}\n", want: "neighbour-unguarded", seen: "other.example.com"},
		{name: "another path leads past the gate", site: "SITE {\n\thandle /api/* {\n\t\treverse_proxy APP\n\t}\n\thandle {\n\t\tauthentik AUTHENTIK\n\t\treverse_proxy APP\n\t}\n}\n", want: "neighbour-unguarded"},
		{name: "every proxy is trusted", options: "servers {\n\t\ttrusted_proxies static 0.0.0.0/0\n\t}", site: gated, want: "trusted-proxies-all"},
		{name: "load balancer with the PROXY protocol", site: balanced, runs: true, want: "proxy-protocol-missing", seen: "answers 400 Bad Request"},
		{name: "load balancer that may not send a PROXY header", options: wrapped("allow 10.0.0.0/8\n\t\t\tfallback_policy skip"), site: balanced, runs: true, want: "proxy-protocol-refused"},
		{name: "PROXY protocol without peers", options: wrapped("timeout 5s"), site: gated, want: "proxy-protocol-peers", level: "warning"},
		{name: "PROXY header of every client", options: wrapped("allow 0.0.0.0/0"), site: gated, want: "proxy-protocol-all"},
		{name: "PROXY header after TLS", options: strings.Replace(wrapped("allow 10.0.0.0/8"), "\t\t\ttls\n", "", 1), site: "https://localhost:PORT {\n\ttls internal\n\tbind 127.0.0.1\n\tauthentik AUTHENTIK\n}\n", want: "proxy-protocol-order"},
		{name: "one client with two stores", site: oneClient("\t\tsessions memory\n"), want: "client-shared", level: "warning"},
		{name: "one client, and the callback of one site", site: oneClient(""), args: []string{"--site", "localhost"}, want: "redirect-uri-rejected", seen: "http://localhost:"},
		{name: "address at which nothing listens", site: strings.ReplaceAll(gated, "AUTHENTIK", "http://auth.example.com:AUTHPORT"), prepare: func(t *testing.T, _ *brokenSite) { named(t, "127.0.0.1", "::1") }, want: "address-silent", level: "warning", seen: "::1 (IPv6)"},
		// To an address of a group of machines no connection can be made, on any machine.
		{name: "only IPv6 addresses", site: strings.ReplaceAll(gated, "AUTHENTIK", "http://auth.example.com:AUTHPORT"), prepare: func(t *testing.T, _ *brokenSite) { named(t, "ff0e::1") }, want: "ipv6-missing"},
		{name: "brand of another domain", site: gated, prepare: branded("auth.example.org", true), want: "brand-domain", level: "warning", seen: "auth.example.org"},
		{name: "brand without the port", site: gated, prepare: branded("127.0.0.1", false), want: "brand-domain", level: "warning", seen: "default brand"},
		{name: "no such name", site: strings.ReplaceAll(gated, "AUTHENTIK", "http://auth.invalid"), want: "name-unresolved", seen: "auth.invalid"},
		{name: "authentik is down", site: strings.ReplaceAll(gated, "AUTHENTIK", "http://127.0.0.1:1"), want: "authentik-unreachable"},
		{name: "HTTPS to a port of HTTP", site: gated, prepare: func(_ *testing.T, s *brokenSite) {
			s.standIn.URL = strings.Replace(s.standIn.URL, "http:", "https:", 1)
		}, want: "tls-scheme", seen: "plain HTTP"},
		{name: "HTTP to a port of HTTPS", site: gated, prepare: func(t *testing.T, s *brokenSite) {
			s.overTLS(t, nil)
			s.standIn.URL = strings.Replace(s.standIn.URL, "https:", "http:", 1)
		}, want: "tls-scheme", seen: "speaks HTTPS"},
		{name: "HTTP that leads to HTTPS", site: gated, prepare: func(_ *testing.T, s *brokenSite) {
			s.front = func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					http.Redirect(w, r, "https://auth.example.com"+r.URL.Path, http.StatusMovedPermanently)
				})
			}
		}, want: "tls-scheme", seen: "https://auth.example.com/"},
		{name: "unknown authority", site: gated, prepare: func(t *testing.T, s *brokenSite) { s.overTLS(t, nil) }, want: "tls-authority", seen: "Test Authority"},
		{name: "certificate for another name", site: trusting, prepare: func(t *testing.T, s *brokenSite) {
			s.overTLS(t, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"auth.example.com"}, nil })
		}, want: "tls-name", seen: "auth.example.com"},
		{name: "expired certificate", site: trusting, prepare: func(t *testing.T, s *brokenSite) {
			s.overTLS(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
		}, want: "tls-expired"},
		{name: "certificate that expires soon", site: trusting, prepare: func(t *testing.T, s *brokenSite) {
			s.overTLS(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(48 * time.Hour) })
		}, want: "tls-expires-soon", level: "warning"},
		{name: "another pin", site: strings.Replace(gated, "application wiki", "pin "+strings.Repeat("ab", 32), 1), prepare: func(t *testing.T, s *brokenSite) { s.overTLS(t, nil) }, want: "tls-pin"},
		{name: "another server", site: gated, prepare: func(_ *testing.T, s *brokenSite) {
			s.front = func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<html>hello</html>") })
			}
		}, want: "authentik-unexpected"},
		{name: "authentik is starting", site: gated, prepare: func(_ *testing.T, s *brokenSite) {
			s.front = func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
			}
		}, want: "authentik-starting"},
		{name: "authentik behind its own gate", site: gated, prepare: func(_ *testing.T, s *brokenSite) {
			s.front = func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("WWW-Authenticate", `authentik login_url="/.authentik/login"`)
					w.WriteHeader(http.StatusUnauthorized)
				})
			}
		}, want: "authentik-behind-gate"},
		{name: "authentik is new", site: gated, prepare: func(_ *testing.T, s *brokenSite) {
			s.front = atPath("/", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				http.Redirect(w, r, "/setup", http.StatusFound)
			})
		}, want: "authentik-not-set-up"},
		{name: "another clock", site: gated, prepare: func(_ *testing.T, s *brokenSite) {
			s.front = func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Date", time.Now().Add(-10*time.Minute).UTC().Format(http.TimeFormat))
					next.ServeHTTP(w, r)
				})
			}
		}, want: "clock-skew", seen: "10m"},
		{name: "old release", site: gated, prepare: released("2025.6.3"), want: "release-old", seen: "2025.6.3"},
		{name: "new release", site: gated, prepare: released("2027.2.0"), want: "release-new", level: "warning"},
		{name: "authentik sees plain HTTP", site: strings.Replace(gated, "application wiki", "public_url https://localhost", 1), prepare: func(_ *testing.T, s *brokenSite) {
			s.front = func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { r.Header.Del("X-Forwarded-Proto"); next.ServeHTTP(w, r) })
			}
		}, want: "scheme-not-seen"},
		{name: "authentik sees another host", site: gated, prepare: func(_ *testing.T, s *brokenSite) {
			s.front = func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { r.Host = "authentik.internal"; next.ServeHTTP(w, r) })
			}
		}, want: "host-not-seen", seen: "authentik.internal"},
		{name: "no such flow", site: strings.Replace(gated, "application wiki", "flow nowhere", 1), want: "flow-not-found"},
		{name: "flow for signed-in users", site: strings.Replace(gated, "application wiki", "flow default-invalidation-flow", 1), prepare: func(_ *testing.T, s *brokenSite) {
			s.server.EditFlow("default-invalidation-flow", func(f *authentiktest.Flow) { f.Authentication = authentiktest.RequireAuthenticated })
		}, want: "flow-refuses"},
		{name: "no such application", site: strings.Replace(gated, "wiki", "nowhere", 1), want: "application-not-found"},
		{name: "application without bindings", site: strings.Replace(gated, "wiki", "open", 1), want: "application-open", level: "warning"},
		{name: "application without provider", site: strings.Replace(openID(""), "application client", "application wiki", 1), want: "provider-missing"},
		{name: "no such client", site: strings.Replace(openID(""), "client_id id", "client_id other", 1), want: "client-rejected"},
		{name: "wrong client secret", site: openID(""), prepare: func(_ *testing.T, s *brokenSite) {
			s.setApplications(func(a *authentiktest.Application) { a.Provider.Secret = "another-secret" })
		}, want: "client-secret"},
		{name: "redirect URI not registered", site: openID(""), prepare: func(_ *testing.T, s *brokenSite) {
			s.setApplications(func(a *authentiktest.Application) {
				a.Provider.RedirectURIs = []string{"https://app.example.com/.authentik/callback"}
			})
		}, want: "redirect-uri-rejected", seen: "/.authentik/callback"},
		{name: "no grant types", site: openID(""), prepare: func(_ *testing.T, s *brokenSite) {
			s.setApplications(func(a *authentiktest.Application) { a.Provider.GrantTypes = nil })
		}, want: "grant-types"},
		{name: "no grant types, without a token", site: openID(""), prepare: func(t *testing.T, s *brokenSite) {
			t.Setenv("AUTHENTIK_TOKEN", "")
			s.setApplications(func(a *authentiktest.Application) { a.Provider.GrantTypes = nil })
		}, want: "grant-types"},
		{name: "no refresh token", site: openID(""), prepare: func(_ *testing.T, s *brokenSite) {
			s.setApplications(func(a *authentiktest.Application) { a.Provider.GrantTypes = []string{"authorization_code"} })
		}, want: "grant-types", seen: "refresh token"},
		{name: "no signing key", site: openID(""), prepare: func(_ *testing.T, s *brokenSite) {
			s.setApplications(func(a *authentiktest.Application) { a.Provider.SecretSigns = true })
		}, want: "keys-missing"},
		{name: "another issuer", site: openID(""), prepare: func(_ *testing.T, s *brokenSite) {
			s.front = func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { r.Host = "authentik.internal"; next.ServeHTTP(w, r) })
			}
		}, want: "issuer-mismatch", seen: "authentik.internal"},
		{name: "scope that is not offered", site: openID("\t\tscopes openid ak_proxy\n"), want: "scope-missing", level: "warning", seen: "ak_proxy"},
		{name: "way back after a sign-out not registered", site: openID("\t\tlogin redirect\n\t\tsign_out_back\n"), want: "logout-uri-missing"},
		{name: "no address for logout notices", site: openID(""), prepare: func(_ *testing.T, s *brokenSite) {
			s.setApplications(func(a *authentiktest.Application) { a.Provider.BackchannelURI = "" })
		}, want: "backchannel-unset", level: "warning"},
		{name: "login host without that option", site: "http://wiki.localhost:PORT {\n\tauthentik AUTHENTIK {\n\t\tlogin at http://auth.localhost:PORT\n\t}\n}\nhttp://auth.localhost:PORT {\n\tauthentik AUTHENTIK\n}\n", want: "gate-fails", seen: "no login host"},
		{name: "sessions in memory", site: strings.Replace(gated, "application wiki", "sessions memory", 1), want: "store-memory", level: "note"},
		{name: "storage that is not there", site: gated, prepare: func(_ *testing.T, s *brokenSite) { s.storage = filepath.Join(s.files, "nowhere") }, want: "store-not-tested", level: "note"},
		{name: "storage that cannot be written", site: strings.Replace(gated, "application wiki", "key "+strings.Repeat("k", 40), 1), prepare: spoiled, want: "store-fails", seen: "not a directory"},
		{name: "storage without a key that can be read", site: gated, prepare: spoiled, want: "config-invalid", seen: "the gate's key"},
		{name: "storage of another user", site: gated, prepare: func(t *testing.T, s *brokenSite) {
			if err := os.Chown(s.storage, 12345, -1); err != nil {
				t.Skipf("giving a directory to another user: %v", err)
			}
		}, want: "store-not-tested", level: "note", seen: "belongs to the user 12345"},
		{name: "authentik hides its release", site: gated, prepare: func(t *testing.T, s *brokenSite) {
			t.Setenv("AUTHENTIK_TOKEN", "")
			s.front = func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if strings.HasPrefix(r.URL.Path, "/static/") || strings.HasPrefix(r.URL.Path, "/if/") {
						http.NotFound(w, r)
						return
					}
					next.ServeHTTP(w, r)
				})
			}
		}, want: "release-unknown", level: "note"},
		{name: "keys that cannot be read", site: openID(""), prepare: func(_ *testing.T, s *brokenSite) {
			s.front = atPath("/application/o/client/jwks/", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(http.StatusForbidden) })
		}, want: "keys-unreachable"},
		{name: "encrypted tokens", site: openID(""), prepare: func(_ *testing.T, s *brokenSite) { s.api.SetProvider("id", map[string]any{"encryption_key": "k"}) }, want: "token-encrypted"},
		{name: "logout notices do not arrive", site: openID(""), prepare: func(t *testing.T, s *brokenSite) {
			s.occupied(t, func(http.ResponseWriter) {})
		}, want: "backchannel-unreachable", level: "warning"},
		{name: "certificate of the site", site: "https://127.0.0.1:PORT {\n\tbind 127.0.0.1\n\tauthentik AUTHENTIK\n}\n", prepare: func(t *testing.T, s *brokenSite) {
			authentik := s.standIn.URL
			s.overTLS(t, nil) // a server with a certificate that no browser trusts
			s.address, s.standIn.URL = strings.TrimPrefix(s.standIn.URL, "https://"), authentik
		}, want: "site-certificate", level: "warning"},
		{name: "authentik answers a sign-in with nonsense", site: gated, prepare: func(_ *testing.T, s *brokenSite) {
			s.front = atPath("/api/v3/flows/executor/default-authentication-flow/", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				w.WriteHeader(http.StatusTeapot)
			})
		}, want: "authentik-unexpected"},
		{name: "wrong token", site: gated, prepare: func(t *testing.T, _ *brokenSite) { t.Setenv("AUTHENTIK_TOKEN", "wrong-token") }, want: "token-rejected"},
		{name: "token with a trust that cannot be read", site: "SITE {\n\tauthentik AUTHENTIK {\n\t\ttrust /nowhere.pem\n\t}\n}\n", want: "token-withheld", level: "warning", seen: "/nowhere.pem"},
		{name: "token without encryption", site: strings.ReplaceAll(gated, "AUTHENTIK", "http://auth.invalid"), want: "token-plain-http", level: "warning", seen: "http://auth.invalid"},
		{name: "token without rights", site: gated, prepare: func(t *testing.T, _ *brokenSite) { t.Setenv("AUTHENTIK_TOKEN", "adas-token") }, want: "token-rights", level: "note", seen: "view_application"},
		{name: "Caddy does not run", site: gated, want: "site-unreachable", level: "warning"},
		{name: "basic_auth before the gate", site: "SITE {\n\tbasic_auth {\n\t\tbob $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n\t}\n\tauthentik AUTHENTIK\n\treverse_proxy APP\n}\n", runs: true, want: "site-not-gate", seen: "basic_auth"},
		{name: "something else runs there", site: gated, prepare: func(t *testing.T, s *brokenSite) { s.occupied(t, nil) }, want: "site-not-gate"},
		{name: "a proxy in front that Caddy does not know", site: gated, prepare: func(t *testing.T, s *brokenSite) {
			s.occupied(t, func(w http.ResponseWriter) { w.Header().Set("Via", "1.1 tunnel") })
		}, want: "trusted-proxies-missing", level: "warning"},
		{name: "Redis is down", site: strings.Replace(gated, "application wiki", "sessions redis {\n\t\t\taddress 127.0.0.1:1\n\t\t\ttimeout 1s\n\t\t}", 1), want: "store-fails"},
		{name: "wrong password", site: gated, prepare: password("wrong-password"), args: []string{"--user", "ada"}, want: "sign-in-refused"},
		{name: "user who may not pass", site: gated, prepare: password("secret"), args: []string{"--user", "bob"}, want: "not-allowed"},
		{name: "second factor", site: gated, prepare: func(t *testing.T, s *brokenSite) {
			password("secret")(t, s)
			s.server.EditUser("ada", func(u *authentiktest.User) {
				u.Devices = []authentiktest.Device{{Class: "totp", Secret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}}
			})
		}, args: []string{"--user", "ada"}, want: "sign-in-stops", level: "note", seen: "ak-stage-authenticator-validate"},
		{name: "authentik sees Caddy's address", site: gated, prepare: func(t *testing.T, s *brokenSite) {
			password("secret")(t, s)
			s.api.AddEvent("login", "ada", "172.18.0.5")
		}, args: []string{"--user", "ada"}, want: "address-not-seen", level: "warning", seen: "172.18.0.5"},
	}
}

// balanced is a site behind a load balancer.
const balanced = "SITE {\n\tauthentik AUTHENTIK {\n\t\tsite http://FRONT\n\t}\n\treverse_proxy APP\n}\n"

// wrapped are global options that read the PROXY protocol.
func wrapped(options string) string {
	return "skip_install_trust\n\tservers {\n\t\tlistener_wrappers {\n\t\t\tproxy_protocol {\n\t\t\t\t" + options + "\n\t\t\t}\n\t\t\ttls\n\t\t}\n\t}"
}

// spoiled puts a file where the storage needs a directory.
func spoiled(t *testing.T, s *brokenSite) {
	if err := os.WriteFile(filepath.Join(s.storage, "authentik"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// branded gives authentik a brand with a domain.
func branded(domain string, isDefault bool) func(*testing.T, *brokenSite) {
	return func(_ *testing.T, s *brokenSite) {
		one := authentiktest.Brand{Domain: domain, Default: isDefault, FlowAuthentication: "default-authentication-flow"}
		all := []authentiktest.Brand{one}
		if !isDefault {
			all = append(all, authentiktest.Brand{Domain: "authentik-default", Default: true, FlowAuthentication: one.FlowAuthentication})
		}
		s.server.SetBrands(all)
	}
}

func TestDoctor_FindsBrokenSetups(t *testing.T) {
	all := brokenSetups()
	if len(all) < 20 {
		t.Fatalf("got %d broken set-ups, want at least 20", len(all))
	}
	for _, b := range all {
		t.Run(b.name, func(t *testing.T) {
			t.Setenv("AUTHENTIK_TOKEN", "the-token")
			s := newBrokenSite(t)
			s.clientFile(t)
			if b.prepare != nil {
				b.prepare(t, s)
			}
			text := strings.ReplaceAll(b.site, "FILES", s.files)
			if b.runs {
				text = strings.ReplaceAll(text, "FRONT", s.balancer(t))
				if err := s.try(b.options, text); err != nil {
					t.Fatal(err)
				}
			}
			e := s.examine(t, b.options, text, b.args...)
			b.check(t, e)
		})
	}
}

// elsewhere are the codes that no set-up here provokes, with the reason.
var elsewhere = map[string]string{
	"tls-handshake": "tested in package doctor", "store-slow": "tested in package doctor", "store-no-notice": "tested in package doctor",
	"check-timed-out": "tested in package doctor",
}

func TestDoctor_EachCodeHasABrokenSetUp(t *testing.T) {
	wanted := map[string]bool{}
	for _, b := range brokenSetups() {
		wanted[b.want] = true
		if level := doctor.Codes()[b.want]; b.level == "" && level != doctor.Failure || b.level != "" && string(level) != b.level {
			t.Errorf("%s: got the level %s of %s, want %q", b.name, level, b.want, b.level)
		}
	}
	for code := range doctor.Codes() {
		if wanted[code] == (elsewhere[code] != "") {
			t.Errorf("%s: got a broken set-up %v and a reason %q why it has none, want one of them", code, wanted[code], elsewhere[code])
		}
	}
}

func (b broken) check(t *testing.T, e examined) {
	t.Helper()
	if b.level == "" {
		b.level = "failure"
	}
	for _, f := range e.Findings {
		if f.Code == b.want && string(f.Level) == b.level && strings.Contains(f.Seen, b.seen) {
			for _, secret := range []string{"right-secret", "the-token", "wrong-token", "wrong-password", "adas-token"} {
				if strings.Contains(e.text, secret) {
					t.Errorf("got %s, want no secret in it", e.text)
				}
			}
			return
		}
	}
	t.Errorf("got %s, want a %s %s with %q", e.text, b.level, b.want, b.seen)
}
