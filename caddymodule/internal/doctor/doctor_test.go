package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/setup"
	admin "github.com/flowsidecar/caddy-authentik/internal/authentikadmin"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// adapted is a configuration as Caddy adapts it: two sites, one with a gate.
const adapted = `{"storage": {"module": "file_system", "root": "/x"}, "apps": {"http": {"servers": {
	"srv0": {"listen": [":443"], "trusted_proxies": {"source": "static", "ranges": ["10.0.0.0/8"]}, "routes": [
		{"match": [{"host": ["wiki.example.com"]}], "handle": [{"handler": "subroute", "routes": [
			{"handle": [{"handler": "headers", "response": {"set": {"X": ["y"]}}}]},
			{"match": [{"path": ["/api/*"]}], "handle": [{"handler": "subroute", "routes": [{"handle": [
				{"handler": "headers", "request": {"delete": ["Remote-*"]}}, {"handler": "reverse_proxy", "upstreams": [{"dial": "127.0.0.1:3000"}]}
			]}]}]},
			{"handle": [{"handler": "authentik", "url": "https://auth.example.com", "application": "wiki"}]},
			{"handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": "localhost:3000"}]}]}
		]}], "terminal": true},
		{"match": [{"host": ["old.example.com"]}], "handle": [{"handler": "subroute", "routes": [
			{"handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": "outpost:9000"}], "handle_response": [{}]}]},
			{"handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": "[::1]:3000"}]}]}
		]}], "terminal": true},
		{"match": [{"host": ["bare.example.com"]}], "handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": "localhost:3000"}, {"dial": "other:1"}]}]}
	]},
	"srv1": {"listen": ["127.0.0.1:8080"], "routes": [{"handle": [{"handler": "authentik", "url": "http://a", "site": "http://Named.example"}]}]},
	"srv2": {"listen": [":9443"], "tls_connection_policies": [{}], "routes": [
		{"match": [{"host": ["*.example.com", "x.example.com"]}], "handle": [{"handler": "authentik", "url": "http://a"}]}
	]}
}}}}`

func TestSetup_IsReadFromJSON(t *testing.T) {
	t.Parallel()
	s, err := Read([]byte(adapted))
	if err != nil {
		t.Fatal(err)
	}
	var origins []string
	for _, g := range s.Gates {
		origins = append(origins, g.Origin)
	}
	want := "https://wiki.example.com http://Named.example https://x.example.com:9443"
	if got := strings.Join(origins, " "); got != want {
		t.Errorf("got origins %q, want %q", got, want)
	}
	if !s.Servers[0].proxied || s.Servers[1].proxied {
		t.Errorf("got servers %+v, want trusted proxies at the first", s.Servers)
	}
	found := s.neighbours()
	if len(found) != 1 || found[0].Site != "bare.example.com" {
		t.Errorf("got %+v, want only bare.example.com: one path deletes the headers, and forward_auth guards the old site", found)
	}
	s.only("x.example.com")
	if len(s.Gates) != 1 || s.Gates[0].Server != "srv2" {
		t.Errorf("got %+v, want one gate", s.Gates)
	}
}

