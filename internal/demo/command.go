package demo

import (
	"os/signal"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"

	"github.com/flowsidecar/caddy-authentik/caddymodule"
)

func init() {
	caddy.RegisterModule(demoCommand{})
}

// demoCommand is "caddy authentik demo", which only this build of Caddy has.
type demoCommand struct{}

// CaddyModule returns the Caddy module information.
func (demoCommand) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID: caddymodule.CommandsNamespace + ".demo", New: func() caddy.Module { return new(demoCommand) },
	}
}

// Command returns the command.
func (demoCommand) Command() *cobra.Command {
	d := demonstration{approvalDelay: 3 * time.Second}
	c := &cobra.Command{
		Use:   "demo [--domains] [--listen <addr>] [--authentik <addr>]",
		Short: "Shows the gate in front of a small application, with a stand-in for authentik",
		Long: `Starts a small application, the gate in front of it, and a stand-in for
authentik, and prints their addresses and users to sign in as. Nothing else needs
to be installed, and no files are left behind. Ctrl-C stops it.

With --domains there are two applications on two domains, and a login host with
authentik's own pages on a third, where one sign-in opens both.`,
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&d.listen, "listen", "127.0.0.1:8080", "where the gate listens; the next free port if this one is taken")
	c.Flags().StringVar(&d.authentik, "authentik", "127.0.0.1:0", "where the stand-in for authentik listens; port 0 is any free port")
	c.Flags().BoolVar(&d.domains, "domains", false, "two applications on two domains, and one sign-in for both at a login host")
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		d.out, d.in = c.OutOrStdout(), c.InOrStdin()
		return d.run(ctx)
	}
	return c
}

// Interface guard.
var _ caddymodule.CommandProvider = demoCommand{}
