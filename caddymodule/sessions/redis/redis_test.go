//go:build !noredis

package redis

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

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/moduletest"
)

// provisioned returns a module that was provisioned with settings in JSON. It is
// cleaned up when the test ends.
func provisioned(t *testing.T, settings string) (*Module, error) {
	t.Helper()
	r := new(Module)
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

func TestModule_GatesWithTheSameSettingsShareOneStore(t *testing.T) {
	t.Setenv("GATE_TEST_REDIS", "127.0.0.1:1")
	const settings = `{"addresses": ["127.0.0.1:1"], "prefix": "a:", "password": "x"}`
	here, err := provisioned(t, settings)
	if err != nil {
		t.Fatal(err)
	}
	for _, same := range []string{settings, strings.Replace(settings, "127.0.0.1:1", "{env.GATE_TEST_REDIS}", 1)} {
		if again, err := provisioned(t, same); err != nil || again.Store() != here.Store() {
			t.Errorf("%s: got another store (%v), want the same", same, err)
		}
	}
	for _, other := range []string{
		`{"addresses": ["127.0.0.1:2"], "prefix": "a:", "password": "x"}`, `{"addresses": ["127.0.0.1:1"], "prefix": "b:", "password": "x"}`,
		`{"addresses": ["127.0.0.1:1"], "prefix": "a:", "password": "y"}`, `{"addresses": ["127.0.0.1:1"], "prefix": "a:", "password": "x", "tls": {}}`,
		`{"addresses": ["127.0.0.1:1"], "prefix": "a:", "password": "x", "database": "1"}`,
	} {
		if another, err := provisioned(t, other); err != nil || another.Store() == here.Store() {
			t.Errorf("%s: got the same store (%v), want another", other, err)
		}
	}
	if err := here.Cleanup(); err != nil {
		t.Fatal(err)
	}
	if err := here.Cleanup(); err != nil {
		t.Errorf("a second Cleanup: got %v, want no error", err)
	}
}

func TestModule_SettingsBecomeThoseOfTheStore(t *testing.T) {
	t.Setenv("GATE_TEST_SECRET", "s3cret")
	r := Module{
		Addresses: []string{"s:26379"}, Master: "main", Username: "u", Password: "{env.GATE_TEST_SECRET}",
		SentinelUsername: "su", SentinelPassword: "sp", Database: "3", Prefix: "p:", Timeout: "2s",
	}
	cfg, _, err := r.expand()
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Addresses[0] != "s:26379" || cfg.Master != "main" || cfg.Username != "u" || cfg.Password != "s3cret" || cfg.SentinelUsername != "su" ||
		cfg.SentinelPassword != "sp" || cfg.Database != 3 || cfg.Prefix != "p:" || cfg.TLS != nil ||
		cfg.ReadTimeout != 2*time.Second || cfg.WriteTimeout != 2*time.Second || cfg.DialTimeout != 4*time.Second || cfg.Logger == nil {
		t.Errorf("got %v, want the settings", cfg)
	}
}

func TestModule_AllMistakesAreReportedWithoutSecrets(t *testing.T) {
	t.Parallel()
	_, err := provisioned(t, `{
		"addresses": ["redis://:hunter2@redis:6379", "{env.GATE_TEST_NOT_SET}", "a:1"],
		"username": "gate", "password": "{env.GATE_TEST_NOT_SET}", "sentinel_password": "hunter2",
		"database": "x", "timeout": "1h", "prefix": "{",
		"tls": {"ca": ["/does/not/exist", "redis_test.go"], "certificate": "redis_test.go", "key": "redis_test.go", "server_name": "{env.GATE_TEST_NOT_SET}"}
	}`)
	if err == nil {
		t.Fatal("got no error, want all mistakes")
	}
	for _, part := range []string{
		"this is a URL", "redis address: unrecognized placeholder", "redis password: unrecognized placeholder", "redis sentinel_password is for Sentinels",
		`"x" is not the number`, `"1h" is not a duration`, "redis prefix:", "tls ca: open /does/not/exist", "redis_test.go holds no certificate", "tls cert: tls:", "tls server_name:",
	} {
		if !strings.Contains(err.Error(), part) && !strings.Contains(err.Error(), strings.Replace(part, "unrecognized", "evaluated", 1)) {
			t.Errorf("got no %q in the error", part)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got a secret in the error: %v", err)
	}
	if t.Failed() {
		t.Log(err)
	}
}

func TestTLS_FilesAreReadWhenCaddyStarts(t *testing.T) {
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
	ca := moduletest.Certificate(t, server)
	encrypted := TLS{CA: []string{ca}, Certificate: ca, Key: key, ServerName: "redis.example.com"}
	cfg, first, err := encrypted.read()
	if err != nil || cfg.RootCAs == nil || len(cfg.Certificates) != 1 || cfg.ServerName != "redis.example.com" || cfg.InsecureSkipVerify {
		t.Fatalf("got %+v, %v, want the files' contents", cfg, err)
	}
	text, err := os.ReadFile(ca) //nolint:gosec // written by this test
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca, append([]byte("# renewed\n"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, second, err := encrypted.read(); err != nil || string(first) == string(second) {
		t.Errorf("got the same hash (%v), want another after a renewal", err)
	}
	if cfg, _, err := new(TLS).read(); err != nil || cfg == nil || cfg.RootCAs != nil {
		t.Errorf("a bare tls: got %+v (%v), want the authorities of the system", cfg, err)
	}
	for _, half := range []TLS{{Certificate: ca}, {Key: key}} {
		if _, _, err := half.read(); err == nil {
			t.Errorf("%+v: got no error, want one", half)
		}
	}
}

func TestModule_EveryOptionHasGoldenFilesAndAValidExample(t *testing.T) {
	t.Parallel()
	read, _ := golden(t, "../../testdata/caddyfile/redis_all_options.caddyfiletest")
	_, refused := golden(t, "../../testdata/caddyfile/wrong_redis.caddyfiletest")
	_, together := golden(t, "../../testdata/caddyfile/wrong_redis_together.caddyfiletest")
	encrypted := new(TLS)
	for _, s := range append(new(Module).settings(), encrypted.settings()...) {
		block, option, _ := strings.Cut(s.Name, " ")
		if !strings.Contains(read, "\t"+option+" ") {
			t.Errorf("got no golden file that reads %s, want one", s.Name)
		}
		if !strings.Contains(refused+together, s.Name) {
			t.Errorf("got no golden file that refuses %s, want one", s.Name)
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
		if err := new(Module).UnmarshalCaddyfile(d); err != nil {
			t.Errorf("%s: got error %v, want none", s.Name, err)
		}
	}
}

// golden returns the two parts of a golden file of caddymodule: a Caddyfile,
// and its JSON or its mistakes.
func golden(t *testing.T, name string) (input, want string) {
	t.Helper()
	text, err := os.ReadFile(name) //nolint:gosec // a name in this file
	if err != nil {
		t.Fatal(err)
	}
	input, want, found := strings.Cut(string(text), "\n----------\n")
	if !found {
		t.Fatalf("%s: got one part, want two", name)
	}
	return input, want
}
