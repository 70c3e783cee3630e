package shared

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/logging" // the writer "file"
)

func TestLog_FollowsCaddyOverAReload(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Caddy")
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
	log, dir := Log(), t.TempDir()
	for _, name := range []string{"first", "second"} {
		file := filepath.Join(dir, name)
		config := fmt.Sprintf(`{"admin": {"disabled": true, "config": {"persist": false}},
			"logging": {"logs": {"default": {"writer": {"output": "file", "filename": %q}}}}}`, file)
		if err := caddy.Load([]byte(config), true); err != nil {
			t.Fatal(err)
		}
		log.With("with", name+"-with").WithGroup("group").Warn("said in the "+name, "key", name+"-value")
		log.Warn("said in the "+name+" again", "key", name+"-value")
		text, err := os.ReadFile(file) //nolint:gosec // in a directory of this test
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"said in the " + name, name + "-with", name + "-value", `"logger":"` + Stores + `"`} {
			if !strings.Contains(string(text), want) {
				t.Errorf("got no %q, want it in %s", want, text)
			}
		}
	}
}
