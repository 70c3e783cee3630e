package page

import (
	"math"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A Consent asks whether an application may have what it asks for.
type Consent struct{ Granted, Asked *Permissions }

// A Permissions is a heading and what stands below it.
type Permissions struct {
	Name        string
	Permissions []string
}

func showConsent(c flowclient.Consent, d *draft) any {
	d.heading(d.say.say("continue"))
	d.Lead = c.Header
	if len(c.AdditionalPermissions) > 0 {
		return Consent{
			Granted: permissions(d.say.say("consent_granted"), c.Permissions),
			Asked:   permissions(d.say.say("consent_asked"), c.AdditionalPermissions),
		}
	}
	return Consent{Asked: permissions(d.say.say("consent_wants"), c.Permissions)}
}

// permissions lists what has a name: the others are not meant for people.
func permissions(name string, all []flowclient.Permission) *Permissions {
	list := Permissions{Name: name}
	for _, p := range all {
		if p.Name != "" && p.ID != "openid" {
			list.Permissions = append(list.Permissions, p.Name)
		}
	}
	if len(list.Permissions) == 0 {
		return nil
	}
	return &list
}

// readConsent takes the token from the challenge, which the visit has sealed. To
// decline is no answer: it begins anew.
func readConsent(c flowclient.Consent, _ Form) (flowclient.Answer, *Mistake) {
	return flowclient.ConsentAnswer{Token: c.Token}, nil
}

// A Button asks for a click, or for one of two.
type Button struct {
	Words string
	// Text is on the button; Name and Value are what it sends.
	Text, Name, Value, Class string
	Other                    *Turn
	// Rest is for how many seconds the button should not be pressed again.
	Rest int
}

// showEmail waits for the link in the mail. That the mail was sent again is told
// as an error, also where it was not.
func showEmail(_ flowclient.Email, d *draft) any {
	d.heading(d.say.say("email_title"))
	d.Lead = d.mailed()
	wrong := d.errors[flowclient.NonField]
	for i, w := range wrong {
		if w == "email-sent" {
			d.errors[flowclient.NonField] = append(wrong[:i:i], wrong[i+1:]...)
			d.Good = d.say.say("email_sent")
			break
		}
	}
	return Button{Words: d.say.say("email_patience"), Text: d.say.say("email_again"), Class: "quiet", Rest: d.resting()}
}

// resting has a button that sends something again rest for as long as it should.
func (d *draft) resting() int {
	if d.rest <= 0 {
		return 0
	}
	d.run("press.js")
	return int(math.Ceil(d.rest.Seconds()))
}

// mailed says that there is a mail, and where its link leads unless that is here.
func (d *draft) mailed() string {
	if cfg := d.pages.cfg; !cfg.LinksHere && cfg.PublicHost != "" {
		return d.say.say("mail_lead_away", "Host", cfg.PublicHost)
	}
	return d.say.say("email_lead")
}

func readEmail(flowclient.Email, Form) (flowclient.Answer, *Mistake) {
	return flowclient.EmailAnswer{}, nil
}

func showUserLogin(_ flowclient.UserLogin, d *draft) any {
	d.heading(d.say.say("sign_in"))
	d.Lead = d.say.say("login_stay")
	return Button{
		Words: d.say.say("login_why"), Text: d.say.say("login_yes"), Name: "remember_me", Value: "1",
		Other: &Turn{"remember_me", "0", d.say.say("login_no")},
	}
}

// readUserLogin stays signed in only where that was said.
func readUserLogin(_ flowclient.UserLogin, form Form) (flowclient.Answer, *Mistake) {
	return flowclient.UserLoginAnswer{RememberMe: form.Get("remember_me") == "1"}, nil
}

func showDummy(c flowclient.Dummy, d *draft) any {
	d.heading(d.say.say("sign_in"))
	return Button{Words: c.Name, Text: d.say.say("continue")}
}

func readDummy(flowclient.Dummy, Form) (flowclient.Answer, *Mistake) {
	return flowclient.DummyAnswer{}, nil
}

func showDeviceCode(_ flowclient.DeviceCode, d *draft) any {
	d.heading(d.say.say("device_title"))
	page := Code{Code: codeEntry(d)}
	page.Code.Autocomplete = "off"
	page.Code.Hint = d.say.say("device_code_hint")
	return page
}

func readDeviceCode(_ flowclient.DeviceCode, form Form) (flowclient.Answer, *Mistake) {
	typed, wrong := code(form)
	if wrong != nil {
		return nil, wrong
	}
	return flowclient.DeviceCodeAnswer{Code: typed}, nil
}
