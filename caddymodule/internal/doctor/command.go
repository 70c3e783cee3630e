package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/setup"
	admin "github.com/flowsidecar/caddy-authentik/internal/authentikadmin"
	"github.com/flowsidecar/caddy-authentik/internal/plain"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// passwordVariable is the environment variable for the test user's password.
const passwordVariable = "AUTHENTIK_TEST_PASSWORD" //nolint:gosec // the name of a variable, not a password

// A command is one run of "caddy authentik doctor".
type command struct {
	config, adapter, site   string
	tokenFile, passwordFile string
	user                    string
	json                    bool
	timeout                 time.Duration

	tools    Tools
	terminal *setup.Terminal
	out      io.Writer
}

// Command returns the command "caddy authentik doctor".
func Command(tools Tools) *cobra.Command {
	run := &command{tools: tools}
	c := &cobra.Command{
		Use:   "doctor [--config <file> [--adapter <name>]] [--site <host>] [--user <name>] [--json]",
		Short: "Examines a set-up, and says what is wrong and what to write",
		Long: `Examines a set-up from both sides: the configuration, the way to authentik, its
release, flow, application and provider, the running site, and the session store.
With --user it also signs in as that user, and says where that stops. With an API
token, in the environment variable AUTHENTIK_TOKEN or in --token-file, it sees more.

The output contains no password, token, secret or cookie; it does contain the names
of hosts, applications and users.

The exit code is 0 if nothing is wrong, 2 if something fails, 3 if there are only
warnings, and 1 if nothing could be examined.`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVarP(&run.config, "config", "c", "", "The configuration file; the Caddyfile here if left out")
	f.StringVarP(&run.adapter, "adapter", "a", "", "The adapter for that file")
	f.StringVar(&run.site, "site", "", "Examine only the gates before this host, or this origin such as http://localhost:8080")
	f.StringVarP(&run.user, "user", "u", "", "Sign in as this user; the password is asked for")
	f.StringVar(&run.passwordFile, "password-file", "", "A file with that user's password, - for the standard input; the variable AUTHENTIK_TEST_PASSWORD if left out")
	f.StringVar(&run.tokenFile, "token-file", "", "A file with an API token of authentik, - for the standard input; the variable AUTHENTIK_TOKEN if left out")
	f.BoolVar(&run.json, "json", false, "Write JSON, for programs")
	f.DurationVar(&run.timeout, "timeout", 20*time.Second, "How long each check may take")
	c.RunE = func(c *cobra.Command, args []string) error {
		c.SilenceUsage = true
		ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		run.out = c.OutOrStdout()
		run.terminal = &setup.Terminal{In: c.InOrStdin(), Out: c.ErrOrStderr(), Environment: os.Getenv}
		status, err := run.run(ctx)
		if err != nil {
			return plain.Error{Err: err}
		}
		if status == exitFine {
			return nil
		}
		c.SilenceErrors = true
		return caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) { return status, nil })(c, args)
	}
	return c
}

func (c *command) run(ctx context.Context) (status int, err error) {
	if c.timeout <= 0 {
		return 0, errors.New("--timeout: write a duration, such as 20s")
	}
	e := &Examination{Tools: c.tools, Timeout: c.timeout, User: c.user, Now: time.Now, Progress: c.progress}
	if c.config != "" && c.config != "-" {
		if _, err := os.Stat(c.config); err != nil {
			return 0, fmt.Errorf("--config: %w", err)
		}
	}
	if err := c.tools.Quiet(); err != nil {
		return 0, err
	}
	var all []Finding
	e.Config, _, _, err = caddycmd.LoadConfig(c.config, c.adapter)
	switch {
	case err != nil:
		all = []Finding{found("config-invalid", hideSecrets(err.Error(), nil), "correct the configuration; caddy adapt says the same")}
	case len(e.Config) == 0:
		return 0, errors.New("there is no configuration: name its file with --config")
	default:
		if all, err = c.examine(ctx, e); err != nil {
			return 0, err
		}
	}
	r := newReport(all)
	if c.json {
		return r.exit(), r.json(c.out)
	}
	return r.exit(), r.text(c.out)
}

