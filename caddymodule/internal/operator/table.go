package operator

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/plain"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// maxCell is the maximum number of characters in a cell.
const maxCell = 48

// writeTable writes sessions as a table.
func writeTable(to io.Writer, sessions []proxy.Entry) error {
	columns := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	_, err := fmt.Fprintln(columns, "ID\tUSER\tBEGUN\tUNTIL\tSITE\tFLOW\tADDRESS\tAGENT")
	if err != nil {
		return err
	}
	for _, e := range sessions {
		address := ""
		if e.Address.IsValid() {
			address = e.Address.String()
		}
		cells := []string{e.ID, e.User, localTime(e.Begun), localTime(e.Until), e.Site, e.Flow, address, e.Agent}
		for i, cell := range cells {
			cells[i] = printable(cell)
		}
		if _, err := fmt.Fprintln(columns, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return columns.Flush()
}

// localTime writes a time in the time zone of the terminal.
func localTime(t time.Time) string { return t.Local().Format("2006-01-02 15:04") } //nolint:gosmopolitan // it is read at this terminal

// printable makes a text of another program or user safe for a terminal, which
// would execute some characters.
func printable(text string) string {
	return cmp.Or(plain.Cut(text, maxCell), "-")
}
