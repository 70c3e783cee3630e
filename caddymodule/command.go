package caddymodule

import (
	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/doctor"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/operator"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/setup"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/transport"
)

// CommandsNamespace is the namespace of modules that add commands below "caddy
// authentik". Caddy allows only one registration of each command name.
const CommandsNamespace = "authentik.commands"

// A CommandProvider is a module in CommandsNamespace.
type CommandProvider interface {
	Command() *cobra.Command
}

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:      "authentik",
		Usage:     "<command>",
		Short:     "Commands of the authentik gate",
		CobraFunc: addCommands,
	})
}

func addCommands(parent *cobra.Command) {
	parent.AddCommand(operator.SessionsCommand(), operator.ExplainCommand(), setup.Command(transport.ForCommand), doctor.Command(doctorTools()))
	for _, m := range caddy.GetModules(CommandsNamespace) {
		if provider, ok := m.New().(CommandProvider); ok {
			parent.AddCommand(provider.Command())
		}
	}
}