// examine reads the configuration and runs the checks.
func (c *command) examine(ctx context.Context, e *Examination) (_ []Finding, err error) {
	if e.Setup, err = Read(e.Config); err != nil {
		return nil, err
	}
	if c.site != "" {
		e.Setup.only(c.site)
	}
	if err := c.credentials(ctx, e); err != nil {
		return nil, err
	}
	return e.Run(ctx), nil
}

// only returns the gates of a host. If the host is an origin, it also becomes
// the address of gates whose own address is not known.
func (s *Setup) only(site string) {
	name, origin := site, ""
	if u, err := url.Parse(site); err == nil && u.Host != "" {
		name, origin = u.Hostname(), u.Scheme+"://"+u.Host
	}
	for i := range s.Gates {
		if g := &s.Gates[i]; origin != "" && len(g.Hosts) == 0 && g.Site == "" {
			g.Origin = origin
		}
	}
	s.Gates = slices.DeleteFunc(s.Gates, func(g Gate) bool { return !g.at(name) })
}

// at reports whether a gate guards a host.
func (g Gate) at(name string) bool {
	return g.label() == name || hostOf(g.Origin) == name || slices.ContainsFunc(g.Hosts, func(h string) bool { return rules.HostMatches(h, name) })
}

// hide notes a secret of the command. One that is a part of the user's name, as in
// the demonstration, is shown with the name: a gap there would give it away.
func (c *command) hide(e *Examination, secret string) {
	if !strings.Contains(c.user, secret) {
		e.hide(secret)
	}
}

// credentials reads the token and the password, if there are any.
func (c *command) credentials(ctx context.Context, e *Examination) error {
	if c.user != "" {
		password, err := c.terminal.Secret(ctx, "password of "+c.user, c.passwordFile, passwordVariable)
		if err != nil {
			return err
		}
		e.Password = password
		c.hide(e, password)
	}
	if c.tokenFile == "" && os.Getenv(setup.TokenVariable) == "" || len(e.Setup.Gates) == 0 {
		return nil
	}
	token, err := c.terminal.Token(ctx, c.tokenFile)
	if err != nil {
		return err
	}
	c.hide(e, string(token))
	// The token belongs to the first site's authentik. Usually all sites have
	// the same one.
	e.AdminURL = e.Setup.Gates[0].URL
	at, err := url.Parse(e.Setup.Gates[0].URL)
	if err != nil {
		return fmt.Errorf("url: %w", err)
	}
	// If the connection cannot be checked as configured, the token is not sent:
	// a gate with a mistake may have lost its pin.
	transport, err := c.tools.Transport(e.Setup.Gates[0].Raw)
	if err != nil {
		e.Withheld = err
		return nil
	}
	e.Admin = &admin.Client{URL: at, Token: token, HTTP: &http.Client{
		Transport: publicHost{transport, e.Setup.Gates[0]}, Timeout: c.timeout, CheckRedirect: admin.NoRedirects,
	}}
	return nil
}

// publicHost tells authentik its public name, as the gate does.
type publicHost struct {
	http.RoundTripper
	gate Gate
}

// RoundTrip implements http.RoundTripper.
func (t publicHost) RoundTrip(req *http.Request) (*http.Response, error) {
	if u, err := url.Parse(t.gate.public()); err == nil && u.Host != "" {
		req = req.Clone(req.Context())
		req.Host = u.Host
		req.Header.Set("X-Forwarded-Proto", u.Scheme)
	}
	return t.RoundTripper.RoundTrip(req)
}

// progress says which check is done, on a terminal.
func (c *command) progress(site, check string, done, all int) {
	f, ok := c.terminal.Out.(*os.File)
	if !ok || c.json || !term.IsTerminal(int(f.Fd())) { //nolint:gosec // descriptors are small
		return
	}
	fmt.Fprintf(f, "\r\033[K%s: %s (%d of %d)", strings.TrimSpace(site), check, done, all)
	if done == all {
		fmt.Fprint(f, "\r\033[K")
	}
}
