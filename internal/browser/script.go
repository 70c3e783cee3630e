package browser

import (
	"context"
	"strings"

	"golang.org/x/net/html"
)

// Put sets a hidden field, as a script of the page does. A person sends it with
// the form.
func (p *Page) Put(field, v string) error {
	_, err := p.put(field, v)
	return err
}

// Script sets a hidden field and sends its form, as a script of the page does: no
// button is pressed, and required fields are not checked.
func (p *Page) Script(ctx context.Context, field, v string) (*Page, error) {
	form, err := p.put(field, v)
	if err != nil {
		return nil, err
	}
	set(form, "novalidate", "")
	return p.send(ctx, form, nil, nil)
}

func (p *Page) put(field, v string) (form *html.Node, err error) {
	for _, form := range p.forms() {
		for n := range elements(form) {
			if isField(n) && value(n, "name") == field && strings.EqualFold(value(n, "type"), "hidden") {
				set(n, "value", v)
				return form, nil
			}
		}
	}
	return nil, p.missing("there is no hidden field %q", field)
}
