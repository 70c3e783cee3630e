package page

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A Prompt is an administrator's form.
type Prompt struct {
	Fields []*Field
	// Bare says that there is nothing to fill in.
	Bare bool
	// Elsewhere offers authentik's own page, for what cannot be given here.
	Elsewhere bool
}

// A Field is one of its fields.
type Field struct {
	Entry
	// Kind says how it is drawn: separator, static, file, checkbox, choices, list,
	// or as an entry.
	Kind    string
	Text    string
	Checked bool
	Choices []*Choice
}

// A Choice is one of the answers that a field offers.
type Choice struct {
	ID, Value, Label string
	Chosen, Focus    bool
}

// fieldName is the name of a field in our form. The prefix keeps an
// administrator's fields apart from the form's own.
func fieldName(key string) string { return "field." + key }

func showPrompt(c flowclient.Prompt, d *draft) any {
	d.heading(d.say.say("sign_in"))
	page := Prompt{}
	var entries []*Entry
	for i, f := range c.Fields {
		if f.Type == "hidden" {
			continue // authentik takes its own value, whatever is sent
		}
		drawn := drawField(f, i, d)
		page.Fields = append(page.Fields, drawn)
		if drawn.Kind == "file" && f.Required {
			d.Alerts = append(d.Alerts, d.say.say("file_needed"))
			page.Elsewhere = true
		}
		if typable(f) {
			entries = append(entries, &drawn.Entry)
		}
	}
	d.blame(c)
	focus(entries...)
	page.Bare = len(entries) == 0
	for _, f := range page.Fields {
		f.focusChoice()
	}
	return page
}

// typable reports whether a field is drawn with something to fill in.
func typable(f flowclient.Field) bool {
	switch f.Type {
	case "separator", "static", "file", "hidden":
		return false
	}
	return true
}

// focusChoice hands the focus of a group of radio buttons to the one that the
// keyboard would come to.
func (f *Field) focusChoice() {
	if f.Kind != "choices" || !f.Focus || len(f.Choices) == 0 {
		return
	}
	at := max(0, slices.IndexFunc(f.Choices, func(c *Choice) bool { return c.Chosen }))
	f.Choices[at].Focus = true
}

// blame says something where authentik has refused the answer without a word.
func (d *draft) blame(c flowclient.Prompt) {
	if c.Errors != nil && len(c.Errors) == 0 && d.refused {
		d.Alerts = append(d.Alerts, d.say.say("not_accepted"))
	}
}

func drawField(f flowclient.Field, i int, d *draft) *Field {
	p := &Field{Entry: Entry{
		ID: "f" + strconv.Itoa(i), Name: fieldName(f.Key), Label: label(f, i, d.say), Type: "text", Autocomplete: "off",
		Placeholder: f.Placeholder, Value: f.Initial, Hint: plain(f.SubText), Required: f.Required,
	}}
	if typable(f) {
		p.Wrong = d.wrong(f.Key)
	}
	if draw, ok := fieldKinds[f.Type]; ok {
		draw(p, f, d)
	}
	if !p.ReadOnly && p.Type != "password" {
		p.retype(d)
	}
	return p
}

func label(f flowclient.Field, i int, say *tongue) string {
	return cmp.Or(strings.TrimSpace(f.Label), strings.TrimSpace(f.Placeholder), strings.TrimSpace(f.Key), say.say("untitled", "Number", i+1))
}

// retype puts back what the visitor had filled in.
func (f *Field) retype(d *draft) {
	if !d.refused {
		return
	}
	f.Checked = d.posted.Has(f.Name)
	if !d.posted.Has(f.Name) {
		return
	}
	f.Value = d.posted.Get(f.Name)
	for _, c := range f.Choices {
		c.Chosen = c.Value == f.Value
	}
}

