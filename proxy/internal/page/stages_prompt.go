package page

import (
	"cmp"
	"html/template"
	"slices"
	"strconv"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A Prompt is an administrator's form.
type promptView struct {
	// Fields are in the order in which they are asked. Hidden ones are not among
	// them: authentik takes its own value for those.
	Fields []*promptField
	// Bare says that there is nothing to fill in.
	Bare bool
	// Upload says that the form has a file in it, and must be sent as
	// multipart/form-data.
	Upload bool
	// Username is the name that a password manager should keep the new password
	// under, where the form asks for a password and not for a name.
	Username string
}

// A Field is one of its fields.
type promptField struct {
	// Entry is what there is to fill in; separators and static texts have none of
	// it but the ID.
	Entry
	// Kind says how the field is drawn: separator, static, file, checkbox, choices
	// (one of a group), list (one of a list), or empty for an entry to type.
	Kind string
	// Text stands in a separator.
	Text string
	// Static is the administrator's HTML, cleaned, of a static text.
	Static template.HTML
	// Checked is the state of a checkbox.
	Checked bool
	// Choices are those of a group or list.
	Choices []*promptChoice
}

// A Choice is one of the answers that a field offers. One without a value
// answers nothing.
type promptChoice struct {
	ID, Value, Label string
	// Chosen is the one that is chosen at first, Focus where the page begins.
	Chosen, Focus bool
}

// fieldName is the name of a field in our form. The prefix keeps an
// administrator's fields apart from the form's own.
func fieldName(key string) string { return "field." + key }

func drawPrompt(c flowclient.Prompt, d *draft) any {
	d.defaultHeading(d.text("sign_in"))
	page := promptView{}
	var entries []*Entry
	for i, f := range c.Fields {
		if f.Type == "hidden" {
			continue // authentik takes its own value, whatever is sent
		}
		drawn := drawField(f, i, d)
		page.Fields = append(page.Fields, drawn)
		page.Upload = page.Upload || drawn.Kind == "file"
		if fillable(f) {
			entries = append(entries, &drawn.Entry)
		}
	}
	page.Username = newPasswordUser(c, d)
	d.explainRefusal(c)
	focus(entries...)
	page.Bare = len(entries) == 0
	for _, f := range page.Fields {
		f.focusChoice()
	}
	return page
}

// newPasswordOf is whose new password the form asks for, where it does not ask
// for the name as well.
func newPasswordUser(c flowclient.Prompt, d *draft) string {
	has := func(kind flowclient.FieldType) bool {
		return slices.ContainsFunc(c.Fields, func(f flowclient.Field) bool { return f.Type == kind })
	}
	if has("password") && !has("username") {
		return d.Username()
	}
	return ""
}

// typable reports whether a field is drawn with something to fill in.
func fillable(f flowclient.Field) bool {
	switch f.Type {
	case "separator", "static", "hidden":
		return false
	}
	return true
}

// blame says something where authentik has refused the answer without a word.
func (d *draft) explainRefusal(c flowclient.Prompt) {
	if c.Errors != nil && len(c.Errors) == 0 && d.refused {
		d.Alerts = append(d.Alerts, d.text("not_accepted"))
	}
}

func drawField(f flowclient.Field, i int, d *draft) *promptField {
	p := &promptField{Entry: Entry{
		ID: "f" + strconv.Itoa(i), Name: fieldName(f.Key), Label: label(f, i, d.locale), Type: "text", Autocomplete: "off",
		Placeholder: f.Placeholder, Value: f.Initial, Help: sanitize(f.SubText), Required: f.Required,
	}}
	if fillable(f) {
		p.Wrong = d.takeErrors(f.Key)
	}
	if draw, ok := fieldKinds[f.Type]; ok {
		draw(p, f, d)
	}
	if !p.ReadOnly && p.Type != "password" {
		p.restore(d)
	}
	return p
}

func label(f flowclient.Field, i int, l *locale) string {
	return cmp.Or(strings.TrimSpace(f.Label), strings.TrimSpace(f.Placeholder), strings.TrimSpace(f.Key), l.text("untitled", "Number", i+1))
}

// retype puts back what the visitor had filled in.
func (f *promptField) restore(d *draft) {
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
var fieldKinds = map[flowclient.FieldType]func(*promptField, flowclient.Field, *draft){
	"text_area":           func(p *promptField, _ flowclient.Field, _ *draft) { p.Type = "textarea" },
	"text_read_only":      func(p *promptField, _ flowclient.Field, _ *draft) { p.ReadOnly = true },
	"text_area_read_only": func(p *promptField, _ flowclient.Field, _ *draft) { p.Type, p.ReadOnly = "textarea", true },
	"username":            func(p *promptField, _ flowclient.Field, _ *draft) { p.Autocomplete, p.Exact = "username", true },
	"email": func(p *promptField, _ flowclient.Field, _ *draft) {
		p.Type, p.InputMode, p.Autocomplete, p.Exact = "email", "email", "email", true
	},
	// The value may be in the challenge after a restart, and never leaves the gate.
	"password": func(p *promptField, _ flowclient.Field, _ *draft) {
		p.Type, p.Autocomplete, p.Value, p.Exact = "password", "new-password", "", true
	},
	// Whole numbers of either sign: the keyboard of inputmode=numeric has no minus.
	"number": func(p *promptField, f flowclient.Field, _ *draft) {
		p.Type, p.Step, p.Value = "number", "1", initialValue(f)
	},
	// authentik counts any text at all as checked, and never requires the box.
	"checkbox": func(p *promptField, f flowclient.Field, _ *draft) {
		p.Kind, p.Checked, p.Required = "checkbox", f.Initial != "", false
	},
	"radio-button-group": func(p *promptField, f flowclient.Field, d *draft) {
		p.Kind = "choices"
		p.choices(f.Choices, f.Initial, d.locale)
	},
	"dropdown":  drawDropdown,
	"ak-locale": drawLocale,
	"date": func(p *promptField, f flowclient.Field, _ *draft) {
		p.Type, p.Value = "date", initialValue(f)
	},
	"date-time": drawDateTime,
	"separator": func(p *promptField, f flowclient.Field, _ *draft) {
		p.Kind, p.Text, p.Help = "separator", f.Placeholder, ""
	},
	// authentik's own page shows neither the label nor the help of a static text.
	"static": func(p *promptField, f flowclient.Field, _ *draft) {
		p.Kind, p.Static, p.Help = "static", sanitize(f.Initial), ""
	},
	"file": drawFile,
}
