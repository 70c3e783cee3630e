package caddymodule

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap/zapcore"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/doctor"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// balancer starts a load balancer in front of the site that says in a PROXY header
// where its visitors are. It returns its address.
func (s *brokenSite) balancer(t *testing.T) string {
	t.Helper()
	return listen(t, func(visitor net.Conn) { s.balance(t.Context(), visitor) })
}

// listen serves connections and closes them. It returns its address.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			visitor, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = visitor.Close() }()
				serve(visitor)
			}()
		}
	}()
	return l.Addr().String()
}

func (s *brokenSite) balance(ctx context.Context, visitor net.Conn) {
	site, err := new(net.Dialer).DialContext(ctx, "tcp", s.address)
	if err != nil {
		return
	}
	defer func() { _ = site.Close() }()
	_, _ = fmt.Fprintf(site, "PROXY TCP4 192.0.2.7 192.0.2.8 4711 443\r\n")
	go func() { _, _ = io.Copy(site, visitor) }()
	_, _ = io.Copy(visitor, site) // until the site closes
}

// certificate writes a certificate and its key to files, and returns their names.
func (s *brokenSite) certificate(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for kind, der := range map[string][]byte{"CERTIFICATE": pair.Certificate[0], "PRIVATE KEY": key} {
		name := filepath.Join(s.files, strings.ReplaceAll(kind, " ", "-"))
		if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// A load balancer that speaks the PROXY protocol is no fault if Caddy reads it.
func TestDoctor_KnowsALoadBalancerThatCaddyReads(t *testing.T) {
	for name, scheme := range map[string]string{"plain": "http", "TLS": "https"} {
		for options, want := range map[string]string{
			"servers {\n\t\tlistener_wrappers {\n\t\t\tproxy_protocol {\n\t\t\t\tallow 127.0.0.0/8\n\t\t\t}\n\t\t\ttls\n\t\t}\n\t}": "site",
			"": "proxy-protocol-missing",
			"servers {\n\t\tlistener_wrappers {\n\t\t\tproxy_protocol {\n\t\t\t\tallow 10.0.0.0/8\n\t\t\t\tfallback_policy reject\n\t\t\t}\n\t\t\ttls\n\t\t}\n\t}": "proxy-protocol-refused",
		} {
			t.Run(name+"/"+want, func(t *testing.T) {
				s := newBrokenSite(t)
				front := strings.Replace(s.balancer(t), "127.0.0.1", "localhost", 1)
				text := scheme + "://localhost:PORT {\n\tbind 127.0.0.1\n\tauthentik AUTHENTIK {\n\t\tsite " + scheme + "://" + front + "\n\t}\n\treverse_proxy APP\n}\n"
				options := "skip_install_trust\n\t" + options
				if scheme == "https" {
					text = strings.Replace(text, "\tbind", "\ttls "+s.certificate(t)+"\n\tbind", 1)
				}
				if err := s.try(options, text); err != nil {
					t.Fatal(err)
				}
				e := s.examine(t, options, text)
				for code := range doctor.Codes() {
					if strings.HasPrefix(code, "proxy-protocol-") && strings.Contains(e.text, code) != (code == want) {
						t.Errorf("got %s, want %s", e.text, want)
					}
				}
				if !slices.ContainsFunc(e.Findings, func(f doctor.Finding) bool { return f.Code == want }) {
					t.Errorf("got %s, want %s", e.text, want)
				}
			})
		}
	}
}

// What fails in another way than Caddy does after a PROXY header has another
// cause, and so has what fails while Caddy itself does not answer.
func TestDoctor_DoesNotReportOtherFaultsAsLoadBalancer(t *testing.T) {
	for name, tt := range map[string]struct {
		runs  bool
		front func(net.Conn)
		want  string
	}{
		"cut off": {true, func(net.Conn) {}, "site-unreachable"},
		"does not run": {false, func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request")
		}, "site-not-gate"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newBrokenSite(t)
			text := strings.ReplaceAll(balanced, "FRONT", listen(t, func(c net.Conn) {
				_, _ = c.Read(make([]byte, 4096)) // the whole request
				tt.front(c)
			}))
			if tt.runs {
				if err := s.try("", text); err != nil {
					t.Fatal(err)
				}
			}
			e := s.examine(t, "", text)
			if strings.Contains(e.text, "proxy-protocol-") || !strings.Contains(e.text, tt.want) {
				t.Errorf("got %s, want %s", e.text, tt.want)
			}
		})
	}
}

