package store

import (
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/flowsidecar/caddy-authentik/caddymodule"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/store/storetest"
)

func TestItKeepsToTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) proxy.Store {
		s := &store{memory: proxy.NewMemory()}
		t.Cleanup(func() { _ = s.Destruct() })
		return s
	})
}

func TestASiteCanNameIt(t *testing.T) {
	t.Parallel()
	for name, taken := range map[string]bool{" upper": true, "": false, " upper lower": false} {
		text := []byte("http://:8080 {\n\tauthentik http://localhost:9000 {\n\t\tsessions shelf" + name + "\n\t}\n}\n")
		if _, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(text, nil); (err == nil) != taken {
			t.Errorf("sessions shelf%s: %v", name, err)
		}
	}
}

func TestAShelfOutlivesAReload(t *testing.T) {
	t.Parallel()
	before, after, other := &Shelf{Name: "upper"}, &Shelf{Name: "upper"}, &Shelf{Name: "lower"}
	for _, s := range []*Shelf{before, after, other} {
		if err := s.Provision(caddy.Context{}); err != nil {
			t.Fatal(err)
		}
	}
	if before.Store() != after.Store() || before.Store() == other.Store() {
		t.Error("shelves are mixed up")
	}
	for range 2 { // also after a Provision that has failed
		for _, s := range []*Shelf{before, after, other} {
			if err := s.Cleanup(); err != nil {
				t.Error(err)
			}
		}
	}
	shelves.Range(func(key, _ any) bool {
		t.Errorf("%v is left", key)
		return true
	})
}
