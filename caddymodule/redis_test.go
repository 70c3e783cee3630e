package caddymodule

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/internal/redistest"
)

// provisioned is a store with these settings, in JSON, until the test ends.
func provisioned(t *testing.T, settings string) (*Redis, error) {
	t.Helper()
	r := new(Redis)
	strict := json.NewDecoder(strings.NewReader(settings))
	strict.DisallowUnknownFields()
	if err := strict.Decode(r); err != nil {
		t.Fatal(err)
	}
	err := r.Provision(caddy.Context{Context: t.Context()})
	t.Cleanup(func() {
		if err := r.Cleanup(); err != nil {
			t.Error(err)
		}
	})
	return r, err
}

func TestGatesWithTheSameSettingsShareOneRedis(t *testing.T) {
	t.Setenv("GATE_TEST_REDIS", "127.0.0.1:1")
	const settings = `{"addresses": ["127.0.0.1:1"], "prefix": "a:", "password": "x"}`
	here, err := provisioned(t, settings)
	if err != nil {
		t.Fatal(err)
	}
	for _, same := range []string{settings, strings.Replace(settings, "127.0.0.1:1", "{env.GATE_TEST_REDIS}", 1)} {
		if again, err := provisioned(t, same); err != nil || again.Store() != here.Store() {
			t.Errorf("%s is another (%v)", same, err)
		}
	}
	for _, other := range []string{
		`{"addresses": ["127.0.0.1:2"], "prefix": "a:", "password": "x"}`, `{"addresses": ["127.0.0.1:1"], "prefix": "b:", "password": "x"}`,
		`{"addresses": ["127.0.0.1:1"], "prefix": "a:", "password": "y"}`, `{"addresses": ["127.0.0.1:1"], "prefix": "a:", "password": "x", "tls": {}}`,
		`{"addresses": ["127.0.0.1:1"], "prefix": "a:", "password": "x", "database": "1"}`,
	} {
		if another, err := provisioned(t, other); err != nil || another.Store() == here.Store() {
			t.Errorf("%s is the same (%v)", other, err)
		}
	}
	if err := here.Cleanup(); err != nil {
		t.Fatal(err)
	}
	if err := here.Cleanup(); err != nil {
		t.Errorf("giving back twice: %v", err)
	}
}

func TestSettingsOfRedisBecomeThoseOfItsStore(t *testing.T) {
	t.Setenv("GATE_TEST_SECRET", "s3cret")
	r := Redis{
		Addresses: []string{"s:26379"}, Master: "main", Username: "u", Password: "{env.GATE_TEST_SECRET}",
		SentinelUsername: "su", SentinelPassword: "sp", Database: "3", Prefix: "p:", Timeout: "2s",
	}
	cfg, _, err := r.settle()
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Addresses[0] != "s:26379" || cfg.Master != "main" || cfg.Username != "u" || cfg.Password != "s3cret" || cfg.SentinelUsername != "su" ||
		cfg.SentinelPassword != "sp" || cfg.Database != 3 || cfg.Prefix != "p:" || cfg.TLS != nil ||
		cfg.ReadTimeout != 2*time.Second || cfg.WriteTimeout != 2*time.Second || cfg.DialTimeout != 4*time.Second || cfg.Logger == nil {
		t.Errorf("%v", cfg)
	}
}