func TestFinding_HidesSecretsAndControls(t *testing.T) {
	t.Parallel()
	got := hideSecrets("the secret hunter22 and\x1b[31m red\nline \u202e x \u2066", []string{"hunter22", "", "a"})
	if want := "the secret [hidden] and?[31m red?line ? x ?"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestCredentials_PasswordWithinTheNameIsNotHidden: in its place would stand that it
// is there.
func TestCredentials_PasswordWithinTheNameIsNotHidden(t *testing.T) {
	t.Parallel()
	for password, hidden := range map[string]bool{"demo": false, "demo1": true} {
		environment := func(name string) string { return map[string]string{passwordVariable: password}[name] }
		c, e := &command{user: "demo", terminal: &setup.Terminal{Environment: environment}}, new(Examination)
		if err := c.credentials(t.Context(), e); err != nil || e.Password != password {
			t.Fatalf("got the password %q and %v", e.Password, err)
		}
		if got := slices.Contains(e.secrets, password); got != hidden {
			t.Errorf("got %q hidden for the user demo: %t, want %t", password, got, hidden)
		}
	}
}

func TestFinding_KnowsTheSecretsOfAConfiguration(t *testing.T) {
	t.Setenv("DOCTOR_TEST_PASSWORD", "from the environment")
	all := secretsIn([]byte(`{"url": "http://a", "key": "the key", "client_secret": "the secret", "sessions": {"store": "redis", "address": "r:1",
		"password": "{env.DOCTOR_TEST_PASSWORD}"}, "sign_on": {"basic": {"user": "u", "password": "basic"}}, "list": [{"access_token": "the token"}], "n": 1}`))
	for _, want := range []string{"the key", "the secret", "from the environment", "basic", "the token"} {
		if !slices.Contains(all, want) {
			t.Errorf("got %q, want %q in it", all, want)
		}
	}
	for _, not := range []string{"http://a", "r:1", "u", "redis"} {
		if slices.Contains(all, not) {
			t.Errorf("got %q, want no %q in it", all, not)
		}
	}
}

func TestReport_ExitCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		levels []Level
		want   int
	}{{nil, 0}, {[]Level{OK, Note}, 0}, {[]Level{Warning, OK}, 3}, {[]Level{Warning, Failure}, 2}} {
		var all []Finding
		for _, l := range c.levels {
			all = append(all, Finding{Level: l, Code: "x", Seen: "y", Write: "z"})
		}
		r := newReport(all)
		var text strings.Builder
		if err := r.text(&text); err != nil || r.exit() != c.want {
			t.Errorf("%v: got %d, %v, want %d\n%s", c.levels, r.exit(), err, c.want, text.String())
		}
	}
}

func TestCheck_ThatHangsIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	e := &Examination{Timeout: time.Millisecond}
	block := make(chan struct{})
	defer close(block)
	all := e.bounded(t.Context(), check{"stuck", func(context.Context) []Finding { <-block; return nil }})
	if len(all) != 1 || all[0].Code != "check-timed-out" || !strings.Contains(all[0].Seen, "stuck") {
		t.Errorf("got %+v, want check-timed-out", all)
	}
}

// brokenStore is a store with a fault.
type brokenStore struct {
	store.Store
	slow, silent, forgets bool
}

func (s brokenStore) Load(ctx context.Context, name string) (store.Record, bool, error) {
	if s.slow {
		time.Sleep(slowStore)
	}
	if s.forgets {
		return store.Record{}, false, nil
	}
	return s.Store.Load(ctx, name)
}

func (s brokenStore) Watch(ctx context.Context, ended func(string)) error {
	if !s.silent {
		return s.Store.Watch(ctx, ended)
	}
	ended("")
	<-ctx.Done()
	return nil
}

func TestStore_FaultsAreFound(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]brokenStore{
		"store": {}, "store-slow": {slow: true}, "store-no-notice": {silent: true}, "store-fails": {forgets: true},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			memory := store.NewMemory()
			s.Store = memory
			x := &subject{Examination: &Examination{Now: time.Now}, opened: &Opened{Store: s, StoreName: "redis"}}
			all := x.store(t.Context())
			if len(all) == 0 || all[0].Code != want {
				t.Errorf("got %+v, want %s", all, want)
			}
			if n, err := memory.Count(t.Context(), "doctor"); err != nil || n != 0 {
				t.Errorf("got %d records left, %v, want none", n, err)
			}
		})
	}
}

func TestConnection_BadCertificatesHaveACode(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "https", Host: "auth.example.com"}
	x := &subject{Examination: &Examination{}, authentik: u, public: u}
	for want, err := range map[string]error{
		"tls-handshake":         x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.NotAuthorizedToSign},
		"tls-expired":           x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.Expired},
		"authentik-unreachable": errors.New("no route"),
	} {
		if got := x.failed(t.Context(), err); got.Code != want {
			t.Errorf("%v: got %s, want %s", err, got.Code, want)
		}
	}
}

