package browser

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Fields are what a person fills in, by the fields' names. A check box is set
// by its own value and unset by an empty one; radio buttons and lists take
// one of the values they offer. A file is chosen by what is in it.
type Fields map[string]string

// Has reports whether the page has a field of that name that a person can fill in.
func (p *Page) Has(field string) bool {
	return slices.ContainsFunc(p.forms(), func(f *html.Node) bool { return fillable(f, field) })
}

// Value is the value of the first field of that name, hidden ones included.
func (p *Page) Value(field string) (string, bool) {
	for n := range elements(p.doc) {
		if isField(n) && value(n, "name") == field {
			return initial(n), true
		}
	}
	return "", false
}

// Labelled is the name of the field with that label. What stands in parentheses
// behind the label's own words does not count.
func (p *Page) Labelled(label string) (field string, found bool) {
	for l := range elements(p.doc) {
		words, _, _ := strings.Cut(text(l), " (")
		if l.Data != "label" || words != label {
			continue
		}
		for n := range elements(p.doc) {
			if (isField(n) || isFile(n)) && has(n, "name") && (value(n, "id") == value(l, "for") && has(l, "for") || n.Parent == l) {
				return value(n, "name"), true
			}
		}
	}
	return "", false
}

// Buttons are the texts of all buttons that send a form.
func (p *Page) Buttons() []string {
	var texts []string
	for _, f := range p.forms() {
		for _, b := range buttons(f) {
			texts = append(texts, caption(b))
		}
	}
	return texts
}

// Submit fills in the first form that has all these fields, and sends it with
// a button: its text, its name, or "name=value". Without one, it is sent as by
// the Enter key, which presses the first. A browser would not send a form that
// lacks a required field; the button may say otherwise.
func (p *Page) Submit(ctx context.Context, fields Fields, button string) (*Page, error) {
	form, pressed, err := p.choose(fields, button)
	if err != nil {
		return nil, err
	}
	return p.send(ctx, form, fields, pressed)
}

// send sends a form as it is filled in.
func (p *Page) send(ctx context.Context, form *html.Node, fields Fields, pressed *html.Node) (*Page, error) {
	items, err := p.fill(form, fields, pressed)
	if err != nil {
		return nil, err
	}
	n := navigation{method: http.MethodGet, from: p}
	if n.to, err = p.resolve(of(form, pressed, "action")); err != nil {
		return nil, err
	}
	if !strings.EqualFold(of(form, pressed, "method"), http.MethodPost) {
		n.to.RawQuery = pairs(items)
		return p.browser.load(ctx, n)
	}
	n.method = http.MethodPost
	if n.form, n.kind, err = encode(of(form, pressed, "enctype"), items); err != nil {
		return nil, p.missing("%v", err)
	}
	return p.browser.load(ctx, n)
}

// of is an attribute of the form, or the button's that overrules it.
func of(form, pressed *html.Node, name string) string {
	if pressed != nil && has(pressed, "form"+name) {
		return value(pressed, "form"+name)
	}
	return value(form, name)
}

// choose finds the form and the button.
func (p *Page) choose(fields Fields, button string) (form, pressed *html.Node, err error) {
	forms := p.forms()
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		forms = slices.DeleteFunc(forms, func(f *html.Node) bool { return !fillable(f, name) })
		if len(forms) == 0 {
			return nil, nil, p.missing("there is no form with the field %q", name)
		}
	}
	for _, f := range forms {
		for _, b := range buttons(f) {
			if button == "" || named(b, button) {
				return f, b, nil
			}
		}
		if button == "" {
			return f, nil, nil
		}
	}
	if button == "" {
		return nil, nil, p.missing("there is no form")
	}
	return nil, nil, p.missing("there is no button %q", button)
}

func named(b *html.Node, button string) bool {
	name := value(b, "name")
	return caption(b) == button || name != "" && (name == button || name+"="+value(b, "value") == button)
}

func caption(b *html.Node) string {
	if b.Data == "input" {
		return value(b, "value")
	}
	return text(b)
}

func (p *Page) forms() []*html.Node {
	var forms []*html.Node
	for n := range elements(p.doc) {
		if n.Data == "form" {
			forms = append(forms, n)
		}
	}
	return forms
}

func buttons(form *html.Node) []*html.Node {
	var found []*html.Node
	for n := range elements(form) {
		kind := strings.ToLower(value(n, "type"))
		sends := n.Data == "button" && (kind == "" || kind == "submit") || n.Data == "input" && (kind == "submit" || kind == "image")
		if sends && !disabled(n) {
			found = append(found, n)
		}
	}
	return found
}

func isField(n *html.Node) bool {
	if n.Data == "textarea" || n.Data == "select" {
		return true
	}
	kind := strings.ToLower(value(n, "type"))
	return n.Data == "input" && !slices.Contains([]string{"submit", "image", "button", "reset", "file"}, kind)
}