// named answers every question of this process about names with these addresses.
func named(t *testing.T, addresses ...string) {
	t.Helper()
	questions, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = questions.Close() })
	go func() {
		buffer := make([]byte, 512)
		for {
			n, from, err := questions.ReadFrom(buffer)
			if err != nil {
				return
			}
			if reply := dnsReply(buffer[:n], addresses); reply != nil {
				_, _ = questions.WriteTo(reply, from)
			}
		}
	}()
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", questions.LocalAddr().String())
	}}
	t.Cleanup(func() { net.DefaultResolver = before })
}

func dnsReply(question []byte, addresses []string) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	for _, text := range addresses {
		ip := netip.MustParseAddr(text)
		r := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 1}}
		switch {
		case ip.Is4() && m.Questions[0].Type == dnsmessage.TypeA:
			r.Body = &dnsmessage.AResource{A: ip.As4()}
		case ip.Is6() && m.Questions[0].Type == dnsmessage.TypeAAAA:
			r.Body = &dnsmessage.AAAAResource{AAAA: ip.As16()}
		default:
			continue
		}
		m.Answers = append(m.Answers, r)
	}
	reply, err := m.Pack()
	if err != nil {
		return nil
	}
	return reply
}

// Two sites with one client and one store need one address for notices.
func TestDoctor_OneClientWithOneStoreIsNoFault(t *testing.T) {
	for sessions, want := range map[string]bool{"": false, "\t\tkey " + strings.Repeat("k", 40) + "\n": true} {
		s := newBrokenSite(t)
		s.clientFile(t)
		t.Setenv("AUTHENTIK_TOKEN", "the-token")
		e := s.examine(t, "", strings.ReplaceAll(oneClient(sessions), "FILES", s.files))
		codes := map[string]bool{}
		for _, f := range e.Findings {
			codes[f.Code] = true
		}
		if codes["client-shared"] != want || codes["backchannel-unset"] || !codes["redirect-uri-rejected"] {
			t.Errorf("%q: got %s, want client-shared %v, and the redirect URI of the second site", sessions, e.text, want)
		}
	}
}

// oneClient has two sites with one client, the second of which has more options.
func oneClient(more string) string {
	return openID("") + strings.Replace(openID(more), "127.0.0.1:PORT", "localhost:PORT", 1)
}

