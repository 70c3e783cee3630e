package page

import (
	"cmp"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/locales"
)

// An identificationView asks who the visitor is.
type identificationView struct {
	// Entries are the user name and, if authentik asks for both at once, the
	// password. They are empty if there are only Flows and Sources.
	Entries []*Entry
	// Submit is the label of the button that sends them.
	Submit string
	// Flows lead to other flows, such as recovery and enrollment.
	Flows []flowButton
	// Sources are external accounts to sign in with.
	Sources []sourceButton
	// Remember offers to keep the name in the browser, which needs scripts.
	Remember bool
	// Captcha is part of the same form; nil if authentik asks for none.
	Captcha *captchaView
	// Key offers passkeys; nil if authentik does not, or if they do not work here.
	Key *keyRequest
}

// A flowButton leads to another flow.
type flowButton struct {
	// Kind is the value of the button, whose name is flow. Text is its label.
	Kind, Text string
	// Focus is set on the one element that has the focus at first.
	Focus bool
}

func drawIdentification(c flowclient.Identification, d *draft) any {
	d.defaultHeading(d.text("sign_in"))
	page := identificationView{Submit: c.PrimaryAction, Flows: flowButtons(c, d.locale), Sources: sourceButtons(c, d)}
	if len(c.UserFields) == 0 && len(page.Flows) == 0 && len(page.Sources) == 0 {
		return d.elsewhere("asks_nothing")
	}
	d.Lead = identificationLead(c, d.locale)
	if page.Submit == "" {
		page.Submit = d.text("log_in")
	}
	if len(c.UserFields) == 0 {
		page.setFocus()
		return page
	}
	if c.CaptchaStage != nil {
		drawn, ok := newCaptcha(*c.CaptchaStage, "captcha_token", d)
		if !ok {
			return d.elsewhere("asks_captcha_also")
		}
		page.Captcha = drawn
	}
	page.Entries = append(page.Entries, nameEntry(c, d))
	page.Remember = c.EnableRememberMe
	if page.Key = passkey(c, d); page.Key != nil {
		page.Entries[0].Autocomplete += " webauthn"
	}
	if c.PasswordFields {
		page.Entries = append(page.Entries, passwordEntry(d, c.AllowShowPassword))
	}
	focus(page.Entries...)
	return page
}

// setFocus sets the focus on a page without entries. If there is one source
// only, it is the main action of the page.
func (p *identificationView) setFocus() {
	if len(p.Flows) > 0 {
		p.Flows[0].Focus = true
		return
	}
	p.Sources[0].Focus, p.Sources[0].Main = true, len(p.Sources) == 1
}

func identificationLead(c flowclient.Identification, l *locales.Locale) string {
	switch {
	case c.FlowDesignation == "recovery":
		return l.Text("recovery_lead")
	case len(c.UserFields) == 0 && len(c.Sources) != 1:
		return l.Text("nothing_to_enter")
	case c.ApplicationPre != "":
		return l.Text("into", "Name", c.ApplicationPre)
	}
	return ""
}

func nameEntry(c flowclient.Identification, d *draft) *Entry {
	e := &Entry{
		ID: "uid", Name: "uid_field", Label: nameLabel(c.UserFields, d.locale), Type: "text",
		Value: d.typedOr("uid_field", cmp.Or(c.PendingUserIdentifier, d.knownName)), Autocomplete: "username",
		Wrong: d.takeErrors("uid_field"), Required: true, Exact: true,
	}
	if len(c.UserFields) == 1 && c.UserFields[0] == "email" {
		e.Type, e.InputMode = "email", "email"
	}
	return e
}

// nameLabel names the accepted kinds of user names, always in the same order.
// Each combination has a separate message, since not every language can join
// them with a word for "or".
func nameLabel(fields []string, l *locales.Locale) string {
	var kinds []string
	for _, kind := range []string{"email", "username", "upn"} {
		if slices.Contains(fields, kind) {
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) == 0 {
		return l.Text("username")
	}
	return l.Text("name_" + strings.Join(kinds, "_"))
}

// passwordEntry asks for the password. authentik decides whether it can be shown.
func passwordEntry(d *draft, shown bool) *Entry {
	e := &Entry{
		ID: "password", Name: "password", Label: d.text("password"), Type: "password",
		Autocomplete: "current-password", Wrong: d.takeErrors("password"), Required: true, Exact: true,
	}
	if shown {
		e.Show = d.text("show_password")
	}
	return e
}

func flowButtons(c flowclient.Identification, l *locales.Locale) []flowButton {
	var buttons []flowButton
	for _, w := range []struct{ address, kind, name string }{
		{c.PasswordlessURL, "passwordless", "passwordless"},
		{c.RecoveryURL, "recovery", "forgot"},
		{c.EnrollURL, "enroll", "enroll"},
	} {
		if w.address != "" {
			buttons = append(buttons, flowButton{Kind: w.kind, Text: l.Text(w.name)})
		}
	}
	return buttons
}

// readIdentification reads only the fields that were asked for. It trims the
// name, but not the password.
func readIdentification(c flowclient.Identification, form Form) (flowclient.Answer, *Mistake) {
	if response := form.Get("passkey"); response != "" && len(c.PasskeyChallenge) > 0 {
		proof, wrong := assertion(response)
		if wrong != nil {
			return nil, wrong
		}
		return flowclient.IdentificationAnswer{Passkey: proof}, nil
	}
	if len(c.UserFields) == 0 {
		return nil, mistake("", "not_answered")
	}
	a := flowclient.IdentificationAnswer{UID: strings.TrimSpace(form.Get("uid_field"))}
	if a.UID == "" {
		return nil, mistake("uid_field", "enter_name")
	}
	if c.PasswordFields {
		if a.Password = form.Get("password"); a.Password == "" {
			return nil, mistake("password", "enter_password")
		}
	}
	if c.CaptchaStage != nil {
		var wrong *Mistake
		if a.CaptchaToken, wrong = captchaToken("captcha_token", form); wrong != nil {
			return nil, wrong
		}
	}
	return a, nil
}

// A passwordView asks for the password.
type passwordView struct {
	// Password is the only entry. Username has the name that belongs to it.
	Password *Entry
	// Recovery offers the recovery flow: a button named flow with the value
	// recovery.
	Recovery bool
}

func drawPassword(c flowclient.Password, d *draft) any {
	d.defaultHeading(d.text("sign_in"))
	page := passwordView{Password: passwordEntry(d, c.AllowShowPassword), Recovery: c.RecoveryURL != ""}
	focus(page.Password)
	return page
}

// readPassword does not send an empty password: some releases of authentik count
// it as a wrong one.
func readPassword(_ flowclient.Password, form Form) (flowclient.Answer, *Mistake) {
	if form.Get("password") == "" {
		return nil, mistake("password", "enter_password")
	}
	return flowclient.PasswordAnswer{Password: form.Get("password")}, nil
}
