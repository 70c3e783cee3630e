package readme

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
)

func TestTheExamplesCaddyfilesAreOnesThatCaddyReads(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"examples/replicas/Caddyfile", "examples/replicas/front.Caddyfile"} {
		_, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(read(t, file)), nil)
		if err != nil || len(warnings) > 0 {
			t.Errorf("%s: %v %v", file, err, warnings)
		}
	}
}

// A file that a compose file names is there, or its head says how to make it.
func TestTheExamplesFilesAreThere(t *testing.T) {
	t.Parallel()
	compose := read(t, "examples/replicas/compose.yaml")
	for _, name := range found(t, `\./([A-Za-z_.]+)`, compose) {
		if strings.Contains(compose, ">"+name+"\n") {
			continue
		}
		if _, err := os.Stat("../../examples/replicas/" + name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range found(t, `\{file\./run/secrets/([a-z_]+)\}`, read(t, "examples/replicas/Caddyfile")) {
		if !regexp.MustCompile(`secrets: \[[^\]]*\b` + name + `\b`).MatchString(compose) {
			t.Errorf("the Caddys are not given the secret %s", name)
		}
	}
}
