package page

import (
	"html/template"
)

// A View is what the templates see of a page: layout.html all of it, and a
// stage's own template the same, with its own part in Stage.
type pageView struct {
	// Language is the tag of the page's language, Direction its direction: ltr or rtl.
	Language, Direction string
	// Theme is light or dark where the brand has fixed it, else empty. Layout is
	// one of authentik's, or framed.
	Theme, Layout string
	// Title stands in the browser's tab, Heading and Lead on the page.
	Title, Heading, Lead string
	// Styles and Scripts are addresses, in the order in which they count. Icon is
	// that of the tab.
	Styles, Scripts []string
	Icon            template.URL
	// Logo and Backdrop are the brand's and the flow's.
	Logo, Backdrop pictureView
	// Notice is news, Good is good news, Alerts is what went wrong.
	Notice, Good string
	Alerts       []string
	// Account is who is signing in, where authentik shows it.
	Account *accountView
	// Action is where the form goes, with the hidden fields below. Afresh is
	// where a new sign-in begins, and empty where the page's own address is as good.
	Action, Afresh, Visit, Back, Component string
	// Elsewhere leads to authentik's own page, ElsewhereHost is its name, and Afterwards says what comes of a
	// sign-in there.
	Elsewhere, ElsewhereHost, Afterwards string
	// Host is authentik's, for the foot of the page; Links are the brand's.
	Host  string
	Links []footerLink
	// Stage is what the stage's own template needs: one of the types of this
	// package, which says so.
	Stage any
}

// An Account is who is signing in.
type accountView struct {
	// Name is the user's, or what was typed where authentik does not tell.
	Name string
	// Face is the address of a picture of them; empty where there is none.
	Face template.URL
}

// A FootLink is a link of the brand; without an address it is only words.
type footerLink struct{ Name, Address string }

// Username is the account's name for password managers.
func (v *pageView) Username() string {
	if v.Account == nil {
		return ""
	}
	return v.Account.Name
}

// name puts the heading and the brand into the browser's tab.
func (v *pageView) setTitle() {
	v.Title = v.Heading
	if v.Logo.Text != "" && v.Logo.Text != v.Heading {
		v.Title += " · " + v.Logo.Text
	}
}