// fieldKinds is how each type of field differs from a line of text. An unknown
// type is one.
var fieldKinds = map[string]func(*Field, flowclient.Field, *draft){
	"text_area":           func(p *Field, _ flowclient.Field, _ *draft) { p.Type = "textarea" },
	"text_read_only":      func(p *Field, _ flowclient.Field, _ *draft) { p.ReadOnly = true },
	"text_area_read_only": func(p *Field, _ flowclient.Field, _ *draft) { p.Type, p.ReadOnly = "textarea", true },
	"username":            func(p *Field, _ flowclient.Field, _ *draft) { p.Autocomplete, p.Exact = "username", true },
	"email": func(p *Field, _ flowclient.Field, _ *draft) {
		p.Type, p.InputMode, p.Autocomplete, p.Exact = "email", "email", "email", true
	},
	// The value may be in the challenge after a restart, and never leaves the gate.
	"password": func(p *Field, _ flowclient.Field, _ *draft) {
		p.Type, p.Autocomplete, p.Value, p.Exact = "password", "new-password", "", true
	},
	"number": func(p *Field, _ flowclient.Field, _ *draft) { p.Type, p.InputMode = "number", "numeric" },
	// authentik counts any text at all as checked, and never requires the box.
	"checkbox": func(p *Field, f flowclient.Field, _ *draft) {
		p.Kind, p.Checked, p.Required = "checkbox", f.Initial != "", false
	},
	"radio-button-group": func(p *Field, f flowclient.Field, d *draft) {
		p.Kind = "choices"
		p.choices(f.Choices, f.Initial, d.say)
	},
	"dropdown":  drawDropdown,
	"ak-locale": drawLocale,
	"date": func(p *Field, f flowclient.Field, _ *draft) {
		p.Type, p.Value = "date", inLayout(f.Initial, time.DateOnly)
	},
	"date-time": func(p *Field, f flowclient.Field, d *draft) {
		p.Type, p.Value = "datetime-local", inLayout(f.Initial, "2006-01-02T15:04")
		p.Hint = strings.TrimSpace(p.Hint + "\n" + d.say.say("time_utc"))
	},
	"separator": func(p *Field, f flowclient.Field, _ *draft) { p.Kind, p.Text = "separator", f.Placeholder },
	"static": func(p *Field, f flowclient.Field, _ *draft) {
		p.Kind, p.Text, p.Label = "static", plain(f.Initial), f.Label
	},
	"file": func(p *Field, _ flowclient.Field, d *draft) { p.Kind, p.Text = "file", d.say.say("file_later") },
}

func drawDropdown(p *Field, f flowclient.Field, d *draft) {
	p.Kind = "list"
	if !f.Required {
		p.Choices = append(p.Choices, &Choice{})
	}
	p.choices(f.Choices, f.Initial, d.say)
}

// locales are the languages that authentik's own form offers, by what they call
// themselves. authentik takes any.
var locales = []flowclient.Choice{
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

// drawLocale offers the visitor's present language too, where it is none of these.
func drawLocale(p *Field, f flowclient.Field, d *draft) {
	p.Kind, p.Required = "list", false
	p.Choices = append(p.Choices, &Choice{Label: d.say.say("locale_auto")})
	known := slices.ContainsFunc(locales, func(c flowclient.Choice) bool { return c.Value == f.Initial })
	if f.Initial != "" && !known {
		p.Choices = append(p.Choices, &Choice{Value: f.Initial, Label: f.Initial, Chosen: true})
	}
	p.choices(locales, f.Initial, d.say)
}

// choices adds what authentik offers. An initial value that is none of them, as
// some releases send, chooses nothing.
func (f *Field) choices(offered []flowclient.Choice, initial string, say *tongue) {
	for i, c := range offered {
		l := cmp.Or(strings.TrimSpace(c.Label), strings.TrimSpace(c.Value), say.say("untitled_choice", "Number", i+1))
		f.Choices = append(f.Choices, &Choice{
			ID: f.ID + "-" + strconv.Itoa(i), Value: c.Value, Label: l, Chosen: c.Value == initial,
		})
	}
}

// inLayout brings a date into the form that the browser's own field takes, in
// UTC; what is no date is left out.
func inLayout(value, layout string) string {
	for _, in := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05Z07:00", time.DateOnly} {
		if t, err := time.Parse(in, value); err == nil {
			return t.UTC().Format(layout)
		}
	}
	return ""
}
