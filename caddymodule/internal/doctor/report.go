package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// The exit codes. Code 1 means that the doctor could not examine anything.
const (
	exitFine     = 0
	exitFailures = 2
	exitWarnings = 3
)

// A report is the result in JSON.
type report struct {
	Failures int       `json:"failures"`
	Warnings int       `json:"warnings"`
	Findings []Finding `json:"findings"`
}

func newReport(all []Finding) report {
	r := report{Findings: append([]Finding{}, all...)}
	for _, f := range all {
		switch f.Level {
		case Failure:
			r.Failures++
		case Warning:
			r.Warnings++
		case OK, Note:
		}
	}
	return r
}

// exit returns the exit code.
func (r report) exit() int {
	switch {
	case r.Failures > 0:
		return exitFailures
	case r.Warnings > 0:
		return exitWarnings
	}
	return exitFine
}

func (r report) json(to io.Writer) error {
	e := json.NewEncoder(to)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// text writes the report as text.
func (r report) text(to io.Writer) error {
	var b strings.Builder
	site := "\x00"
	for _, f := range r.Findings {
		if f.Site != site {
			site = f.Site
			heading := site
			if heading == "" {
				heading = "The configuration"
			}
			b.WriteString("\n" + heading + "\n")
		}
		fmt.Fprintf(&b, "  %-8s %-24s %s\n", f.Level, f.Code, f.Seen)
		if f.Write != "" {
			fmt.Fprintf(&b, "  %-33s => %s\n", "", f.Write)
		}
	}
	fmt.Fprintf(&b, "\n%s, %s\n", count(r.Failures, "failure"), count(r.Warnings, "warning"))
	_, err := io.WriteString(to, b.String())
	return err
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
