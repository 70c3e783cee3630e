package signon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// maxControls is how many controls of a page are read.
const maxControls = 10_000

var errTooManyControls = fmt.Errorf("the page has more than %d fields", maxControls)

// A loginForm is a form of the application's login page.
type loginForm struct {
	id, action, method, encoding, accepts string
	controls                              []control
}

// A control is a field or button of a form, with the value that a browser would
// send without input.
type control struct {
	kind, name, value string
	required          bool // a field that a visitor has to fill in
	sent              bool // not disabled, and checked if it is a checkbox or radio button
}

// A document is a page while its forms are read. It follows the HTML standard
// where that matters: a form lasts from its start tag to its end tag, even if
// elements of tables are between them, and a form inside another is ignored.
type document struct {
	base    string
	forms   []*loginForm
	open    *loginForm
	foreign map[string][]control // the controls that name their form, by its id
	count   int

	choice *control // the select element that is being read
	chosen bool     // whether one of its options is selected
	text   *string  // the control whose value is the text before the next tag
}

// readDocument reads the forms of a page.
func readDocument(page []byte) (*document, error) {
	d := &document{foreign: map[string][]control{}}
	z := html.NewTokenizer(bytes.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if err := z.Err(); !errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("reading the page: %w", err)
			}
			return d.finish(), nil
		case html.StartTagToken, html.SelfClosingTagToken:
			d.begin(z.Token())
		case html.EndTagToken:
			d.end(z.Token().Data)
		case html.TextToken:
			if d.text != nil {
				*d.text += string(z.Text())
			}
		}
		if d.count > maxControls {
			return nil, errTooManyControls
		}
	}
}

func (d *document) finish() *document {
	for _, f := range d.forms {
		if f.id != "" {
			f.controls = append(f.controls, d.foreign[f.id]...)
			delete(d.foreign, f.id)
		}
	}
	return d
}

// attributes returns the attributes of a tag. If a name occurs twice, the first
// counts.
func attributes(tag html.Token) map[string]string {
	all := map[string]string{}
	for _, a := range slices.Backward(tag.Attr) {
		all[a.Key] = a.Val
	}
	return all
}

func (d *document) begin(tag html.Token) {
	d.text = nil
	if tag.Data != "option" && tag.Data != "optgroup" {
		d.choice = nil
	}
	attr := attributes(tag)
	_, disabled := attr["disabled"]
	_, required := attr["required"]
	c := control{name: attr["name"], value: attr["value"], required: required, sent: !disabled}
	switch tag.Data {
	case "base":
		if d.base == "" {
			d.base = attr["href"]
		}
	case "form":
		if d.open == nil {
			d.open = &loginForm{id: attr["id"], action: attr["action"], method: strings.ToLower(attr["method"]), encoding: strings.ToLower(attr["enctype"]), accepts: attr["accept-charset"]}
			d.forms = append(d.forms, d.open)
		}
	case "input", "button":
		c.kind = kindOf(tag.Data, attr["type"])
		if _, checked := attr["checked"]; c.kind == "checkbox" || c.kind == "radio" {
			c.sent = c.sent && checked
			if _, valued := attr["value"]; !valued {
				c.value = "on"
			}
		}
		d.add(attr, c)
	case "textarea":
		c.kind, c.value = "textarea", ""
		d.text = &d.add(attr, c).value
	case "select":
		c.kind, c.value = "select", ""
		d.choice, d.chosen = d.add(attr, c), false
	case "option":
		d.option(attr)
	}
}

// option reads an option. If none is selected, the first one counts.
func (d *document) option(attr map[string]string) {
	if d.choice == nil {
		return
	}
	_, selected := attr["selected"]
	first := d.choice.value == "" && !d.chosen
	if !selected && !first {
		return
	}
	value, valued := attr["value"]
	d.choice.value, d.chosen = value, d.chosen || selected
	if !valued {
		d.text = &d.choice.value
	}
}

func (d *document) end(name string) {
	d.text = nil
	switch name {
	case "form":
		d.open = nil
	case "select":
		d.choice = nil
	}
}

// add adds a control to its form, and returns it where its value can be set.
func (d *document) add(attr map[string]string, c control) *control {
	d.count++
	owner, named := attr["form"]
	switch {
	case named:
		d.foreign[owner] = append(d.foreign[owner], c)
		return &d.foreign[owner][len(d.foreign[owner])-1]
	case d.open != nil:
		d.open.controls = append(d.open.controls, c)
		return &d.open.controls[len(d.open.controls)-1]
	default:
		return &c
	}
}

// kindOf returns the type of an input or a button.
func kindOf(element, kind string) string {
	kind = strings.ToLower(kind)
	switch {
	case element == "button" && kind == "":
		return "submit"
	case kind == "":
		return "text"
	}
	return kind
}

// neverSent are kinds of controls that a browser does not send.
var neverSent = []string{"reset", "button", "file", "image"}

// has reports whether the form has a field of this name and kind.
func (f *loginForm) has(name, kind string) bool {
	return slices.ContainsFunc(f.controls, func(c control) bool { return c.name == name && c.kind == kind && c.sent })
}

// fill returns the fields that a browser would send after a user has filled in
// the name and the password and pressed the first button.
func (f *loginForm) fill(user, password string, o Options) (url.Values, error) {
	sent, pressed := url.Values{}, false
	for _, c := range f.controls {
		switch {
		case c.kind == "submit" && pressed:
			continue
		case c.kind == "submit":
			pressed = true
		case !c.sent || c.name == "" || slices.Contains(neverSent, c.kind):
			continue
		case c.name == o.Password.Name && c.kind == "password":
			c.value = password
		case c.name == o.User.Name && c.kind != "hidden":
			c.value = user
		case c.required && c.value == "" && c.kind != "hidden":
			return nil, fmt.Errorf("the form asks for %q as well, which the gate cannot fill in", c.name)
		}
		if c.name != "" {
			sent.Add(c.name, c.value)
		}
	}
	if sent.Get(o.User.Name) != user {
		return nil, fmt.Errorf("the form with the password has no field %q for the name", o.User.Name)
	}
	return sent, nil
}

// loginFormOf returns the form with the password's field. A page must have
// exactly one.
func loginFormOf(d *document, password string) (*loginForm, error) {
	var found []*loginForm
	for _, f := range d.forms {
		if f.has(password, "password") {
			found = append(found, f)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("the page has no form with the password field %q", password)
	case 1:
		return found[0], nil
	default:
		return nil, fmt.Errorf("%d forms of the page have the password field %q", len(found), password)
	}
}
