package testsite

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/processtest"
)

// A Caddy is a Caddy with its directory, over all its starts.
type Caddy struct {
	testing.TB
	Address string           // of the site
	Admin   string           // host:port of the admin endpoint
	Journal *processtest.Log // what Caddy prints

	program, dir, storage string
	port                  string // of Address
	config                string // the Caddyfile
	env                   []string
	process               *processtest.Process
}

// caddyfile is a Caddyfile with one site.
const caddyfile = `{
	admin %[1]s
	debug
	skip_install_trust
	auto_https disable_redirects
	persist_config off
	storage file_system %[4]q
	servers {
		protocols h1 h2
		%[6]s
	}
}

%[2]s {
	bind 127.0.0.1
	%[3]s
}

%[5]s
`

// newCaddy starts Caddy with the site of a setup, and ends it with the test.
// Certificates and sessions are kept in the directory storage.
func newCaddy(t testing.TB, u Setup, storage, authentik, application string) *Caddy {
	t.Helper()
	port := processtest.Port(t, processtest.Free(t))
	c := &Caddy{
		TB: t, program: Program(t), dir: t.TempDir(), storage: storage, Admin: processtest.Free(t), Journal: new(processtest.Log),
		port: port, Address: u.Scheme + "://localhost:" + port, env: u.Env,
	}
	if u.Scheme == "http" {
		c.Address = strings.Replace(c.Address, "localhost", "127.0.0.1", 1)
	}
	c.markClean()
	c.config = fmt.Sprintf(caddyfile, c.Admin, c.Address, u.routes(), c.storage, u.More, u.Servers)
	c.config = strings.NewReplacer(
		"AUTHENTIK", authentik, "APPLICATION", strings.TrimPrefix(application, "http://"), ":PORT", ":"+port,
	).Replace(c.config)
	if u.Protocols != "" {
		c.config = strings.Replace(c.config, "protocols h1 h2\n", "protocols "+u.Protocols+"\n", 1)
	}
	t.Cleanup(func() {
		if c.process != nil {
			c.Kill()
		}
		if t.Failed() {
			t.Logf("Caddy's log:\n%s", c.Said())
		}
	})
	c.Start()
	return c
}

func (c *Caddy) file() string { return filepath.Join(c.dir, "Caddyfile") }

// markClean tells Caddy that its storage was cleaned a moment ago. It would be
// cleaned at the start, and a certificate that is being made meanwhile can lose
// its directory, and a minute, to that.
func (c *Caddy) markClean() {
	c.Helper()
	mark := fmt.Sprintf(`{"tls": {"timestamp": %q}}`, time.Now().Format(time.RFC3339))
	err := os.MkdirAll(c.storage, 0o700)
	if err = errors.Join(err, os.WriteFile(filepath.Join(c.storage, "last_clean.json"), []byte(mark), 0o600)); err != nil {
		c.Fatal(err)
	}
}

// Said is Caddy's log without lines for debugging.
func (c *Caddy) Said() string {
	lines := strings.Split(c.Journal.String(), "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, `{"level":"debug"`) })
	return strings.Join(lines, "\n")
}

// Command is a command of Caddy, which sees nothing of the machine's own Caddy.
func (c *Caddy) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.program, args...) //nolint:gosec // the program that has been built
	cmd.Env = append(os.Environ(), "HOME="+c.dir, "XDG_DATA_HOME="+c.dir, "XDG_CONFIG_HOME="+c.dir)
	cmd.Env = append(cmd.Env, c.env...)
	cmd.Stdout, cmd.Stderr = c.Journal, c.Journal
	return cmd
}

// Run runs a command of Caddy to its end.
func (c *Caddy) Run(args ...string) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), Timeout)
	defer cancel()
	if err := c.Command(ctx, args...).Run(); err != nil {
		c.Fatalf("caddy %s: %v\n%s", strings.Join(args, " "), err, c.Said())
	}
}

// Start starts Caddy, and waits until the gate answers.
func (c *Caddy) Start() {
	c.Helper()
	c.write()
	c.process = processtest.Start(c, c.Command(context.Background(), "run", "--config", c.file(), "--adapter", "caddyfile"))
	c.await()
}

func (c *Caddy) write() {
	c.Helper()
	if err := os.WriteFile(c.file(), []byte(c.config), 0o600); err != nil {
		c.Fatal(err)
	}
}

// await waits until the gate answers. An answer may take its time, but a
// connection that Caddy's listener took before its handlers were there must not
// hold the test up.
func (c *Caddy) await() {
	c.Helper()
	client := &http.Client{Timeout: 5 * time.Second, Transport: Insecure()}
	EventuallyOr(c, func() bool {
		select {
		case <-c.process.Ended():
			c.Fatalf("Caddy has ended:\n%s", c.Said())
		default:
		}
		req, err := http.NewRequestWithContext(c.Context(), http.MethodGet, c.Address+"/.authentik/session", nil)
		if err != nil {
			c.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			return false
		}
		return res.Body.Close() == nil && res.StatusCode == http.StatusUnauthorized
	}, func() string { return "the gate does not answer:\n" + c.Said() })
}

// Kill ends Caddy without giving it a chance to put anything in order.
func (c *Caddy) Kill() { c.process.Kill() }

// Reload has the running Caddy load its configuration with one more line in its
// site.
func (c *Caddy) Reload(line string) {
	c.Helper()
	c.config = strings.Replace(c.config, "\tbind 127.0.0.1\n", "\tbind 127.0.0.1\n\t"+line+"\n", 1)
	c.write()
	c.Run("reload", "--config", c.file(), "--adapter", "caddyfile", "--address", c.Admin)
	if err := processtest.Settled(c.port); err != nil {
		c.Fatal(err)
	}
}