func TestAllMistakesOfRedisAreReportedAndNoSecret(t *testing.T) {
	t.Parallel()
	_, err := provisioned(t, `{
		"addresses": ["redis://:hunter2@redis:6379", "{env.GATE_TEST_NOT_SET}", "a:1"],
		"username": "gate", "password": "{env.GATE_TEST_NOT_SET}", "sentinel_password": "hunter2",
		"database": "x", "timeout": "1h", "prefix": "{",
		"tls": {"ca": ["/does/not/exist", "redis_test.go"], "certificate": "redis_test.go", "key": "redis_test.go", "server_name": "{env.GATE_TEST_NOT_SET}"}
	}`)
	if err == nil {
		t.Fatal("all this was taken")
	}
	for _, part := range []string{
		"and no URL", "redis address: unrecognized placeholder", "redis password: unrecognized placeholder", "redis sentinel_password is for Sentinels",
		`"x" is no number`, `"1h" is no time`, "redis prefix:", "tls ca: open /does/not/exist", "redis_test.go holds no certificate", "tls cert: tls:", "tls server_name:",
	} {
		if !strings.Contains(err.Error(), part) && !strings.Contains(err.Error(), strings.Replace(part, "unrecognized", "evaluated", 1)) {
			t.Errorf("nothing is said of %q", part)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a secret is told: %v", err)
	}
	if t.Failed() {
		t.Log(err)
	}
}

func TestFilesForTLSAreReadWhenCaddyStarts(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	pair := server.TLS.Certificates[0]
	key := filepath.Join(t.TempDir(), "key.pem")
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	ca := certificate(t, server)
	encrypted := RedisTLS{CA: []string{ca}, Certificate: ca, Key: key, ServerName: "redis.example.com"}
	cfg, first, err := encrypted.read()
	if err != nil || cfg.RootCAs == nil || len(cfg.Certificates) != 1 || cfg.ServerName != "redis.example.com" || cfg.InsecureSkipVerify {
		t.Fatalf("%v, %v", cfg, err)
	}
	text, err := os.ReadFile(ca) //nolint:gosec // written by this test
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca, append([]byte("# renewed\n"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, second, err := encrypted.read(); err != nil || string(first) == string(second) {
		t.Errorf("a certificate that was renewed is the old one (%v)", err)
	}
	if cfg, _, err := new(RedisTLS).read(); err != nil || cfg == nil || cfg.RootCAs != nil {
		t.Errorf("tls alone trusts %v (%v)", cfg, err)
	}
	for _, half := range []RedisTLS{{Certificate: ca}, {Key: key}} {
		if _, _, err := half.read(); err == nil {
			t.Errorf("half a pair was taken: %+v", half)
		}
	}
}

func TestEveryOptionOfRedisHasAGoldenFileAndAnExampleThatIsRight(t *testing.T) {
	t.Parallel()
	read, _ := golden(t, "testdata/caddyfile/redis_all_options.caddyfiletest")
	_, refused := golden(t, "testdata/caddyfile/wrong_redis.caddyfiletest")
	_, together := golden(t, "testdata/caddyfile/wrong_redis_together.caddyfiletest")
	encrypted := new(RedisTLS)
	for _, s := range append(new(Redis).settings(), encrypted.settings()...) {
		block, option, _ := strings.Cut(s.Name, " ")
		if !strings.Contains(read, "\t"+option+" ") {
			t.Errorf("no golden file reads %s", s.Name)
		}
		if !strings.Contains(refused+together, s.Name) {
			t.Errorf("no golden file refuses %s", s.Name)
		}
		lines := s.Example
		switch {
		case block == "tls":
			lines = "tls {\n" + lines + "\n}"
		case strings.HasSuffix(option, "username"):
			lines += "\n" + strings.TrimSuffix(option, "username") + "password x"
		}
		if strings.HasPrefix(option, "sentinel") {
			lines += "\nmaster main"
		}
		d := caddyfile.NewTestDispenser("redis {\naddress redis:6379\n" + lines + "\n}")
		if err := new(Redis).UnmarshalCaddyfile(d); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
}

func TestSessionsInRedisOutliveCaddy(t *testing.T) {
	server := redistest.Start(t, "requirepass hunter2")
	s := newSite(t)
	site := "SITE {\n\tauthentik AUTHENTIK {\n\t\tsessions redis {\n\t\t\taddress " + server.Address + "\n\t\t\tpassword hunter2\n\t\t}\n\t}\n\treverse_proxy APP\n}\n"
	s.load(site)
	b := s.browser()
	b.expect(b.follow(b.signIn("/", "ada")), http.StatusOK, `user "ada"`)
	if s.storageUsers() != 0 {
		t.Error("Caddy's storage is used all the same")
	}
	s.load(strings.Replace(site, "SITE {", "SITE {\n\theader X-Configuration second", 1))
	b.expect(b.get("/"), http.StatusOK, `user "ada"`)
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	pool.Range(func(key, _ any) bool {
		t.Errorf("%T is still there after Caddy has stopped", key)
		return true
	})
	s.load(site)
	b.expect(b.get("/"), http.StatusOK, `user "ada"`)
	server.Kill()
	eventually(t, "sessions cannot be read", func() bool { return b.get("/").StatusCode == http.StatusServiceUnavailable })
	b.expect(b.get("/"), http.StatusServiceUnavailable, "sessions-unavailable")
	server.Restart()
	eventually(t, "sessions can be read again", func() bool { return b.get("/").StatusCode == http.StatusOK })
}

func TestCaddyStartsWithoutRedisAndServesWhenItComes(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	s := newSite(t)
	s.load("SITE {\n\tauthentik AUTHENTIK {\n\t\tsessions redis {\n\t\t\taddress " + server.Address + "\n\t\t}\n\t}\n\treverse_proxy APP\n}\n")
	b := s.browser()
	b.expect(b.signIn("/", "ada"), http.StatusServiceUnavailable, "sessions-unavailable")
	if s.app.seen() != nil {
		t.Error("a request reached the application")
	}
	server.Restart()
	eventually(t, "Redis is reached", func() bool {
		end := s.browser().signIn("/", "ada")
		return end.StatusCode == http.StatusSeeOther
	})
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for begun := time.Now(); !is(); time.Sleep(100 * time.Millisecond) {
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("not in time: %s", what)
		}
	}
}
