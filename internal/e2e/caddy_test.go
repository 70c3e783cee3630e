package e2e

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/processtest"
)

// patience is how long anything here may take.
const patience = 60 * time.Second

// workshop is where the program under test is built, once for all tests.
var workshop = struct {
	sync.Once
	dir, program string
	err          error
}{}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := os.RemoveAll(workshop.dir); err != nil && code == 0 {
		code = 1
	}
	os.Exit(code)
}

// program builds Caddy with the gate in it.
func program(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and starts Caddy")
	}
	workshop.Do(func() {
		if workshop.dir, workshop.err = os.MkdirTemp("", "e2e-"); workshop.err != nil {
			return
		}
		workshop.program = filepath.Join(workshop.dir, "caddy")
		// The build outlives the test that asks for it first: others wait for it.
		out, err := exec.CommandContext(context.Background(), "go", "build", "-o", workshop.program, "../../cmd/caddy").CombinedOutput()
		if err != nil {
			workshop.err = fmt.Errorf("building Caddy: %w\n%s", err, out)
		}
	})
	if workshop.err != nil {
		t.Fatal(workshop.err)
	}
	return workshop.program
}

// A caddy is one Caddy with its directory, over all its starts.
type caddy struct {
	testing.TB
	program, dir, admin string
	log                 *processtest.Log
	process             *processtest.Process
	config              string // the Caddyfile
	env                 []string
	address             string // of the site
}

// config is a Caddyfile with the gate in one line, unless it has options. The site is HTTPS or plain HTTP.
const config = `{
	admin %[1]s
	debug
	skip_install_trust
	auto_https disable_redirects
	persist_config off
	storage file_system %[4]q
	servers {
		protocols h1 h2
	}
}

%[2]s {
	bind 127.0.0.1
	%[3]s
}

%[5]s
`

// newCaddy starts Caddy with the site of a setup, and ends it with the test.
func newCaddy(t testing.TB, u setup, authentik, application string) *caddy {
	t.Helper()
	port := processtest.Port(t, processtest.Free(t))
	c := &caddy{
		TB: t, program: program(t), dir: t.TempDir(), admin: processtest.Free(t), log: new(processtest.Log),
		address: u.scheme + "://localhost:" + port, env: u.env,
	}
	if u.scheme == "http" {
		c.address = strings.Replace(c.address, "localhost", "127.0.0.1", 1)
	}
	c.sweep()
	behind := strings.TrimPrefix(application, "http://")
	gate := authentik
	if len(u.gate) > 0 {
		gate += " {\n\t\t" + strings.Join(u.gate, "\n\t\t") + "\n\t}"
	}
	routes := u.routes
	if routes == "" {
		routes = "authentik " + gate + "\n\treverse_proxy " + behind
	}
	c.config = fmt.Sprintf(config, c.admin, c.address, routes, filepath.Join(c.dir, "storage"), u.more)
	c.config = strings.NewReplacer("AUTHENTIK", authentik, "APPLICATION", behind, ":PORT", ":"+port).Replace(c.config)
	t.Cleanup(func() {
		if c.process != nil {
			c.kill()
		}
		if t.Failed() {
			t.Logf("Caddy has said:\n%s", c.said())
		}
	})
	c.start()
	return c
}

// sweep leaves word that Caddy's storage was swept just now. Caddy would do so at its start, and a
// certificate that is being made meanwhile can lose its directory, and a minute, to that.
func (c *caddy) sweep() {
	c.Helper()
	word := fmt.Sprintf(`{"tls": {"timestamp": %q}}`, time.Now().Format(time.RFC3339))
	storage := filepath.Join(c.dir, "storage")
	if err := errors.Join(os.MkdirAll(storage, 0o700), os.WriteFile(filepath.Join(storage, "last_clean.json"), []byte(word), 0o600)); err != nil {
		c.Fatal(err)
	}
}

// said is Caddy's log without what is there for debugging.
func (c *caddy) said() string {
	lines := strings.Split(c.log.String(), "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, `{"level":"debug"`) })
	return strings.Join(lines, "\n")
}

func (c *caddy) file() string { return filepath.Join(c.dir, "Caddyfile") }

// command is a command of Caddy, in an environment that leaves the machine's alone.
func (c *caddy) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.program, args...) //nolint:gosec // the program that has just been built
	cmd.Env = append(os.Environ(), "HOME="+c.dir, "XDG_DATA_HOME="+c.dir, "XDG_CONFIG_HOME="+c.dir)
	cmd.Env = append(cmd.Env, c.env...)
	cmd.Stdout, cmd.Stderr = c.log, c.log
	return cmd
}

// start starts Caddy and waits until the gate answers.
func (c *caddy) start() {
	c.Helper()
	c.write()
	c.process = processtest.Start(c, c.command(context.Background(), "run", "--config", c.file(), "--adapter", "caddyfile"))
	c.await()
}

func (c *caddy) write() {
	c.Helper()
	if err := os.WriteFile(c.file(), []byte(c.config), 0o600); err != nil {
		c.Fatal(err)
	}
}

func (c *caddy) await() {
	c.Helper()
	client := &http.Client{Timeout: time.Second, Transport: insecure()}
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(20 * time.Millisecond) {
		select {
		case <-c.process.Ended():
			c.Fatalf("Caddy has ended:\n%s", c.said())
		default:
		}
		req, err := http.NewRequestWithContext(c.Context(), http.MethodGet, c.address+"/.authentik/session", nil)
		if err != nil {
			c.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			continue
		}
		if err := res.Body.Close(); err == nil && res.StatusCode == http.StatusUnauthorized {
			return
		}
	}
	c.Fatalf("the gate does not answer:\n%s", c.said())
}

// kill ends Caddy without giving it a chance to put anything in order.
func (c *caddy) kill() {
	c.process.Kill()
}

// reload has the running Caddy take another configuration.
func (c *caddy) reload(site string) {
	c.Helper()
	c.config = strings.Replace(c.config, "\tbind 127.0.0.1\n", "\tbind 127.0.0.1\n"+site, 1)
	c.write()
	ctx, cancel := context.WithTimeout(c.Context(), patience)
	defer cancel()
	if err := c.command(ctx, "reload", "--config", c.file(), "--adapter", "caddyfile", "--address", c.admin).Run(); err != nil {
		c.Fatalf("reloading: %v\n%s", err, c.said())
	}
}

// insecure takes the certificates that Caddy makes itself.
func insecure() *http.Transport {
	return &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the certificate authority is as old as the test
		DisableKeepAlives: true,
	}
}
