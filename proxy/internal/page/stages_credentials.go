package page

import (
	"cmp"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// An Identification asks who the visitor is.
type Identification struct {
	// Entries are the name and, where authentik asks for both at once, the
	// password. There are none where other ways are all there is.
	Entries []*Entry
	// Submit is on the button that sends them.
	Submit string
	// Flows lead to other flows: for a lost password, for a new account.
	Flows []FlowWay
	// Sources are other places to sign in.
	Sources []SourceWay
	// Remember offers to keep the name in the browser, which a script does.
	Remember bool
	// Captcha asks for proof of being human in the same form; nil where authentik
	// does not.
	Captcha *Captcha
	// Key offers passkeys, where authentik does and they work here.
	Key *Key
}

// A FlowWay is a button that leads into another flow.
type FlowWay struct {
	// Kind is the value of the button, whose name is flow; Text is on it.
	Kind, Text string
	// Focus is set on the one element at which the page begins.
	Focus bool
}

func showIdentification(c flowclient.Identification, d *draft) any {
	d.heading(d.say.say("sign_in"))
	page := Identification{Submit: c.PrimaryAction, Flows: flowWays(c, d.say), Sources: sourceWays(c, d)}
	if len(c.UserFields) == 0 && len(page.Flows) == 0 && len(page.Sources) == 0 {
		return d.away("asks_nothing")
	}
	d.Lead = identificationLead(c, d.say)
	if page.Submit == "" {
		page.Submit = d.say.say("log_in")
	}
	if len(c.UserFields) == 0 {
		page.begin()
		return page
	}
	if c.CaptchaStage != nil {
		drawn, ok := captchaOf(*c.CaptchaStage, "captcha_token", d)
		if !ok {
			return d.away("asks_captcha_also")
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

// begin chooses where a page begins that has nothing to enter. The one way on that there is,
// is what the page is for.
func (p *Identification) begin() {
	if len(p.Flows) > 0 {
		p.Flows[0].Focus = true
		return
	}
	p.Sources[0].Focus, p.Sources[0].Main = true, len(p.Sources) == 1
}

func identificationLead(c flowclient.Identification, say *tongue) string {
	switch {
	case c.FlowDesignation == "recovery":
		return say.say("recovery_lead")
	case len(c.UserFields) == 0 && len(c.Sources) != 1:
		return say.say("nothing_to_enter")
	case c.ApplicationPre != "":
		return say.say("into", "Name", c.ApplicationPre)
	}
	return ""
}

func nameEntry(c flowclient.Identification, d *draft) *Entry {
	e := &Entry{
		ID: "uid", Name: "uid_field", Label: nameLabel(c.UserFields, d.say), Type: "text",
		Value: d.typed("uid_field", cmp.Or(c.PendingUserIdentifier, d.called)), Autocomplete: "username",
		Wrong: d.wrong("uid_field"), Required: true, Exact: true,
	}
	if len(c.UserFields) == 1 && c.UserFields[0] == "email" {
		e.Type, e.InputMode = "email", "email"
	}
	return e
}

// nameLabel says what may be typed, in one order whatever authentik's is. Each
// combination has words of its own, as "or" alone does not join them everywhere.
func nameLabel(fields []string, say *tongue) string {
	var kinds []string
	for _, kind := range []string{"email", "username", "upn"} {
		if slices.Contains(fields, kind) {
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) == 0 {
		return say.say("username")
	}
	return say.say("name_" + strings.Join(kinds, "_"))
}

// passwordEntry asks for the password. Whether it can be looked at is authentik's to say.
func passwordEntry(d *draft, shown bool) *Entry {
	e := &Entry{
		ID: "password", Name: "password", Label: d.say.say("password"), Type: "password",
		Autocomplete: "current-password", Wrong: d.wrong("password"), Required: true, Exact: true,
	}
	if shown {
		e.Show = d.say.say("show_password")
	}
	return e
}

func flowWays(c flowclient.Identification, say *tongue) []FlowWay {
	var ways []FlowWay
	for _, w := range []struct{ address, kind, name string }{
		{c.PasswordlessURL, "passwordless", "passwordless"},
		{c.RecoveryURL, "recovery", "forgot"},
		{c.EnrollURL, "enroll", "enroll"},
	} {
		if w.address != "" {
			ways = append(ways, FlowWay{Kind: w.kind, Text: say.say(w.name)})
		}
	}
	return ways
}

// readIdentification sends nothing that was not asked for. Passwords are left as
// they are; a name has no blanks around it.
func readIdentification(c flowclient.Identification, form Form) (flowclient.Answer, *Mistake) {
	if said := form.Get("passkey"); said != "" && len(c.PasskeyChallenge) > 0 {
		proof, wrong := assertion(said)
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

// A Password asks for the password.
type Password struct {
	// Password is the one entry. The name that belongs to it is View.Username.
	Password *Entry
	// Recovery offers the flow for a lost password: a button named flow with
	// the value recovery.
	Recovery bool
}

func showPassword(c flowclient.Password, d *draft) any {
	d.heading(d.say.say("sign_in"))
	page := Password{Password: passwordEntry(d, c.AllowShowPassword), Recovery: c.RecoveryURL != ""}
	focus(page.Password)
	return page
}

// readPassword asks for an empty password again by itself: some releases of
// authentik count it as a wrong one.
func readPassword(_ flowclient.Password, form Form) (flowclient.Answer, *Mistake) {
	if form.Get("password") == "" {
		return nil, mistake("password", "enter_password")
	}
	return flowclient.PasswordAnswer{Password: form.Get("password")}, nil
}