// disabled also sees a fieldset around the field.
func disabled(n *html.Node) bool {
	for at := n; at != nil; at = at.Parent {
		if has(at, "disabled") && (at == n || at.Data == "fieldset") {
			return true
		}
	}
	return false
}

func fillable(form *html.Node, name string) bool {
	for n := range elements(form) {
		hidden := strings.EqualFold(value(n, "type"), "hidden")
		if (isField(n) || isFile(n)) && value(n, "name") == name && !hidden && !disabled(n) && !has(n, "readonly") {
			return true
		}
	}
	return false
}

// fill writes down the form with what was filled in (HTML, "constructing the
// entry list").
func (p *Page) fill(form *html.Node, fields Fields, pressed *html.Node) ([]item, error) {
	var items []item
	met := map[string]bool{}
	for n := range elements(form) {
		name := value(n, "name")
		if n == pressed && name != "" {
			items = append(items, item{name: name, value: value(n, "value")})
		}
		if !isField(n) && !isFile(n) || disabled(n) || name == "" {
			continue
		}
		if isFile(n) {
			items = append(items, chosen(n, fields))
			met[name] = met[name] || fields[name] != ""
			continue
		}
		v, sent, err := entry(n, fields)
		if err != nil {
			return nil, p.missing("%v", err)
		}
		if sent {
			items = append(items, item{name: name, value: v})
		}
		met[name] = met[name] || sent && v != ""
	}
	if err := p.complete(form, pressed, met); err != nil {
		return nil, err
	}
	return items, p.offered(form, fields)
}

// entry is what a field sends, if it sends anything.
func entry(n *html.Node, fields Fields) (v string, sent bool, err error) {
	want, filled := fields[value(n, "name")]
	filled = filled && !has(n, "readonly")
	kind := strings.ToLower(value(n, "type"))
	switch {
	case n.Data == "select":
		return selected(n, want, filled)
	case n.Data == "input" && (kind == "checkbox" || kind == "radio"):
		own := "on"
		if has(n, "value") {
			own = value(n, "value")
		}
		if filled {
			return own, want == own, nil
		}
		return own, has(n, "checked"), nil
	case filled && kind != "hidden":
		return want, true, nil
	default:
		return initial(n), true, nil
	}
}

// initial is the value that a field has when the page is loaded.
func initial(n *html.Node) string {
	switch n.Data {
	case "textarea":
		var b strings.Builder
		for c := range n.ChildNodes() {
			b.WriteString(c.Data)
		}
		return b.String()
	case "select":
		v, _, _ := selected(n, "", false)
		return v
	default:
		return value(n, "value")
	}
}

func selected(n *html.Node, want string, filled bool) (v string, sent bool, err error) {
	var first, marked *html.Node
	for o := range elements(n) {
		if o.Data != "option" || disabled(o) {
			continue
		}
		if filled && optionValue(o) == want {
			return want, true, nil
		}
		if first == nil {
			first = o
		}
		if has(o, "selected") {
			marked = o
		}
	}
	switch {
	case filled:
		return "", false, fmt.Errorf("the list %q does not offer %q; it stands", value(n, "name"), want)
	case marked != nil:
		return optionValue(marked), true, nil
	case first != nil:
		return optionValue(first), true, nil
	default:
		return "", false, nil
	}
}

func optionValue(o *html.Node) string {
	if has(o, "value") {
		return value(o, "value")
	}
	var b strings.Builder
	for c := range o.ChildNodes() {
		b.WriteString(c.Data)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// complete is what a browser checks before it sends a form.
func (p *Page) complete(form, pressed *html.Node, met map[string]bool) error {
	if has(form, "novalidate") || pressed != nil && has(pressed, "formnovalidate") {
		return nil
	}
	for n := range elements(form) {
		name := value(n, "name")
		if (isField(n) || isFile(n)) && has(n, "required") && !disabled(n) && !has(n, "readonly") && !met[name] {
			return p.missing("the browser does not send the form: the field %q is required", name)
		}
	}
	return nil
}

// offered checks that radio buttons and check boxes have the values that were chosen.
func (p *Page) offered(form *html.Node, fields Fields) error {
	for name, want := range fields {
		var boxes, chosen bool
		for n := range elements(form) {
			kind := strings.ToLower(value(n, "type"))
			if n.Data != "input" || value(n, "name") != name || kind != "checkbox" && kind != "radio" {
				continue
			}
			_, sent, _ := entry(n, fields)
			boxes, chosen = true, chosen || sent || want == "" && kind == "checkbox"
		}
		if boxes && !chosen {
			return p.missing("the field %q does not offer %q; it stands", name, want)
		}
	}
	return nil
}
