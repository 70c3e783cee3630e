package setup

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	admin "github.com/flowsidecar/caddy-authentik/internal/authentikadmin"
	"github.com/flowsidecar/caddy-authentik/internal/plain"
)

// Transport makes connections to authentik that trust these PEM files in
// addition to the system's authorities.
type Transport func(trust []string) (http.RoundTripper, error)

// requestTimeout is the timeout for one request to authentik.
const requestTimeout = 30 * time.Second

// A command is one run of "caddy authentik setup".
type command struct {
	Wanted
	tokenFile                        string
	trust                            []string
	dryRun, yes, remove, fromOutpost bool

	transport Transport
	terminal  *Terminal
	out       io.Writer // only the lines for the Caddyfile
}

// Command returns the command "caddy authentik setup".
func Command(transport Transport) *cobra.Command {
	run := &command{transport: transport}
	c := &cobra.Command{
		Use: "setup --url <authentik> --site <address> --group <name>|--everyone [--openid] [--dry-run] [--yes]", Args: cobra.NoArgs,
		Short: "Makes in authentik what a site needs, and prints the lines for the Caddyfile",
		Long: `Makes in authentik what a site needs: an application, and bindings that say who
may use it. With --openid also a provider, for OpenID Connect. It says what it will
do and asks before it does it. It changes nothing in authentik that it did not make,
can be run again at any time, and --remove deletes what it has made.

It needs an API token of an administrator, which it asks for at the terminal, or
takes from --token-file or the environment variable AUTHENTIK_TOKEN. The token is
not kept.

The lines for the Caddyfile go to the standard output, all else to the standard
error: "caddy authentik setup ... >> Caddyfile" adds them to a Caddyfile.`,
	}
	f := c.Flags()
	f.StringVar(&run.URL, "url", "", "The address of authentik, as Caddy reaches it")
	f.StringVar(&run.PublicURL, "public-url", "", "The address of authentik as browsers reach it, if that is another one")
	f.StringVar(&run.Site, "site", "", "The address of the site as browsers see it, for example https://app.example.com")
	f.StringVar(&run.Slug, "application", "", "The slug of the application in authentik; the first part of the site's name if left out")
	f.StringVar(&run.Name, "name", "", "The name of the application that people see")
	f.StringArrayVar(&run.Groups, "group", nil, "A group whose members may pass; can be given several times")
	f.BoolVar(&run.Everyone, "everyone", false, "Every user of authentik may pass")
	f.BoolVar(&run.OpenID, "openid", false, "Sign in by OpenID Connect: also makes a provider")
	f.BoolVar(&run.Public, "public-client", false, "With --openid: a client without a secret")
	f.StringVar(&run.Login, "login", "page", "How visitors sign in: page, relay, or with --openid redirect")
	f.StringVar(&run.LoginAt, "login-at", "", "The address of a login host, where visitors sign in for several sites")
	f.StringVar(&run.SecretFile, "secret-file", "", "With --openid: the file that gets the client secret; <slug>.client-secret if left out")
	f.StringVar(&run.Key, "signing-key", "", "With --openid: the name of the certificate that signs tokens")
	f.StringVar(&run.Prefix, "prefix", "", "The path of the gate's own addresses; /.authentik if left out")
	f.StringVar(&run.Upstream, "to", "", "The address of the application, for the line reverse_proxy")
	f.BoolVar(&run.Move, "move", false, "Take the application from another site that setup made it for")
	f.StringVar(&run.tokenFile, "token-file", "", "A file with the API token; - for the standard input")
	f.StringArrayVar(&run.trust, "trust", nil, "A PEM file with a certificate authority for --url; can be given several times")
	f.BoolVar(&run.dryRun, "dry-run", false, "Only say what would be done")
	f.BoolVar(&run.yes, "yes", false, "Do not ask")
	f.BoolVar(&run.remove, "remove", false, "Delete what setup has made for the application")
	f.BoolVar(&run.fromOutpost, "from-outpost", false, "Write the Caddyfile for all applications that authentik's outposts guard; changes nothing")
	c.RunE = func(c *cobra.Command, _ []string) error {
		c.SilenceUsage = true
		ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		run.out = c.OutOrStdout()
		run.terminal = &Terminal{In: c.InOrStdin(), Out: c.ErrOrStderr(), Environment: os.Getenv}
		if err := run.run(ctx); err != nil {
			if ctx.Err() != nil && !errors.Is(err, errUnfinished) {
				err = errors.New("interrupted; nothing was changed")
			}
			return plain.Error{Err: hinted(err)}
		}
		return nil
	}
	return c
}

