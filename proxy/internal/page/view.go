package page

import (
	"html/template"
	"strings"
)

// A pageView is the data of layout.html. Every other template gets the same
// value, with its own part in Stage. Operators' templates use the fields and
// methods of all views by name, so these are part of the public contract;
// docs/templates.md describes them, and a test keeps it complete.
type pageView struct {
	// Language is the tag of the page's language, Direction ltr or rtl.
	Language, Direction string
	// Theme is light or dark where the brand fixes it, else empty. Layout is
	// one of authentik's layouts, or framed.
	Theme, Layout string
	// Title is for the browser's tab; Heading and Lead are on the page.
	Title, Heading, Lead string
	// Styles and Scripts are addresses, in the order in which they apply. Icon
	// is the address of the tab's icon.
	Styles, Scripts []string
	Icon            template.URL
	// Logo is the brand's, Backdrop the flow's background.
	Logo, Backdrop pictureView
	// Notice is information, Good a success, and Alerts are errors that belong
	// to no field.
	Notice, Good string
	Alerts       []string
	// Account is the user who is signing in, where authentik shows it.
	Account *accountView
	// Action is the address that the form is sent to. The form has the hidden
	// fields Visit, Back and Component.
	Action, Visit, Back, Component string
	// Afresh is the address of a new sign-in. page.js gives it to this page, so
	// that reloading the page does not send a form again. It is empty if the
	// page can be reloaded as it is. On a page that answers a form, Reload is
	// used instead, so that the new sign-in can say why it has begun, and on a
	// page that goes on after a reload. Instead is the text of a link to a new
	// sign-in, on a page of another flow that has no such link.
	Afresh, Reload, Instead string
	// Elsewhere is the address of authentik's own page, ElsewhereHost the name to
	// show for it. Afterwards says whether the visitor comes back signed in.
	Elsewhere, ElsewhereHost, Afterwards string
	// Host is authentik's public host, or the brand's title if the host is not
	// public. Links are the brand's footer links.
	Host  string
	Links []footerLink
	// Stage is the data of the stage's own template.
	Stage any
}

// An accountView is the user who is signing in.
type accountView struct {
	// Name is the user's name, or the name that was typed if authentik does not
	// send one.
	Name string
	// Face is the address of the user's picture, or empty.
	Face template.URL
}

// A footerLink is one of the brand's links, or only text if Address is empty.
type footerLink struct{ Name, Address string }

// Username is the account's name for password managers.
func (v *pageView) Username() string {
	if v.Account == nil {
		return ""
	}
	return v.Account.Name
}

// setTitle joins the heading and the brand's name.
func (v *pageView) setTitle() {
	v.Title = v.Heading
	if v.Logo.Text != "" && v.Logo.Text != v.Heading {
		v.Title += " · " + v.Logo.Text
	}
}

// An Entry is one field to type into. It is exported because templates use it
// by name where it is embedded in a promptField.
type Entry struct {
	// ID is the element's ID, Name the name of the field that is sent, and
	// Label the text above it.
	ID, Name, Label string
	// Type is the input's type, or textarea.
	Type, Value, Placeholder string
	// Autocomplete is the token of the HTML standard for password managers and
	// phones, InputMode the kind of keyboard, Class a class of the style sheet.
	Autocomplete, InputMode, Class string
	// Step is the step of a number or time.
	Step string
	// Hint is a message of ours, Help an administrator's HTML, sanitized.
	Hint string
	Help template.HTML
	// Wrong lists the errors of this field.
	Wrong              []string
	Required, ReadOnly bool
	// Exact turns off automatic capitals and spell checking.
	Exact bool
	// Focus is set on the one element that has the focus at first.
	Focus bool
	// Show is the label of the button that reveals the value; empty if there is
	// no such button.
	Show string
}

// Described lists the IDs of the elements that describe the field, for
// aria-describedby.
func (e Entry) Described() string {
	var ids []string
	if e.Help != "" {
		ids = append(ids, e.ID+"-help")
	}
	if e.Hint != "" {
		ids = append(ids, e.ID+"-hint")
	}
	if len(e.Wrong) > 0 {
		ids = append(ids, e.ID+"-wrong")
	}
	return strings.Join(ids, " ")
}

// focus sets the focus on the first entry with an error, or the first empty
// one, or the first.
func focus(entries ...*Entry) {
	var best *Entry
	for _, e := range entries {
		if best == nil || rank(e) > rank(best) {
			best = e
		}
	}
	if best != nil {
		best.Focus = true
	}
}

func rank(e *Entry) int {
	switch {
	case len(e.Wrong) > 0:
		return 3
	case e.Value == "" && !e.ReadOnly:
		return 2
	case !e.ReadOnly:
		return 1
	default:
		return 0
	}
}
