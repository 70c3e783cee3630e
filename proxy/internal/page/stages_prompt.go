package page

import (
	"cmp"
	"html/template"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/locales"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/markup"
)

// A promptView is an administrator's form.
type promptView struct {
	// Fields are in the administrator's order. Hidden fields are left out:
	// authentik uses its own value for them.
	Fields []*promptField
	// Bare reports that there is nothing to fill in.
	Bare bool
	// Upload reports that the form has a file and has to be sent as
	// multipart/form-data.
	Upload bool
	// Username is the name under which a password manager should save the new
	// password, if the form asks for a password but not for a name.
	Username string
}

// A promptField is one field of the form.
type promptField struct {
	// Entry has the field's properties; separators and static texts use only the
	// ID.
	Entry
	// Kind says how the field is drawn: separator, static, file, checkbox, choices
	// (radio buttons), list (a select), or empty for a field to type into.
	Kind string
	// Text is the text of a separator.
	Text string
	// Static is the administrator's HTML of a static text, sanitized.
	Static template.HTML
	// Alert is info, warning or danger if the static text should stand out.
	Alert string
	// Checked is the state of a checkbox.
	Checked bool
	// Choices are those of a group or list.
	Choices []*promptChoice
}

// A promptChoice is one of the answers that a field offers. A choice without a
// value is not an answer.
type promptChoice struct {
	ID, Value, Label string
	// Chosen is set on the choice that is selected at first, Focus on the one
	// element that has the focus at first.
	Chosen, Focus bool
}

// fieldName returns the name of a field in our form. The prefix separates the
// administrator's fields from the form's own.
func fieldName(key string) string { return "field." + key }

func drawPrompt(c flowclient.Prompt, d *draft) any {
	d.defaultHeading(d.text("sign_in"))
	page := promptView{}
	var entries []*Entry
	for i, f := range c.Fields {
		if f.Type == "hidden" {
			continue // authentik ignores the value that is sent
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

// newPasswordUser returns the user whose new password the form asks for. It
// returns "" if the form asks for the name as well.
func newPasswordUser(c flowclient.Prompt, d *draft) string {
	has := func(kind flowclient.FieldType) bool {
		return slices.ContainsFunc(c.Fields, func(f flowclient.Field) bool { return f.Type == kind })
	}
	if has("password") && !has("username") {
		return d.Username()
	}
	return ""
}

// fillable reports whether a field takes input.
func fillable(f flowclient.Field) bool { return f.Type != flowclient.FieldHidden && !fixed(f) }

// fixed reports whether a field only shows something. An unknown type counts as
// fixed if it comes with HTML: a text field would show the source of the HTML
// and send it back.
func fixed(f flowclient.Field) bool {
	_, known := fieldKinds[f.Type]
	return f.Type.Fixed() || !known && startTag.MatchString(f.Initial)
}

// startTag matches the beginning of an HTML element.
var startTag = regexp.MustCompile(`<[A-Za-z][^<>]*>`)

// explainRefusal adds a message if authentik refused the answer without one.
func (d *draft) explainRefusal(c flowclient.Prompt) {
	if c.Errors != nil && len(c.Errors) == 0 && d.refused {
		d.Alerts = append(d.Alerts, d.text("not_accepted"))
	}
}

func drawField(f flowclient.Field, i int, d *draft) *promptField {
	p := &promptField{Entry: Entry{
		ID: "f" + strconv.Itoa(i), Name: fieldName(f.Key), Label: label(f, i, d.locale), Type: "text", Autocomplete: "off",
		Placeholder: f.Placeholder, Value: f.Initial, Help: markup.Sanitize(f.SubText), Required: f.Required,
	}}
	if fillable(f) {
		p.Wrong = d.takeErrors(f.Key)
	}
	draw, known := fieldKinds[f.Type]
	if !known && fixed(f) {
		draw, known = drawStatic(""), true
	}
	if known {
		draw(p, f, d)
	}
	if !p.ReadOnly && p.Type != "password" {
		p.restore(d)
	}
	return p
}

func label(f flowclient.Field, i int, l *locales.Locale) string {
	return cmp.Or(strings.TrimSpace(f.Label), strings.TrimSpace(f.Placeholder), strings.TrimSpace(f.Key), l.Text("untitled", "Number", i+1))
}

// restore fills in what the visitor sent.
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

// fieldKinds says how each type of field differs from a line of text.
var fieldKinds = map[flowclient.FieldType]func(*promptField, flowclient.Field, *draft){
	"text":                func(*promptField, flowclient.Field, *draft) {},
	"text_area":           func(p *promptField, _ flowclient.Field, _ *draft) { p.Type = "textarea" },
	"text_read_only":      func(p *promptField, _ flowclient.Field, _ *draft) { p.ReadOnly = true },
	"text_area_read_only": func(p *promptField, _ flowclient.Field, _ *draft) { p.Type, p.ReadOnly = "textarea", true },
	"username":            func(p *promptField, _ flowclient.Field, _ *draft) { p.Autocomplete, p.Exact = "username", true },
	"email": func(p *promptField, _ flowclient.Field, _ *draft) {
		p.Type, p.InputMode, p.Autocomplete, p.Exact = "email", "email", "email", true
	},
	// The value may be in the challenge after a restart. It is never sent out.
	"password": func(p *promptField, _ flowclient.Field, _ *draft) {
		p.Type, p.Autocomplete, p.Value, p.Exact = "password", "new-password", "", true
	},
	// Integers, without inputmode=numeric: that keyboard has no minus.
	"number": func(p *promptField, f flowclient.Field, _ *draft) {
		p.Type, p.Step, p.Value = "number", "1", initialValue(f)
	},
	// authentik treats any text as checked, and never requires a checkbox.
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
	"static":        drawStatic(""),
	"alert_info":    drawStatic("info"),
	"alert_warning": drawStatic("warning"),
	"alert_danger":  drawStatic("danger"),
	"file":          drawFile,
}

// drawStatic returns a function that draws fixed text. authentik's own page shows
// no label and no help for it.
func drawStatic(alert string) func(*promptField, flowclient.Field, *draft) {
	return func(p *promptField, f flowclient.Field, _ *draft) {
		p.Kind, p.Static, p.Alert, p.Help = "static", markup.Sanitize(f.Initial), alert, ""
	}
}
