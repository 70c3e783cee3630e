package page

import (
	"math/big"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// begins is what a field begins with, in the form that the browser's own field of
// that type takes. What is none of it, as the text of an expression that has
// failed, is left out: a browser would not show it either.
func initialValue(f flowclient.Field) string {
	switch f.Type {
	case "number":
		if _, whole := new(big.Int).SetString(strings.TrimSpace(f.Initial), 10); !whole {
			return ""
		}
		return strings.TrimSpace(f.Initial)
	case "date":
		return formatTime(f.Initial, time.DateOnly)
	case "date-time":
		if s := formatTime(f.Initial, "2006-01-02T15:04:05"); !strings.HasSuffix(s, ":00") {
			return s
		}
		return formatTime(f.Initial, "2006-01-02T15:04")
	default:
		return f.Initial
	}
}

// drawDateTime says that the time is in UTC: that is what authentik takes a time
// without a zone for, and a browser's field has none. Seconds are kept where there
// are any.
func drawDateTime(p *promptField, f flowclient.Field, d *draft) {
	p.Type, p.Value, p.Hint = "datetime-local", initialValue(f), d.text("time_utc")
	if strings.Count(p.Value, ":") > 1 {
		p.Step = "1"
	}
}

// drawFile draws what no page can fill in again. One that authentik has already
// need not be chosen a second time.
func drawFile(p *promptField, f flowclient.Field, d *draft) {
	p.Kind, p.Type, p.Value, p.Placeholder = "file", "file", "", ""
	switch {
	case d.refused && d.chosenFiles[p.Name]:
		p.Hint = d.text("file_again")
	case f.Initial != "":
		p.Hint, p.Required = d.text("file_kept"), false
	}
}

// dateForms are those in which authentik writes dates and times.
var timeLayouts = []string{
	time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04",
	"2006-01-02 15:04:05Z07:00", time.DateTime, "2006-01-02 15:04", time.DateOnly,
}

// inLayout brings a date into the form that the browser's own field takes, in
// UTC; what is no date is left out.
func formatTime(value, layout string) string {
	for _, in := range timeLayouts {
		if t, err := time.Parse(in, strings.TrimSpace(value)); err == nil {
			return t.UTC().Format(layout)
		}
	}
	return ""
}
