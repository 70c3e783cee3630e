package operator

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/flowsidecar/caddy-authentik/internal/plain"
)

// ExplainCommand returns the command that explains a decision.
func ExplainCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "explain [<method>] <url> [-H <header>]... [--client <ip>] [--json] [--address <interface>] [--config <path> [--adapter <name>]]",
		Short: "Explains what a gate decides about a request",
		Long: `Says which gate of a running Caddy gets a request, what it decides, and why:
each rule with its verdict, the session or why none was found, and what the
application would be told. It asks the running Caddy through its admin API. The
request is not made: nothing reaches an application or authentik, and no session
changes.

Of a gate with forward_auth, give the request that the other proxy makes: the
address that it asks at, with -H the headers that describe the visitor's request,
and with --client the proxy's own address.

A cookie that is given with -H is used, and never shown. -H @file reads lines
from a file, so that a cookie does not appear in the list of processes.

The exit code is 0 if the request would pass, 3 if it would not, 4 if it meets no
gate, and 1 on every failure.`,
		Args: cobra.RangeArgs(1, 2),
	}
	flags := c.Flags()
	flags.StringArrayP("header", "H", nil, `A line of the request's header, such as "Accept: text/html", or @file`)
	flags.String("client", "", "The address that the request comes from. Default: 127.0.0.1")
	addFlags(c)
	run := caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) { return runExplain(c, fl) })
	c.RunE = func(c *cobra.Command, args []string) error {
		c.SilenceErrors = true // an exit code is not an error; Caddy logs errors
		return run(c, args)
	}
	return c
}

// The exit codes of explain.
const (
	exitNotPassing = 3
	exitNoGate     = 4
)

func runExplain(c *cobra.Command, fl caddycmd.Flags) (int, error) {
	q := question{Method: http.MethodGet, URL: fl.Arg(0), Client: fl.String("client")}
	if fl.NArg() == 2 {
		q.Method, q.URL = strings.ToUpper(fl.Arg(0)), fl.Arg(1)
	}
	lines, err := fl.GetStringArray("header")
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	if q.Headers, err = headerLines(lines); err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	var answer Explained
	if err := ask(fl, http.MethodPost, ExplainPath, q, &answer); err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	if fl.Bool("json") {
		err = writeJSON(c.OutOrStdout(), answer)
	} else {
		err = answer.write(c.OutOrStdout())
	}
	return answer.exitCode(), err
}

// headerLines returns the header lines of the command line, and of the files
// that it names.
func headerLines(given []string) (lines []string, err error) {
	for _, one := range given {
		name, isFile := strings.CutPrefix(one, "@")
		if !isFile {
			lines = append(lines, one)
			continue
		}
		text, err := os.ReadFile(name) //nolint:gosec // the operator names it
		if err != nil {
			return nil, fmt.Errorf("reading headers: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
	}
	return lines, nil
}

// exitCode returns the exit code, which tells scripts how the request would
// end.
func (e Explained) exitCode() int {
	if len(e.Gates) == 0 {
		return exitNoGate
	}
	switch e.Gates[len(e.Gates)-1].Decision {
	case "pass", "open":
		return caddy.ExitCodeSuccess
	default:
		return exitNotPassing
	}
}

// verdicts are the texts of decisions.
var verdicts = map[string]string{
	"pass": "passes, signed in", "open": "passes without a session", "own": "is answered by the gate itself",
	"sign-in": "is led to the sign-in", "refuse": "is refused", "ask": "waits until authentik was asked",
}

// write writes the explanation as text.
func (e Explained) write(to io.Writer) error {
	var all strings.Builder
	line := func(format string, args ...any) {
		all.WriteString(strings.TrimRight(plain.Line(fmt.Sprintf(format, args...)), " ") + "\n")
	}
	line("%s", e.Request)
	for _, gate := range e.Gates {
		all.WriteString("\n")
		gate.write(line)
	}
	all.WriteString("\n")
	if e.Reaches != "" {
		line("It would reach: %s", e.Reaches)
	}
	if len(e.NotRun) > 0 {
		line("Handlers on its way that were not run: %s", strings.Join(e.NotRun, ", "))
	}
	for _, note := range e.Notes {
		line("Note: %s.", note)
	}
	_, err := io.WriteString(to, all.String())
	return errors.Join(err)
}

// write writes the decision of one gate.
func (g ExplainedGate) write(line func(format string, args ...any)) {
	name := "Gate of " + g.Authentik
	for _, named := range []struct{ option, value string }{{"application", g.Application}, {"flow", g.Flow}, {"client_id", g.ClientID}} {
		if named.value != "" {
			name += ", " + named.option + " " + named.value
		}
	}
	line("%s", name)
	verdict := verdicts[g.Decision]
	if g.Code != "" {
		verdict += fmt.Sprintf(": %d %s", g.Status, g.Code)
	}
	line("  The request %s", verdict)
	for _, step := range g.Steps {
		line("    - %s", step)
	}
	for _, question := range g.Asks {
		line("  authentik would be asked: %s", question)
	}
	line("  Seen as: %s%s, from %s", g.At.Site, g.At.Path, g.At.Client)
	if s := g.Session; s.ID != "" {
		line("  Session: %s of %s, begun %s, ends %s at the latest, confirmed %s", s.ID, s.User, localTime(s.Begun), localTime(s.Until), localTime(s.Confirmed))
	}
	for _, missing := range g.Session.Missing {
		line("  Session: none; %s", missing)
	}
	if g.Open != "" {
		line("  Open: %s", g.Open)
	}
	for _, rule := range g.Rules {
		if !rule.Applies {
			line("  Rule: %s: is not about the request", rule.Rule)
			continue
		}
		for _, demand := range rule.Demands {
			verdict := demand.Verdict
			if verdict == "unknown" {
				verdict = "not known before the sign-in"
			}
			line("  Rule: %s: %s: %s", rule.Rule, demand.Demand, verdict)
		}
	}
	if len(g.Removed) > 0 {
		line("  Removed, since the client has made them up: %s", strings.Join(g.Removed, ", "))
	}
	for _, h := range g.Told {
		value := h.Value
		if h.Hidden {
			value = "(not shown)"
		}
		line("  The application gets: %s: %s", h.Name, value)
	}
}
