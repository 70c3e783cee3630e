package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// CommandsNamespace is where modules register that are further commands below "caddy authentik": Caddy
// knows one command of a name, and puts it together when all modules are known.
const CommandsNamespace = "authentik.commands"

// A CommandProvider is a module in CommandsNamespace.
type CommandProvider interface {
	Command() *cobra.Command
}

// exitNothing is how the command ends where there is no such user or session.
const exitNothing = 2

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:      "authentik",
		Usage:     "<command>",
		Short:     "Commands of the authentik gate",
		CobraFunc: commands,
	})
}

func commands(parent *cobra.Command) {
	parent.AddCommand(sessionsCommand())
	for _, m := range caddy.GetModules(CommandsNamespace) {
		if provider, is := m.New().(CommandProvider); is {
			parent.AddCommand(provider.Command())
		}
	}
}

func sessionsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "sessions list|end",
		Short: "Lists and ends sessions",
		Long: `Lists and ends the sessions of a Caddy that runs, through its admin API. With a
user they are all of that user's, also those that began at another Caddy with the
same store; without, those that this Caddy has let in and remembers.

It ends with 0 when it is done, with 2 where there is no such user or session, and
with 1 when something fails.`,
	}
	c.AddCommand(
		asking("list [--user <name>]", "Lists sessions", cobra.NoArgs, listing),
		asking("end [<id>] [--user <name>]", "Ends one session, or all of a user", cobra.MaximumNArgs(1), ending),
	)
	return c
}

// asking makes a command that asks the admin API.
func asking(use, short string, args cobra.PositionalArgs, what func(*cobra.Command, caddycmd.Flags) (int, error)) *cobra.Command {
	c := &cobra.Command{Use: use + " [--json] [--address <interface>] [--config <path> [--adapter <name>]]", Short: short, Args: args}
	flags := c.Flags()
	flags.StringP("user", "u", "", "The username, as in authentik")
	flags.Bool("json", false, "Write JSON, for programs")
	flags.String("address", "", "The address of the admin API, if not the default")
	flags.StringP("config", "c", "", "The configuration to take that address from")
	flags.StringP("adapter", "a", "", "The adapter for that configuration")
	c.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) { return what(c, fl) })
	return c
}

func listing(c *cobra.Command, fl caddycmd.Flags) (int, error) {
	says, err := ask(fl, http.MethodGet, "")
	if err != nil {
		return codeOf(err), err
	}
	if fl.Bool("json") {
		return caddy.ExitCodeSuccess, writeJSON(c.OutOrStdout(), says)
	}
	if says.Remembered {
		_, _ = fmt.Fprintln(c.ErrOrStderr(), "What this Caddy remembers; with --user all of a user, and where they began.")
	}
	return caddy.ExitCodeSuccess, table(c.OutOrStdout(), says.Sessions)
}

func ending(c *cobra.Command, fl caddycmd.Flags) (int, error) {
	id := fl.Arg(0)
	if id == "" && fl.String("user") == "" {
		return caddy.ExitCodeFailedStartup, errors.New("say which session is to end: its id, or --user <name> for all of a user")
	}
	says, err := ask(fl, http.MethodDelete, id)
	if err != nil {
		return codeOf(err), err
	}
	if fl.Bool("json") {
		return caddy.ExitCodeSuccess, writeJSON(c.OutOrStdout(), says)
	}
	if len(says.Sessions) == 0 {
		_, err = fmt.Fprintln(c.OutOrStdout(), "None was alive.")
	}
	for _, e := range says.Sessions {
		_, failed := fmt.Fprintf(c.OutOrStdout(), "Ended %s of %s\n", printable(e.ID), printable(e.User))
		err = errors.Join(err, failed)
	}
	return caddy.ExitCodeSuccess, err
}

func writeJSON(to io.Writer, says told) error {
	e := json.NewEncoder(to)
	e.SetIndent("", "  ")
	return e.Encode(says)
}

// ask puts a question to the admin API.
func ask(fl caddycmd.Flags, method, id string) (says told, err error) {
	address, err := caddycmd.DetermineAdminAPIAddress(fl.String("address"), nil, fl.String("config"), fl.String("adapter"))
	if err != nil {
		return told{}, fmt.Errorf("finding the address of Caddy's admin API: %w", err)
	}
	at := sessionsPath
	if id != "" {
		at += "/" + url.PathEscape(id)
	}
	if user := fl.String("user"); user != "" {
		at += "?user=" + url.QueryEscape(user)
	}
	answer, err := caddycmd.AdminAPIRequest(address, method, at, nil, nil)
	if err != nil {
		return told{}, understood(err, address)
	}
	defer func() { _ = answer.Body.Close() }()
	if err := json.NewDecoder(answer.Body).Decode(&says); err != nil {
		return told{}, fmt.Errorf("what answers at %s is no admin API with a gate: %w", address, err)
	}
	return says, nil
}

// errNothing marks that there is no such user or session.
var errNothing = errors.New("nothing of that name")

// A refused request is one that the admin API has answered with an error.
type refused struct {
	text    string
	nothing bool
}

func (r refused) Error() string { return r.text }

// Is tells what there is none of from what fails.
func (r refused) Is(target error) bool { return target == errNothing && r.nothing }

// understood says what an error of the admin API means, and what to do. Caddy's own client has
// the answer in its text alone.
func understood(err error, address string) error {
	_, answer, answered := strings.Cut(err.Error(), "caddy responded with error: HTTP ")
	if !answered {
		return fmt.Errorf("Caddy's admin API cannot be asked at %s: %w; see that Caddy runs and its configuration does not say "+ //nolint:staticcheck // a name
			"admin off, or say where the API is with --address, or by --config", address, err)
	}
	status, body, _ := strings.Cut(answer, ": ")
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal([]byte(body), &said) != nil || said.Error == "" {
		return fmt.Errorf("the Caddy at %s knows nothing of sessions (HTTP %s); see that it is built with the gate", address, status)
	}
	return refused{text: said.Error, nothing: status == "404" && said.Error != errNoGate.Error()}
}

// codeOf is how the command ends on an error.
func codeOf(err error) int {
	if errors.Is(err, errNothing) {
		return exitNothing
	}
	return caddy.ExitCodeFailedStartup
}