func TestProvider_RegistrationsAreCompared(t *testing.T) {
	t.Parallel()
	typed := func(url, mode, kind string) map[string]any {
		return map[string]any{"url": url, "matching_mode": mode, "redirect_uri_type": kind}
	}
	for _, c := range []struct {
		one  map[string]any
		kind string
		want bool
	}{
		{typed("https://a.example/cb", "strict", "authorization"), "authorization", true},
		{typed("https://a.example/cb", "strict", "logout"), "authorization", false},
		{typed(`https://[a-z]+\.example/cb`, "regex", "authorization"), "authorization", true},
		{typed(`https://a`, "regex", "authorization"), "authorization", false},
		{map[string]any{"url": "https://a.example/cb", "matching_mode": "strict"}, "authorization", true},
		{map[string]any{"url": "https://a.example/cb", "matching_mode": "strict"}, "logout", false},
	} {
		if got := registered(map[string]any{"redirect_uris": []any{c.one}}, "https://a.example/cb", c.kind); got != c.want {
			t.Errorf("%v as %s: got %v, want %v", c.one, c.kind, got, c.want)
		}
	}
}

// Each code is in the documentation, with its level, and no other one is.
func TestDocument_ListsEachCode(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\| (failure|warning|note) \\| .+ \\| .+ \\|$").FindAllStringSubmatch(string(text), -1) {
		documented[row[1]] = row[2]
	}
	for code, level := range Codes() {
		if documented[code] != string(level) {
			t.Errorf("%s: got level %q in the documentation, want %q", code, documented[code], level)
		}
		delete(documented, code)
	}
	for code := range documented {
		t.Errorf("got the code %s in the documentation, which does not exist", code)
	}
}

