package operator

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// exitNotFound is the exit code if there is no such user or session.
const exitNotFound = 2

// SessionsCommand returns the command that lists and ends sessions.
func SessionsCommand() *cobra.Command {
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
	c.Flags().StringP("user", "u", "", "The username, as in authentik")
	addFlags(c)
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

// requestSessions sends a request to the admin API.
func requestSessions(fl caddycmd.Flags, method, id string) (list List, err error) {
	target := SessionsPath
	if id != "" {
		target += "/" + url.PathEscape(id)
	}
	if user := fl.String("user"); user != "" {
		target += "?user=" + url.QueryEscape(user)
	}
	err = ask(fl, method, target, nil, &list)
	return list, err
}

// exitCode returns the exit code for an error.
func exitCode(err error) int {
	if errors.Is(err, errNotFound) {
		return exitNotFound
	}
	return caddy.ExitCodeFailedStartup
}
