package page

import (
	"cmp"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/locales"
)

// drawDropdown offers an empty choice only if that is an answer: authentik uses
// the initial value if the field is not sent. If nothing is selected, the first
// line asks the visitor to choose, since browsers select the first line.
func drawDropdown(p *promptField, f flowclient.Field, d *draft) {
	p.Kind = "list"
	p.choices(f.Choices, f.Initial, d.locale)
	switch {
	case slices.ContainsFunc(p.Choices, func(c *promptChoice) bool { return c.Chosen }):
	case f.Required || f.Initial != "":
		p.Required = len(f.Choices) > 0
		p.Choices = slices.Insert(p.Choices, 0, &promptChoice{Label: d.text("prompt_choose")})
	default:
		p.Choices = slices.Insert(p.Choices, 0, &promptChoice{})
	}
}

// promptLocales are the languages that authentik's own form offers, by their own
// names. authentik accepts any language.
var promptLocales = []flowclient.Choice{
	{Value: "cs-CZ", Label: "Čeština"},
	{Value: "de-DE", Label: "Deutsch"},
	{Value: "en", Label: "English"},
	{Value: "es-ES", Label: "Español"},
	{Value: "fi-FI", Label: "Suomi"},
	{Value: "fr-FR", Label: "Français"},
	{Value: "it-IT", Label: "Italiano"},
	{Value: "ja-JP", Label: "日本語"},
	{Value: "ko-KR", Label: "한국어"},
	{Value: "nl-NL", Label: "Nederlands"},
	{Value: "pl-PL", Label: "Polski"},
	{Value: "pt-BR", Label: "Português (Brasil)"},
	{Value: "ru-RU", Label: "Русский"},
	{Value: "tr-TR", Label: "Türkçe"},
	{Value: "zh-Hans", Label: "简体中文"},
	{Value: "zh-Hant", Label: "繁體中文"},
}

// drawLocale also offers the visitor's current language if it is not listed.
func drawLocale(p *promptField, f flowclient.Field, d *draft) {
	p.Kind, p.Required = "list", false
	p.Choices = append(p.Choices, &promptChoice{Label: d.text("locale_auto")})
	known := slices.ContainsFunc(promptLocales, func(c flowclient.Choice) bool { return c.Value == f.Initial })
	if f.Initial != "" && !known {
		p.Choices = append(p.Choices, &promptChoice{Value: f.Initial, Label: f.Initial, Chosen: true})
	}
	p.choices(promptLocales, f.Initial, d.locale)
}

// choices adds the choices that authentik offers. Some releases send an initial
// value that is not one of them; nothing is then selected.
func (f *promptField) choices(offered []flowclient.Choice, initial string, l *locales.Locale) {
	for i, c := range offered {
		l := cmp.Or(strings.TrimSpace(c.Label), strings.TrimSpace(c.Value), l.Text("untitled_choice", "Number", i+1))
		f.Choices = append(f.Choices, &promptChoice{
			ID: f.ID + "-" + strconv.Itoa(i), Value: c.Value, Label: l, Chosen: c.Value == initial,
		})
	}
}

// focusChoice moves the focus of radio buttons to the one that the Tab key would
// reach.
func (f *promptField) focusChoice() {
	if f.Kind != "choices" || !f.Focus || len(f.Choices) == 0 {
		return
	}
	at := max(0, slices.IndexFunc(f.Choices, func(c *promptChoice) bool { return c.Chosen }))
	f.Choices[at].Focus = true
}

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

// drawDateTime says that the time is in UTC. Browsers' fields have no time
// zone, and authentik treats such times as UTC. Seconds are kept.
func drawDateTime(p *promptField, f flowclient.Field, d *draft) {
	p.Type, p.Value, p.Hint = "datetime-local", initialValue(f), d.text("time_utc")
	if strings.Count(p.Value, ":") > 1 {
		p.Step = "1"
	}
}

// drawFile draws a file field. No page can fill one in again, but a file that
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
