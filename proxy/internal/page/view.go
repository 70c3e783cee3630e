package page

import "html/template"

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
	// Action is the address that the form is sent to, together with the hidden
	// fields Visit, Back and Component.
	Action, Visit, Back, Component string
	// Afresh is the address of a new sign-in, which page.js gives to this page so
	// that reloading it does not send a form again. It is empty if the page can be
	// reloaded as it is. Reload is used instead of it on a page that answers a
	// form, so that the new sign-in can say why it has begun.
	Afresh, Reload string
	// Elsewhere is the address of authentik's own page, ElsewhereHost its name
	// for people. Afterwards says whether the visitor comes back signed in.
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
	// Name is the user's name, or the name that was typed where authentik does
	// not tell.
	Name string
	// Face is the address of the user's picture, empty if there is none.
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
