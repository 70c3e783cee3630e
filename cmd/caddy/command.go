package main

import (
	"os/signal"
	"syscall"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:      "authentik",
		Usage:     "demo",
		Short:     "Commands of the authentik gate",
		CobraFunc: func(parent *cobra.Command) { parent.AddCommand(demoCommand()) },
	})
}

func demoCommand() *cobra.Command {
	d := demo{patience: 3 * time.Second}
	c := &cobra.Command{
		Use:   "demo [--listen <addr>] [--authentik <addr>]",
		Short: "Shows the gate in front of a small application, with a stand-in for authentik",
		Long: `Starts a small application, the gate in front of it, and a stand-in for
authentik, and prints where they are, whom to sign in as, and what to open for
everything that authentik can ask. Nothing else needs to be installed, and
nothing is left behind. Ctrl-C ends it.`,
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&d.listen, "listen", "localhost:8080", "where the gate listens; the next free port if this one is taken; passkeys need localhost")
	c.Flags().StringVar(&d.authentik, "authentik", "127.0.0.1:0", "where the stand-in for authentik listens; port 0 is any free one")
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		d.out, d.in = c.OutOrStdout(), c.InOrStdin()
		return d.run(ctx)
	}
	return c
}