// A provider without a signing key signs with the client secret, which the gate
// accepts if it is long.
func TestDoctor_LongSecretIsAKey(t *testing.T) {
	for secret, want := range map[string]bool{strings.Repeat("s", 31): true, strings.Repeat("s", 32): false} {
		s := newBrokenSite(t)
		if err := os.WriteFile(filepath.Join(s.files, "secret"), []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
		s.setApplications(func(a *authentiktest.Application) { a.Provider.Secret, a.Provider.SecretSigns = secret, true })
		t.Setenv("AUTHENTIK_TOKEN", "the-token")
		e := s.examine(t, "", strings.ReplaceAll(openID(""), "FILES", s.files))
		if got := strings.Contains(e.text, "keys-missing"); got != want {
			t.Errorf("%d characters: got keys-missing %v, want %v: %s", len(secret), got, want, e.text)
		}
	}
}

// A file for a secret that is not there is named, once.
func TestDoctor_NamesThePlaceholderOfASecret(t *testing.T) {
	s := newBrokenSite(t)
	e := s.examine(t, "", strings.ReplaceAll(openID(""), "FILES", s.files))
	var seen []string
	for _, f := range e.Findings {
		if f.Code == "config-invalid" {
			seen = append(seen, f.Site+": "+f.Seen)
		}
	}
	if len(seen) != 1 || !strings.HasPrefix(seen[0], s.address) || !strings.Contains(seen[0], "{file."+s.files+"/secret} is empty") {
		t.Errorf("got %q, want one finding of %s that names the file", seen, s.address)
	}
}

func TestDoctor_NamesTheSilentAddress(t *testing.T) {
	s := newBrokenSite(t)
	named(t, "127.0.0.1", "127.0.0.2", "::1")
	text := strings.ReplaceAll(gated, "AUTHENTIK", strings.Replace(s.standIn.URL, "127.0.0.1", "auth.example.com", 1))
	e := s.examine(t, "", text)
	var silent []string
	for _, f := range e.Findings {
		if f.Code == "address-silent" {
			silent = append(silent, f.Seen)
		}
	}
	if len(silent) != 2 || !slices.ContainsFunc(silent, func(seen string) bool { return strings.Contains(seen, "::1 (IPv6)") }) {
		t.Errorf("got %q, want the two addresses at which nothing listens", silent)
	}
}

// without leaves a field out of authentik's answers in JSON at a path.
func without(path, field string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			text := answer.Body.Bytes()
			var object map[string]any
			if strings.HasPrefix(r.URL.Path, path) && json.Unmarshal(text, &object) == nil {
				delete(object, field)
				list, _ := object["results"].([]any)
				for _, one := range list {
					delete(one.(map[string]any), field)
				}
				text, _ = json.Marshal(object)
			}
			for name, values := range answer.Header() {
				w.Header()[name] = values
			}
			w.Header().Del("Content-Length")
			w.WriteHeader(answer.Code)
			_, _ = w.Write(text)
		})
	}
}

// A field that a release does not have is no fault of the set-up: the doctor says
// that it does not know.
func TestDoctor_MissingFieldIsNoFailure(t *testing.T) {
	const api = "/api/v3/"
	for path, fields := range map[string][]string{
		api + "admin/version/":                     {"version_current"},
		api + "core/users/me/":                     {"user"},
		api + "core/brands/current/":               {"matched_domain"},
		api + "core/applications/client/check":     {"passing"},
		api + "core/applications/client/":          {"pk", "slug", "name", "provider", "policy_engine_mode", "meta_publisher"},
		api + "policies/bindings/":                 {"pk", "target", "group", "enabled", "negate", "order", "group_obj"},
		api + "events/events/":                     {"action", "client_ip", "user", "context"},
		api + "providers/oauth2/":                  {"pk", "name", "client_id", "assigned_application_slug", "redirect_uris", "grant_types", "signing_key", "encryption_key", "logout_uri"},
		"/application/o/client/.well-known/openid": {"scopes_supported"},
	} {
		for _, field := range append(fields, "") {
			t.Run(strings.Trim(path, "/")+" "+field, func(t *testing.T) {
				s := newBrokenSite(t)
				s.clientFile(t)
				t.Setenv("AUTHENTIK_TOKEN", "the-token")
				t.Setenv("AUTHENTIK_TEST_PASSWORD", "secret")
				s.api.AddEvent("login", "ada", doctor.Visitor)
				text := strings.ReplaceAll(openID(""), "FILES", s.files)
				s.load(text)
				s.front = without(path, field)
				e := s.examine(t, "", text, "--user", "ada")
				if e.Failures+e.Warnings > 0 || !strings.Contains(e.text, "signed in as ada") {
					t.Errorf("got %s, want neither a failure nor a warning", e.text)
				}
			})
		}
	}
}

// Caddy's own log does not come between the report and its reader.
func TestDoctor_CaddyLogsOnlyErrors(t *testing.T) {
	newSite(t) // which stops Caddy at the end
	if err := logOnlyErrors(); err != nil {
		t.Fatal(err)
	}
	if core := caddy.Log().Core(); core.Enabled(zapcore.WarnLevel) || !core.Enabled(zapcore.ErrorLevel) {
		t.Errorf("got warnings logged: %v, errors: %v; want only errors", core.Enabled(zapcore.WarnLevel), core.Enabled(zapcore.ErrorLevel))
	}
}
