package demo

import (
	"bytes"
	"context"
	"fmt"
	"strings"
)

// Widths of the columns, for a terminal with 100. If an address is wider than its
// column, its description is on the next line.
const (
	nameColumn    = 15
	addressColumn = 46
)

// announce prints the addresses, the users and the flows.
func (d *demonstration) announce(ctx context.Context, at addresses, groups []group) {
	var text bytes.Buffer
	fmt.Fprintf(&text, "\n  Open  %s\n", at.site())
	if at.gate != d.listen {
		fmt.Fprintf(&text, "        (%s is taken)\n", d.listen)
	}
	fmt.Fprintf(&text, "\n  and sign in as demo. Users with another of these names are asked something more. The addresses\n"+
		"  show other flows, after you have signed out. All passwords are %s.\n", commonPassword)
	for _, g := range groups {
		fmt.Fprintf(&text, "\n  %s\n", g.title)
		for _, r := range g.rows {
			text.WriteString(tableRow(at, g, r))
		}
	}
	fmt.Fprintf(&text, "\n  An old application with its own login, to which the gate signs its users in:\n    %s\n", site(at.oldGate))
	fmt.Fprintf(&text, "\n  The stand-in for authentik is at http://%s, and this is the whole configuration:\n\n%s", at.standIn, indent(at.caddyfile(ctx)))
	fmt.Fprintf(&text, "\n  Its API, for caddy authentik setup, has the token %s.\n", apiToken)
	fmt.Fprintf(&text, "\n  Ctrl-C ends it.\n\n")
	_, _ = text.WriteTo(d.out)
}

// tableRow returns a row as it is printed.
func tableRow(at addresses, g group, r row) string {
	name, column := r.name, nameColumn
	if !g.people {
		name, column = at.link(r), addressColumn
	}
	if len(name) > column {
		name += "\n    " + strings.Repeat(" ", column)
	} else {
		name += strings.Repeat(" ", column-len(name))
	}
	return "    " + name + " " + r.asks + "\n"
}
