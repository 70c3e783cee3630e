//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package directory

import (
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/flowsidecar/caddy-authentik/caddymodule"
)

func TestModule_SiteCanNameIt(t *testing.T) {
	t.Parallel()
	for arguments, want := range map[string]bool{" /srv/sessions": true, "": false, " /srv/a /srv/b": false, " /srv/sessions {\n\t\t\tx y\n\t\t}": false} {
		text := []byte("http://:8080 {\n\tauthentik http://localhost:9000 {\n\t\tsessions directory" + arguments + "\n\t}\n}\n")
		if _, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(text, nil); (err == nil) != want {
			t.Errorf("sessions directory%s: got %v, want it accepted: %t", arguments, err, want)
		}
	}
}

func TestModule_StoreOutlivesAReload(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	before, after, other := &Module{Path: dir}, &Module{Path: dir + "/."}, &Module{Path: elsewhere}
	all := []*Module{before, after, other}
	for _, m := range all {
		if err := m.Provision(caddy.Context{}); err != nil {
			t.Fatal(err)
		}
	}
	if before.Store() != after.Store() || before.Store() == other.Store() {
		t.Error("got the wrong stores, want one for each directory")
	}
	for range 2 { // as Caddy does after a Provision that has failed
		for _, m := range all {
			if err := m.Cleanup(); err != nil {
				t.Error(err)
			}
		}
	}
	stores.Range(func(key, _ any) bool {
		t.Errorf("got %v in the pool, want nothing", key)
		return true
	})
}

func TestModule_PathIsRequired(t *testing.T) {
	t.Parallel()
	if err := new(Module).Provision(caddy.Context{}); err == nil {
		t.Error("got no error, want one")
	}
}
