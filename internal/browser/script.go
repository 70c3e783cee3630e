package browser

import (
	"context"
	"strings"

	"golang.org/x/net/html"
)

// Put does what a script of the page does that puts something into a hidden
// field, for a person to send with the form.
func (p *Page) Put(field, v string) error {
	_, err := p.put(field, v)
	return err
}

// Script does what a script of the page does that has put something into a hidden
// field: it sends the form, presses no button, and nothing is checked.
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