// hinted adds to an error of a connection what to write instead.
func hinted(err error) error {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var lookup *net.DNSError
	switch {
	case errors.As(err, &authority):
		return fmt.Errorf("%w; name the file with its authority's certificate with --trust", err)
	case errors.As(err, &name):
		return fmt.Errorf("%w; write in --url a name that the certificate has", err)
	case errors.As(err, &lookup):
		return fmt.Errorf("%w; correct --url, or run this where that name is known", err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w; correct --url, or start authentik", err)
	}
	return err
}

func (c *command) run(ctx context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	client, err := c.client(ctx)
	if err != nil {
		return err
	}
	if c.fromOutpost {
		return c.writeOutposts(ctx, client)
	}
	plan := Make
	if c.remove {
		plan = MakeRemoval
	}
	_, first, err := Prepare(ctx, client, c.Wanted, plan)
	if err != nil {
		return err
	}
	c.announce(first)
	switch {
	case c.dryRun:
		c.say("Nothing was changed (--dry-run).")
		return nil
	case len(first.Steps) > 0 && !c.yes:
		sure, err := c.terminal.Confirm(ctx, "Do this at "+c.URL+"?")
		if err != nil {
			return err
		}
		if !sure {
			return errors.New("nothing was changed")
		}
	}
	last, err := Carry(ctx, client, c.Wanted, plan, func(s Step) { c.say("done: " + firstLine(s.Describe())) })
	if err != nil {
		return err
	}
	return c.finish(first, last)
}

// check checks the whole command line.
func (c *command) check() error {
	if c.fromOutpost {
		c.Site, c.Everyone, c.Groups, c.OpenID = "https://outpost.invalid", true, nil, false
		if c.remove || c.dryRun {
			return errors.New("--from-outpost only reads; leave --remove and --dry-run out")
		}
	}
	if c.Removing = c.remove; c.remove { // what is deleted depends only on the slug
		c.Groups, c.Everyone, c.OpenID, c.Public, c.Login = nil, true, false, false, "page"
		if c.Site == "" && c.Slug != "" {
			c.Site = "https://" + strings.ReplaceAll(c.Slug, "_", "-") + ".invalid"
		}
	}
	var errs []error
	if !slices.Contains([]string{"page", "relay", "redirect"}, c.Login) {
		errs = append(errs, fmt.Errorf("--login: %q is not a way to sign in; write page, relay or redirect", c.Login))
	}
	c.Fresh = rand.Text() + rand.Text()
	return errors.Join(append(errs, c.Complete())...)
}

// client returns the client for authentik's API.
func (c *command) client(ctx context.Context) (*admin.Client, error) {
	transport, err := c.transport(c.trust)
	if err != nil {
		return nil, err
	}
	at, err := url.Parse(strings.TrimSuffix(c.URL, "/"))
	if err != nil {
		return nil, err
	}
	if InTheClear(at) {
		c.say("Warning: the token goes to " + c.URL + " without encryption.")
	}
	token, err := c.terminal.Token(ctx, c.tokenFile)
	if err != nil {
		return nil, err
	}
	return &admin.Client{URL: at, Token: token, HTTP: &http.Client{
		Transport: transport, Timeout: requestTimeout, CheckRedirect: admin.NoRedirects,
	}}, nil
}

// InTheClear reports whether a token for this address could be read on the
// network. This machine, and names without a dot (such as those of containers),
// count as safe.
func InTheClear(at *url.URL) bool {
	host := at.Hostname()
	near := host == "localhost" || host == "127.0.0.1" || host == "::1" || !strings.Contains(host, ".") && !strings.Contains(host, ":")
	return at.Scheme == "http" && !near
}

// say writes a text for the operator.
func (c *command) say(text string) { fmt.Fprintln(c.terminal.Out, plain.Text(text)) }

// announce says what will be done.
func (c *command) announce(p Plan) {
	if len(p.Steps) == 0 {
		c.say("Nothing is left to be done at " + c.URL + ".")
	} else {
		c.say("At " + c.URL + ":")
	}
	for i, step := range p.Steps {
		first, rest, more := strings.Cut(step.Describe(), "\n")
		c.say(fmt.Sprintf("%3d. %s", i+1, first))
		if more {
			c.say("       " + strings.ReplaceAll(rest, "\n", "\n       "))
		}
	}
	for _, note := range p.Notes {
		c.say("Note: " + note)
	}
}

// finish writes the lines for the Caddyfile.
func (c *command) finish(first, last Plan) error {
	if c.remove {
		c.say("All that setup had made for " + c.Slug + " is gone. Remove its lines from the Caddyfile as well.")
		return nil
	}
	if c.hasSecret() {
		c.say("The client secret is in " + c.SecretFile + ". The user that Caddy runs as must be able to read it.")
	}
	last.ClientID, last.Scopes, last.LogoutBack = first.ClientID, first.Scopes, first.LogoutBack
	c.say("Lines for the Caddyfile. When Caddy runs with them, caddy authentik doctor examines the set-up.\n")
	_, err := io.WriteString(c.out, Lines(c.Wanted, last))
	return err
}

func (c *command) writeOutposts(ctx context.Context, client *admin.Client) error {
	proxies, err := client.Proxies(ctx)
	if err != nil {
		return err
	}
	if len(proxies) == 0 {
		return errors.New("authentik has no proxy provider, or the token may not see it")
	}
	_, err = io.WriteString(c.out, FromOutpost(c.URL, c.PublicURL, proxies))
	return err
}
