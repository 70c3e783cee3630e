package page

import (
	"math/big"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// initialValue returns the initial value in the format of the browser's field.
// Anything else, such as the text of a failed expression, is left out, as
// browsers would do.
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

// drawDateTime says that the time is in UTC, as authentik interprets times
// without a zone, which browsers' fields do not have. Seconds are kept.
func drawDateTime(p *promptField, f flowclient.Field, d *draft) {
	p.Type, p.Value, p.Hint = "datetime-local", initialValue(f), d.text("time_utc")
	if strings.Count(p.Value, ":") > 1 {
		p.Step = "1"
	}
}

// drawFile draws a file field, which no page can fill in again. A file that
// authentik already has need not be chosen again.
func drawFile(p *promptField, f flowclient.Field, d *draft) {
	p.Kind, p.Type, p.Value, p.Placeholder = "file", "file", "", ""
	switch {
	case d.refused && d.chosenFiles[p.Name]:
		p.Hint = d.text("file_again")
	case f.Initial != "":
		p.Hint, p.Required = d.text("file_kept"), false
	}
}

// timeLayouts are authentik's formats of dates and times.
var timeLayouts = []string{
	time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04",
	"2006-01-02 15:04:05Z07:00", time.DateTime, "2006-01-02 15:04", time.DateOnly,
}

// formatTime returns a date in UTC in the format of the browser's field, or "" if
// it is not a date.
func formatTime(value, layout string) string {
	for _, in := range timeLayouts {
		if t, err := time.Parse(in, strings.TrimSpace(value)); err == nil {
			return t.UTC().Format(layout)
		}
	}
	return ""
}
