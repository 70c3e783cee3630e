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

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/doctor"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/setup"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/transport"
)

// CommandsNamespace is the namespace of modules that are further commands below
// "caddy authentik". Caddy allows one registration of a command name.
const CommandsNamespace = "authentik.commands"

// A CommandProvider is a module in CommandsNamespace.
type CommandProvider interface {
	Command() *cobra.Command
}

// exitNotFound is the exit code if there is no such user or session.
const exitNotFound = 2

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:      "authentik",
		Usage:     "<command>",
		Short:     "Commands of the authentik gate",
		CobraFunc: addCommands,
	})
}

func addCommands(parent *cobra.Command) {
	parent.AddCommand(sessionsCommand(), explainCommand(), setup.Command(transport.ForCommand), doctor.Command(doctorTools()))
	for _, m := range caddy.GetModules(CommandsNamespace) {
		if provider, ok := m.New().(CommandProvider); ok {
			parent.AddCommand(provider.Command())
		}
	}
}

func sessionsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "sessions list|end",
		Short: "Lists and ends sessions",
		Long: `Lists and ends the sessions of a running Caddy through its admin API. With
--user these are all sessions of that user, including those that began at another
Caddy with the same store. Without it they are those in this Caddy's memory.

The exit code is 0 on success, 2 if there is no such user or session, and 1 on
every other failure.`,
	}
	c.AddCommand(
		adminCommand("list [--user <name>]", "Lists sessions", cobra.NoArgs, listSessions),
		adminCommand("end [<id>] [--user <name>]", "Ends one session, or all sessions of a user", cobra.MaximumNArgs(1), endSessions),
	)
	return c
}

// adminCommand returns a command that uses the admin API.
func adminCommand(use, short string, args cobra.PositionalArgs, run func(*cobra.Command, caddycmd.Flags) (int, error)) *cobra.Command {
	c := &cobra.Command{Use: use + " [--json] [--address <interface>] [--config <path> [--adapter <name>]]", Short: short, Args: args}
	flags := c.Flags()
	flags.StringP("user", "u", "", "The username, as in authentik")
	flags.Bool("json", false, "Write JSON, for programs")
	flags.String("address", "", "The address of the admin API, if not the default")
	flags.StringP("config", "c", "", "The configuration file that has the address of the admin API")
	flags.StringP("adapter", "a", "", "The adapter for that configuration file")
	c.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) { return run(c, fl) })
	return c
}

func listSessions(c *cobra.Command, fl caddycmd.Flags) (int, error) {
	list, err := requestSessions(fl, http.MethodGet, "")
	if err != nil {
		return exitCode(err), err
	}
	if fl.Bool("json") {
		return caddy.ExitCodeSuccess, writeJSON(c.OutOrStdout(), list)
	}
	if list.Remembered {
		_, _ = fmt.Fprintln(c.ErrOrStderr(), "Sessions in this Caddy's memory. Add --user for all sessions of a user, with their addresses.")
	}
	return caddy.ExitCodeSuccess, writeTable(c.OutOrStdout(), list.Sessions)
}

func endSessions(c *cobra.Command, fl caddycmd.Flags) (int, error) {
	id := fl.Arg(0)
	if id == "" && fl.String("user") == "" {
		return caddy.ExitCodeFailedStartup, errors.New("the command does not say which session is to end; add its id, or --user <name> for all of a user")
	}
	list, err := requestSessions(fl, http.MethodDelete, id)
	if err != nil {
		return exitCode(err), err
	}
	if fl.Bool("json") {
		return caddy.ExitCodeSuccess, writeJSON(c.OutOrStdout(), list)
	}
	if len(list.Sessions) == 0 {
		_, err = fmt.Fprintln(c.OutOrStdout(), "There was no live session.")
	}
	for _, e := range list.Sessions {
		_, failed := fmt.Fprintf(c.OutOrStdout(), "Ended %s of %s\n", printable(e.ID), printable(e.User))
		err = errors.Join(err, failed)
	}
	return caddy.ExitCodeSuccess, err
}

func writeJSON(to io.Writer, list sessionList) error {
	e := json.NewEncoder(to)
	e.SetIndent("", "  ")
	return e.Encode(list)
}

// requestSessions sends a request to the admin API.
func requestSessions(fl caddycmd.Flags, method, id string) (list sessionList, err error) {
	address, err := caddycmd.DetermineAdminAPIAddress(fl.String("address"), nil, fl.String("config"), fl.String("adapter"))
	if err != nil {
		return sessionList{}, fmt.Errorf("finding the address of Caddy's admin API: %w", err)
	}
	target := sessionsPath
	if id != "" {
		target += "/" + url.PathEscape(id)
	}
	if user := fl.String("user"); user != "" {
		target += "?user=" + url.QueryEscape(user)
	}
	response, err := caddycmd.AdminAPIRequest(address, method, target, nil, nil)
	if err != nil {
		return sessionList{}, explain(err, address)
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		return sessionList{}, fmt.Errorf("the server at %s is not an admin API with a gate: %w", address, err)
	}
	return list, nil
}

// errNotFound says that there is no such user or session.
var errNotFound = errors.New("not found")

// A refusedError is an error that the admin API has responded with.
type refusedError struct {
	text     string
	notFound bool
}

func (e refusedError) Error() string { return e.text }

// Is reports that the user or session was not found.
func (e refusedError) Is(target error) bool { return target == errNotFound && e.notFound }

// explain says what an error of the admin API means and what to do. Caddy's
// client has the response only in the error's text.
func explain(err error, address string) error {
	_, response, responded := strings.Cut(err.Error(), "caddy responded with error: HTTP ")
	if !responded {
		return fmt.Errorf("Caddy's admin API does not respond at %s: %w; check that Caddy runs and that its configuration does not say "+ //nolint:staticcheck // a name
			"admin off, or give the address of the API with --address or --config", address, err)
	}
	status, body, _ := strings.Cut(response, ": ")
	var problem struct {
		Error string `json:"error"`
	}
	if json.Unmarshal([]byte(body), &problem) != nil || problem.Error == "" {
		return fmt.Errorf("the Caddy at %s has no sessions (HTTP %s); check that it is built with the gate", address, status)
	}
	return refusedError{text: problem.Error, notFound: status == "404" && problem.Error != errNoGate.Error()}
}

// exitCode returns the exit code for an error.
func exitCode(err error) int {
	if errors.Is(err, errNotFound) {
		return exitNotFound
	}
	return caddy.ExitCodeFailedStartup
}
