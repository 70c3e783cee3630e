package demo

import (
	"bytes"
	"context"
	"fmt"
	"strings"
)

// Columns of the table, for a terminal of a hundred. An address may be longer than its
// column; what it shows then stands below.
const (
	nameColumn    = 15
	addressColumn = 46
)

// announce says where everything is, whom to sign in as, and what to open.
func (d *demo) announce(ctx context.Context, at addresses, groups []group) {
	var text bytes.Buffer
	fmt.Fprintf(&text, "\n  Open  %s\n", at.site())
	if at.gate != d.listen {
		fmt.Fprintf(&text, "        (%s is taken)\n", d.listen)
	}
	fmt.Fprintf(&text, "\n  and sign in as demo. Who signs in by another of these names is asked something more. The\n"+
		"  addresses begin somewhere else, once you have signed out. All passwords are %s.\n", everybodysPassword)
	for _, g := range groups {
		fmt.Fprintf(&text, "\n  %s\n", g.title)
		for _, r := range g.rows {
			text.WriteString(printed(at, g, r))
		}
	}
	fmt.Fprintf(&text, "\n  The stand-in for authentik is at http://%s, and this is the whole configuration:\n\n%s", at.standIn, indent(at.caddyfile(ctx)))
	fmt.Fprintf(&text, "\n  Ctrl-C ends it.\n\n")
	_, _ = text.WriteTo(d.out)
}

// printed is a row as it is printed.
func printed(at addresses, g group, r row) string {
	name, column := r.name, nameColumn
	if !g.people {
		name, column = at.link(r), addressColumn
	}
	if len(name) > column {
		name += "\n    " + strings.Repeat(" ", column)
	} else {
		name += strings.Repeat(" ", column-len(name))
	}
	return "    " + name + " " + r.says + "\n"
}
