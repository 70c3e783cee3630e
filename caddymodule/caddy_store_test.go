package caddymodule

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

func init() {
	caddy.RegisterModule(testStore{})
	caddy.RegisterModule(noStore{})
}

// testStore is what a third party could write. It fails at everything where
// Broken is set.
type testStore struct {
	Broken bool `json:"broken,omitempty"`
	kept   *proxy.Memory
}

func (testStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: storesNamespace + ".test_store", New: func() caddy.Module { return new(testStore) }}
}

func (s *testStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	for d.NextBlock(0) {
		if d.Val() != "broken" {
			return d.Errf("unrecognized option %s", d.Val())
		}
		s.Broken = true
	}
	return nil
}

func (s *testStore) Provision(caddy.Context) error {
	s.kept = proxy.NewMemory()
	return nil
}

func (s *testStore) Cleanup() error { return s.kept.Close() }

func (s *testStore) Store() proxy.Store { return failing{s.kept, s.Broken} }

// failing is a store that fails.
type failing struct {
	*proxy.Memory
	broken bool
}

var errBroken = errors.New("the database is on fire at 10.0.0.7")

func (f failing) Load(ctx context.Context, name string) (proxy.Record, bool, error) {
	if f.broken {
		return proxy.Record{}, false, errBroken
	}
	return f.Memory.Load(ctx, name)
}

func (f failing) Save(ctx context.Context, name string, r proxy.Record) (proxy.Version, error) {
	if f.broken {
		return "", errBroken
	}
	return f.Memory.Save(ctx, name, r)
}

// noStore is in the namespace and does not fit.
type noStore struct{}

func (noStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: storesNamespace + ".test_misfit", New: func() caddy.Module { return new(noStore) }}
}

func (*noStore) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }

func TestStore_OfAThirdPartyIsConfiguredLikeOurs(t *testing.T) {
	s := newSite(t)
	s.load("SITE {\n\tauthentik AUTHENTIK {\n\t\tsessions test_store\n\t}\n\treverse_proxy APP\n}\n")
	b := s.browser()
	b.expect(b.follow(b.signIn("/", "ada")), http.StatusOK, `user "ada"`)
	if s.storageUsers() != 0 {
		t.Error("got a store on Caddy's storage, want none")
	}
	err := s.try("", "SITE {\n\tauthentik AUTHENTIK {\n\t\tflow \"two words\"\n\t\tsessions test_store {\n\t\t\tbrken\n\t\t}\n\t}\n}\n")
	if err == nil || !strings.Contains(err.Error(), "unrecognized option brken") || !strings.Contains(err.Error(), "flow: ") {
		t.Errorf("got error %v, want both mistakes", err)
	}
	err = s.try("", "SITE {\n\tauthentik AUTHENTIK {\n\t\tsessions test_misfit\n\t}\n}\n")
	if err == nil || !strings.Contains(err.Error(), "not a session store") {
		t.Errorf("got error %v, want the module refused", err)
	}
}

func TestStore_ThatFailsAdmitsNoVisitor(t *testing.T) {
	s := newSite(t)
	s.load("SITE {\n\tauthentik AUTHENTIK {\n\t\tsessions test_store {\n\t\t\tbroken\n\t\t}\n\t}\n\treverse_proxy APP\n\thandle_errors {\n\t\treverse_proxy APP\n\t}\n}\n")
	b := s.browser()
	end := b.expect(b.signIn("/", "ada"), http.StatusServiceUnavailable, "sessions-unavailable")
	if strings.Contains(end.body, "10.0.0.7") {
		t.Error("got the cause in the visitor's response, want it only in the log")
	}
	b.get("/")
	if s.app.seen() != nil {
		t.Error("got a request at the application, want none")
	}
}

func TestPlaceholders_AreSetForHandlersAfterTheGate(t *testing.T) {
	s := newSite(t)
	s.load(`SITE {
	authentik AUTHENTIK {
		headers {
			X-Groups groups
			X-Said "{http.auth.user.name}, {http.request.uri}"
		}
	}
	request_header X-Placeholder "{http.auth.user.id} {http.auth.user.email} {http.auth.user.groups}"
	reverse_proxy APP
}
`)
	b := s.browser()
	b.get("/")
	b.follow(b.signIn("/page?x=1", "ada"))
	seen := s.app.seen()
	for name, want := range map[string]string{
		"X-Groups": "staff,x%2Cadmins", "X-Said": "Ada Lovelace, /page?x=1", "X-Placeholder": "ada ada@example.com staff,x%2Cadmins",
		"Remote-User": "",
	} {
		if got := seen.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestMetrics_AreAmongThoseOfCaddy(t *testing.T) {
	s := newSite(t)
	s.load("SITE {\n\tmetrics /metrics\n\t@closed not path /metrics\n\tauthentik @closed AUTHENTIK\n\treverse_proxy APP\n}\n" +
		"http://app.example.com:PORT, http://*.example.com:PORT {\n\tbind 127.0.0.1\n\tauthentik AUTHENTIK\n\treverse_proxy APP\n}\n")
	b := s.browser()
	b.follow(b.signIn("/", "ada"))
	_, port, _ := net.SplitHostPort(s.address)
	b.get("http://wild.example.com:" + port + "/")
	text := b.get("/metrics").body
	for _, line := range []string{
		`caddy_authentik_decisions_total{decision="pass",site="*"} `, `caddy_authentik_decisions_total{decision="sign-in",site="app.example.com"} `, `caddy_authentik_steps_total{component="ak-stage-password",outcome="`,
		`caddy_authentik_signins_total{`, //nolint:misspell // the documented name
		`caddy_authentik_request_seconds_count{endpoint="executor"}`, `caddy_authentik_store_seconds_count{operation="save",store="storage"}`,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("got no line %s, want it", line)
		}
	}
	for _, secret := range []string{"ada", s.address, "wild.example.com"} {
		if strings.Contains(text, `="`+secret+`"`) {
			t.Errorf("got the label %s, want it nowhere", secret)
		}
	}
}

func TestStore_UnknownIsRefusedWithThoseThatExist(t *testing.T) {
	t.Parallel()
	got := adapt(t, "app.example.com {\n\tauthentik https://auth.example.com {\n\t\tsessions postgres\n\t}\n}\n")
	want := "error: parsing caddyfile tokens for 'authentik': unrecognized store \"postgres\"; there are: memory, redis, storage, test_misfit, test_store, at Caddyfile:3\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
