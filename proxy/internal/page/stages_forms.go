package page

import (
	"math"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A consentView asks the visitor to allow an application what it asks for.
type consentView struct{ Granted, Asked *permissionList }

// A permissionList is a heading with permissions below it.
type permissionList struct {
	Name        string
	Permissions []string
}

func drawConsent(c flowclient.Consent, d *draft) any {
	d.defaultHeading(d.text("continue"))
	d.Lead = c.Header
	if len(c.AdditionalPermissions) > 0 {
		return consentView{
			Granted: permissions(d.text("consent_granted"), c.Permissions),
			Asked:   permissions(d.text("consent_asked"), c.AdditionalPermissions),
		}
	}
	return consentView{Asked: permissions(d.text("consent_wants"), c.Permissions)}
}

// permissions returns the permissions that have a name, or nil. The others are
// not meant for people.
func permissions(name string, all []flowclient.Permission) *permissionList {
	list := permissionList{Name: name}
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

// readConsent takes the token from the challenge, which is sealed in the visit.
// Declining is not an answer; it starts a new sign-in.
func readConsent(c flowclient.Consent, _ Form) (flowclient.Answer, *Mistake) {
	return flowclient.ConsentAnswer{Token: c.Token}, nil
}

// A buttonView has one or two buttons.
type buttonView struct {
	Words string
	// Text is the button's label; Name and Value are what it sends.
	Text, Name, Value, Class string
	Other                    *formButton
	// Rest is for how many seconds the button should stay disabled.
	Rest int
}

// drawEmail waits for the link in the mail. authentik reports as an error that
// the mail was sent again, even if it was not.
func drawEmail(_ flowclient.Email, d *draft) any {
	d.defaultHeading(d.text("email_title"))
	d.Lead = d.mailSentText()
	wrong := d.errors[flowclient.NonField]
	for i, w := range wrong {
		if w == "email-sent" {
			d.errors[flowclient.NonField] = append(wrong[:i:i], wrong[i+1:]...)
			d.Good = d.text("email_sent")
			break
		}
	}
	return buttonView{Words: d.text("email_patience"), Text: d.text("email_again"), Class: "quiet", Rest: d.resendDelay()}
}

// resendDelay returns for how many seconds a button that sends a message again
// should be disabled.
func (d *draft) resendDelay() int {
	if d.resendAfter <= 0 {
		return 0
	}
	d.addScript("press.js")
	return int(math.Ceil(d.resendAfter.Seconds()))
}

// mailSentText says that a mail was sent, and where its link leads if not here.
func (d *draft) mailSentText() string {
	if cfg := d.pages.cfg; !cfg.MailLinksHere && cfg.PublicHost != "" {
		return d.text("mail_lead_away", "Host", cfg.PublicHost)
	}
	return d.text("email_lead")
}

func readEmail(flowclient.Email, Form) (flowclient.Answer, *Mistake) {
	return flowclient.EmailAnswer{}, nil
}

func drawUserLogin(_ flowclient.UserLogin, d *draft) any {
	d.defaultHeading(d.text("sign_in"))
	d.Lead = d.text("login_stay")
	return buttonView{
		Words: d.text("login_why"), Text: d.text("login_yes"), Name: "remember_me", Value: "1",
		Other: &formButton{"remember_me", "0", d.text("login_no")},
	}
}

// readUserLogin keeps the visitor signed in only if they chose so.
func readUserLogin(_ flowclient.UserLogin, form Form) (flowclient.Answer, *Mistake) {
	return flowclient.UserLoginAnswer{RememberMe: form.Get("remember_me") == "1"}, nil
}

func drawDummy(c flowclient.Dummy, d *draft) any {
	d.defaultHeading(d.text("sign_in"))
	return buttonView{Words: c.Name, Text: d.text("continue")}
}

func readDummy(flowclient.Dummy, Form) (flowclient.Answer, *Mistake) {
	return flowclient.DummyAnswer{}, nil
}

func drawDeviceCode(_ flowclient.DeviceCode, d *draft) any {
	d.defaultHeading(d.text("device_title"))
	page := codeView{Code: codeEntry(d)}
	page.Code.Autocomplete = "off"
	page.Code.Hint = d.text("device_code_hint")
	return page
}

func readDeviceCode(_ flowclient.DeviceCode, form Form) (flowclient.Answer, *Mistake) {
	typed, wrong := code(form)
	if wrong != nil {
		return nil, wrong
	}
	return flowclient.DeviceCodeAnswer{Code: typed}, nil
}