// Every code in the sources is in the table, and the table has no others.
func TestCodes_AreThoseOfTheSources(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{"gate-fails": true}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), "_test.go") || f.Name() == "finding.go" || !strings.HasSuffix(f.Name(), ".go") {
			continue
		}
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?:found\(|code(?:, write|, cause)? :?= )"([a-z0-9-]+)"`).FindAllStringSubmatch(string(text), -1) {
			used[m[1]] = true
			if _, known := levels[m[1]]; !known {
				t.Errorf("%s: got the code %s, which is not in the table", f.Name(), m[1])
			}
		}
	}
	for code := range levels {
		if !used[code] {
			t.Errorf("got no use of the code %s", code)
		}
	}
}

// Many sites with one authentik that hangs do not wait one after the other.
func TestConnection_DeadAuthentikIsAskedOnce(t *testing.T) {
	t.Parallel()
	asked := 0
	e := &Examination{Now: time.Now}
	for range 3 {
		u := &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
		x := &subject{Examination: e, authentik: u, public: u, gate: Gate{options: options{URL: u.String()}}, opened: &Opened{
			Transport: roundTripper(func(*http.Request) (*http.Response, error) { asked++; return nil, errors.New("hangs") }),
		}}
		if all := x.connectionOnce(t.Context()); len(all) != 1 || all[0].Code != "authentik-unreachable" {
			t.Errorf("got %+v, want authentik-unreachable", all)
		}
	}
	if asked != 1 {
		t.Errorf("got %d requests, want 1", asked)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The sites that other proxies serve are examined one by one.
func TestSetup_ForwardAuthHasManySites(t *testing.T) {
	t.Parallel()
	s, err := Read([]byte(`{"apps": {"http": {"servers": {"srv0": {"listen": [":9080"], "routes": [{"handle": [{
		"handler": "authentik", "url": "http://a", "application": "portal", "forward_auth": {"from": [{"network": "10.0.0.2"}], "site": [
			{"host": "wiki.example.com", "application": "wiki"}, {"host": "*.example.org"}
	]}}]}]}}}}}`))
	if err != nil || len(s.Gates) != 2 {
		t.Fatalf("got %+v %v, want two gates", s, err)
	}
	for i, want := range []Gate{{options: options{Application: "wiki"}, Origin: "https://wiki.example.com"}, {options: options{Application: "portal"}}} {
		g := s.Gates[i]
		if g.Application != want.Application || g.Origin != want.Origin || strings.Contains(string(g.Raw), "forward_auth") {
			t.Errorf("got %s at %q with %s, want %s at %q without forward_auth", g.Application, g.Origin, g.Raw, want.Application, want.Origin)
		}
	}
}

func TestToken_IsOfOneAuthentik(t *testing.T) {
	t.Parallel()
	e := &Examination{Admin: &admin.Client{}, AdminURL: "https://auth.example.com"}
	for address, want := range map[string]bool{"https://auth.example.com": true, "https://other.example.com": false} {
		x := &subject{Examination: e, gate: Gate{options: options{URL: address}}}
		if got := x.api() != nil; got != want {
			t.Errorf("%s: got an API: %v, want %v", address, got, want)
		}
	}
}

// ported is a configuration with other ports than usual: a server on each of them,
// two of them for one host.
const ported = `{"apps": {"http": {"http_port": 8080, "https_port": 8443, "servers": {
	"plain": {"listen": [":8080"], "routes": [{"match": [{"host": ["a.example.com"]}], "handle": [{"handler": "authentik", "url": "https://a"}]}]},
	"secure": {"listen": [":8443"], "routes": [{"match": [{"host": ["a.example.com"]}], "handle": [{"handler": "authentik", "url": "https://a"}]}]},
	"other": {"listen": [":9443"], "routes": [{"match": [{"host": ["a.example.com"]}], "handle": [
		{"handler": "authentik", "url": "https://a", "cookie": {"name": "other"}}]}]},
	"skipped": {"listen": [":9080"], "automatic_https": {"skip": ["b.example.com"]}, "routes": [
		{"match": [{"host": ["b.example.com"]}], "handle": [{"handler": "authentik", "url": "https://a"}]}]}
}}}}`

func TestSetup_KnowsWhereCaddyTurnsTLSOn(t *testing.T) {
	t.Parallel()
	s, err := Read([]byte(ported))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"plain": "http://a.example.com:8080", "secure": "https://a.example.com", "other": "https://a.example.com:9443",
		"skipped": "http://b.example.com:9080",
	}
	for _, g := range s.Gates {
		if g.Origin != want[g.Server] {
			t.Errorf("server %s: got the origin %s, want %s", g.Server, g.Origin, want[g.Server])
		}
	}
	if found := s.differing(); len(found) > 0 {
		t.Errorf("got %+v, want nothing about gates at two ports with a cookie each", found)
	}
}

// wildcard has a gate for each host, and authentik, below one cookie domain. In the
// place of REST stands what is done for other hosts.
const wildcard = `{"apps": {"http": {"servers": {"srv0": {"listen": [":443"], "routes": [
	{"match": [{"host": ["auth.example.com"]}], "handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": "a:9000"}]}], "terminal": true},
	{"match": [{"host": ["*.example.com"]}], "handle": [{"handler": "subroute", "routes": [
		{"match": [{"host": ["wiki.example.com"]}], "handle": [
			{"handler": "authentik", "url": "http://a:9000", "LOGIN": "https://auth.example.com", "cookie": {"domain": "example.com"}},
			{"handler": "reverse_proxy", "upstreams": [{"dial": "wiki:3000"}]}]},
		{"handle": [REST]}
	]}], "terminal": true}
]}}}}}`

func TestCookies_NeighboursAreSitesWithAnApplication(t *testing.T) {
	t.Parallel()
	for rest, want := range map[string]int{
		`{"handler": "static_response", "abort": true}`: 0, `{"handler": "reverse_proxy", "upstreams": [{"dial": "blog:80"}]}`: 1,
	} {
		s, err := Read([]byte(strings.NewReplacer("REST", rest, "LOGIN", "public_url").Replace(wildcard)))
		if err != nil {
			t.Fatal(err)
		}
		if found := s.Gates[0].configured(s); len(found) != want {
			t.Errorf("%s: got %+v, want %d findings", rest, found, want)
		}
	}
}

func TestPublicURL_IsNotNeededWithALoginHost(t *testing.T) {
	t.Parallel()
	for option, want := range map[string]int{"login_at": 0, "other": 1} {
		s, err := Read([]byte(strings.NewReplacer("REST", "", "LOGIN", option, `, "cookie": {"domain": "example.com"}`, "").Replace(wildcard)))
		if err != nil {
			t.Fatal(err)
		}
		if found := s.Gates[0].configured(s); len(found) != want {
			t.Errorf("%s: got %+v, want %d findings", option, found, want)
		}
	}
}

func TestFinding_NamesMistakesInOneLine(t *testing.T) {
	t.Parallel()
	got := inOneLine(errors.New("authentik: 2 mistakes\n\t- key: is empty\n\t- url: is missing"))
	if want := "authentik: 2 mistakes: key: is empty; url: is missing"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
