// Package operator is the part of Caddy's admin API about gates: sessions are
// listed and ended, and decisions are explained. It has both ends, the API and
// the commands that use it.
//
//   - client.go: how commands ask the admin API
//   - sessions.go, sessions_command.go, table.go: sessions
//   - explain.go, explain_command.go: explanations
package operator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// addFlags adds the flags of a command that asks the admin API.
func addFlags(c *cobra.Command) {
	flags := c.Flags()
	flags.Bool("json", false, "Write JSON, for programs")
	flags.String("address", "", "The address of the admin API, if not the default")
	flags.StringP("config", "c", "", "The configuration file that has the address of the admin API")
	flags.StringP("adapter", "a", "", "The adapter for that configuration file")
}

// ask sends a request to the admin API, with a body unless that is nil, and reads
// the response.
func ask(fl caddycmd.Flags, method, path string, body, into any) error {
	address, err := caddycmd.DetermineAdminAPIAddress(fl.String("address"), nil, fl.String("config"), fl.String("adapter"))
	if err != nil {
		return fmt.Errorf("finding the address of Caddy's admin API: %w", err)
	}
	var header http.Header
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		header, sent = http.Header{"Content-Type": {"application/json"}}, bytes.NewReader(text)
	}
	response, err := caddycmd.AdminAPIRequest(address, method, path, header, sent)
	if err != nil {
		return meaning(err, address)
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("the server at %s is not an admin API with a gate: %w", address, err)
	}
	return nil
}

func writeJSON(to io.Writer, what any) error {
	e := json.NewEncoder(to)
	e.SetIndent("", "  ")
	return e.Encode(what)
}

// errNotFound says that there is no such user or session.
var errNotFound = errors.New("not found")

// A refusedError is an error response of the admin API.
type refusedError struct {
	text     string
	notFound bool
}

func (e refusedError) Error() string { return e.text }

// Is reports true for errNotFound if the user or session was not found.
func (e refusedError) Is(target error) bool { return target == errNotFound && e.notFound }

// meaning returns what an error of the admin API means and what to do. Caddy's
// client has the response only in the error's text.
func meaning(err error, address string) error {
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
