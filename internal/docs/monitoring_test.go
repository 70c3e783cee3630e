package docs

import (
	"regexp"
	"strings"
	"testing"
)

// code returns the first cell of a row without its backquotes.
func code(cell string) string { return strings.Trim(cell, "`") }

// after returns what comes after a text.
func after(t *testing.T, text, mark string) string {
	t.Helper()
	_, rest, there := strings.Cut(text, mark)
	if !there {
		t.Fatalf("got no %q, want it", mark)
	}
	return rest
}

// tableOf returns the rows of the table whose head begins with a text.
func tableOf(t *testing.T, text, head string) []row {
	t.Helper()
	return table(t, head+after(t, text, "\n"+head))
}

func TestMonitoring_TablesNameEachFieldAndEventOfTheAuditLog(t *testing.T) {
	t.Parallel()
	text, source := section(t, read(t, "docs/monitoring.md"), "## Audit log"), sources(t, "proxy/internal/audit")
	fields := append(found(t, `slog\.String\("([a-z_]+)"`, source), "authentik") // which the module adds
	same(t, "fields of the audit log", fields, firstCells(tableOf(t, text, "| field |"), code))
	events := tableOf(t, text, "| event |")
	same(t, "events of the audit log", found(t, `Event += "([a-z-]+)"`, source), firstCells(events, code))
	// Reasons of ended sessions are those of the metric.
	var documented []string
	for _, r := range events {
		switch code(r[0]) {
		case "sign-out", "session-end", "admin-end":
			documented = append(documented, found(t, "`([a-z-]+)`", r[2])...)
		}
	}
	metric := ""
	for _, r := range table(t, section(t, read(t, "docs/troubleshooting.md"), "## Metrics")) {
		if code(r[0]) == "caddy_authentik_sessions_ended_total" {
			metric = after(t, r[1], "`reason`:")
		}
	}
	same(t, "reasons", found(t, "`([a-z-]+)`", metric), documented)
}

func TestMonitoring_TableNamesEachAlert(t *testing.T) {
	t.Parallel()
	rows := tableOf(t, section(t, read(t, "docs/monitoring.md"), "## Metrics and alerts"), "| alert |")
	same(t, "alerts", found(t, `- alert: (\w+)`, read(t, "examples/monitoring/alerts.yml")), firstCells(rows, code))
}

func TestMonitoring_TableNamesEachSpan(t *testing.T) {
	t.Parallel()
	rows := table(t, section(t, read(t, "docs/monitoring.md"), "## Traces"))
	placeholder := regexp.MustCompile(` <.*>`)
	got := firstCells(rows, func(cell string) string { return placeholder.ReplaceAllString(code(cell), "") })
	want := found(t, `Spanned\("([a-z -]+)"`, sources(t, "proxy"))
	want = append(want, found(t, `SpanKindClient, "([a-z]+) "`, sources(t, "caddymodule"))...)
	same(t, "spans", want, got)
	text := section(t, read(t, "docs/monitoring.md"), "## Traces")
	same(t, "attributes", found(t, `Mention\("([a-z]+)"`, sources(t, "proxy")), found(t, "`authentik\\.([a-z]+)`", text))
}

func TestMonitoring_EveryFileIsNamed(t *testing.T) {
	t.Parallel()
	text := read(t, "docs/monitoring.md")
	for _, path := range filesBelow(t, "examples/monitoring", func(string) bool { return true }) {
		if name := strings.TrimPrefix(path, "examples/monitoring/"); !strings.Contains(text, "`"+name+"`") {
			t.Errorf("got no %s in docs/monitoring.md, want it", name)
		}
	}
}
