package caddymodule

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// widest is how much of a text a column has room for.
const widest = 48

// table writes sessions for people.
func table(to io.Writer, sessions []proxy.Entry) error {
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
		cells := []string{e.ID, e.User, moment(e.Begun), moment(e.Until), e.Site, e.Flow, address, e.Agent}
		for i, cell := range cells {
			cells[i] = printable(cell)
		}
		if _, err := fmt.Fprintln(columns, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return columns.Flush()
}

// moment is a time as people read it where the command runs.
func moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04") } //nolint:gosmopolitan // it is for who sits there

// printable makes a text of somebody else fit for a terminal, which takes some characters for
// orders.
func printable(text string) string {
	text = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, text)
	if cut := []rune(text); len(cut) > widest {
		text = string(cut[:widest-1]) + "…"
	}
	if text == "" {
		return "-"
	}
	return text
}
