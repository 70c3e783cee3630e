package page

import (
	"html/template"
	"net/mail"
	"net/url"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/qrcode"
)

// A totpView sets up an authenticator app.
type totpView struct {
	// Picture is nil if the address does not fit into a QR code.
	Picture *qrcode.Code
	// Link opens the app on this device.
	Link template.URL
	// Secret is the key in groups, which are only visual: it is copied as one
	// word.
	Secret []string
	// Code asks for the first code of the app.
	Code *Entry
}

// drawAuthenticatorTOTP draws the QR code itself: no third party may see the
// secret.
func drawAuthenticatorTOTP(c flowclient.AuthenticatorTOTP, d *draft) any {
	d.setTask(d.text("setup_totp"))
	page := totpView{Code: codeEntry(d)}
	u, err := url.Parse(c.ConfigURL)
	if err != nil || u.Scheme != "otpauth" {
		d.Alerts = append(d.Alerts, d.text("totp_unreadable"))
		return page
	}
	page.Picture = qrcode.Draw(c.ConfigURL)
	page.Link = template.URL(c.ConfigURL) //nolint:gosec // The scheme was looked at.
	page.Secret = groupsOfFour(u.Query().Get("secret"))
	return page
}

// groupsOfFour splits a key into groups, as authenticator apps do.
func groupsOfFour(key string) []string {
	var groups []string
	for runes := []rune(key); len(runes) > 0; {
		n := min(4, len(runes))
		groups = append(groups, string(runes[:n]))
		runes = runes[n:]
	}
	return groups
}

func readAuthenticatorTOTP(_ flowclient.AuthenticatorTOTP, form Form) (flowclient.Answer, *Mistake) {
	typed, wrong := code(form)
	if wrong != nil {
		return nil, wrong
	}
	return flowclient.AuthenticatorTOTPAnswer{Code: typed}, nil
}

// A codesView shows recovery codes, once.
type codesView struct{ Codes []string }

func drawAuthenticatorStatic(c flowclient.AuthenticatorStatic, d *draft) any {
	d.defaultHeading(d.text("setup_static"))
	d.Lead = d.text("codes_lead")
	return codesView{Codes: c.Codes}
}

func readAuthenticatorStatic(flowclient.AuthenticatorStatic, Form) (flowclient.Answer, *Mistake) {
	return flowclient.AuthenticatorStaticAnswer{}, nil
}

// An addressView asks where codes should be sent.
type addressView struct{ Address *Entry }

func drawAuthenticatorSMS(c flowclient.AuthenticatorSMS, d *draft) any {
	d.setTask(d.text("setup_sms"))
	if c.PhoneNumberRequired || d.posted.Has("change") || d.hasErrors("phone_number") {
		return d.askAddress(&Entry{
			ID: "phone", Name: "phone_number", Label: d.text("address_sms"), Type: "tel",
			Autocomplete: "tel", InputMode: "tel", Hint: d.text("address_sms_hint"),
		})
	}
	return d.askSentCode(d.text("code_sms_hint"), d.text("number_other"))
}

func drawAuthenticatorEmail(c flowclient.AuthenticatorEmail, d *draft) any {
	d.setTask(d.text("setup_email"))
	if c.EmailRequired || d.posted.Has("change") || d.hasErrors("email") {
		return d.askAddress(&Entry{
			ID: "email", Name: "email", Label: d.text("address_email"), Type: "email",
			Autocomplete: "email", InputMode: "email", Hint: d.text("address_email_hint"),
		})
	}
	to := c.Email
	if to == "" {
		to = d.text("your_mailbox")
	}
	return d.askSentCode(d.text("code_email_hint", "Address", to), d.text("address_other"))
}

func (d *draft) hasErrors(field string) bool { return len(d.errors[field]) > 0 }

func (d *draft) askAddress(e *Entry) any {
	d.Template = "address.html"
	e.Value, e.Wrong, e.Required, e.Exact = d.typedOr(e.Name, ""), d.takeErrors(e.Name), true, true
	focus(e)
	return addressView{Address: e}
}

func (d *draft) askSentCode(hint, other string) any {
	page := codeView{Code: codeEntry(d), Turns: []formButton{{"change", "1", other}}}
	page.Code.Hint = hint
	return page
}

// readAuthenticatorSMS accepts a number at any time: authentik keeps a refused
// one and asks for a code that was never sent.
func readAuthenticatorSMS(_ flowclient.AuthenticatorSMS, form Form) (flowclient.Answer, *Mistake) {
	switch {
	case form.Has("change"):
		return nil, redraw()
	case form.Has("phone_number"):
		number := strings.TrimSpace(form.Get("phone_number"))
		if !strings.ContainsAny(number, "0123456789") {
			return nil, mistake("phone_number", "address_sms_want")
		}
		return flowclient.AuthenticatorSMSAnswer{PhoneNumber: number}, nil
	}
	typed, wrong := code(form)
	if wrong != nil {
		return nil, wrong
	}
	return flowclient.AuthenticatorSMSAnswer{Code: typed}, nil
}

// readAuthenticatorEmail refuses malformed addresses, which would break
// authentik's stage.
func readAuthenticatorEmail(_ flowclient.AuthenticatorEmail, form Form) (flowclient.Answer, *Mistake) {
	switch {
	case form.Has("change"):
		return nil, redraw()
	case form.Has("email"):
		address := strings.TrimSpace(form.Get("email"))
		if !isMailbox(address) {
			return nil, mistake("email", "address_email_want")
		}
		return flowclient.AuthenticatorEmailAnswer{Email: address}, nil
	}
	typed, wrong := code(form)
	if wrong != nil {
		return nil, wrong
	}
	return flowclient.AuthenticatorEmailAnswer{Code: typed}, nil
}

// isMailbox reports whether address is a plain address without a name.
func isMailbox(address string) bool {
	got, err := mail.ParseAddress(address)
	if err != nil || got.Address != address || got.Name != "" {
		return false
	}
	return strings.Count(address, "@") == 1 && !strings.ContainsAny(address, "\"<> ")
}

// A duoView sets up the Duo app. The page waits until Duo confirms it.
type duoView struct {
	// Picture is nil if the content does not fit into a QR code.
	Picture *qrcode.Code
	// Link opens the app on this device.
	Link template.URL
}

// drawAuthenticatorDuo draws the QR code itself. Loading Duo's picture would tell
// Duo the visitor's address before they use the app.
func drawAuthenticatorDuo(c flowclient.AuthenticatorDuo, d *draft) any {
	d.setTask(d.text("duo_title"))
	var page duoView
	if u, err := url.Parse(c.ActivationCode); err == nil && u.Scheme == "duo" {
		page.Link = template.URL(c.ActivationCode) //nolint:gosec // The scheme was looked at.
	}
	if content := duoContent(c); content != "" {
		page.Picture = qrcode.Draw(content)
	}
	if page.Picture == nil && page.Link == "" {
		d.Alerts = append(d.Alerts, d.text("duo_unreadable"))
	}
	return page
}

// duoContent returns the content of Duo's QR code, or the link.
func duoContent(c flowclient.AuthenticatorDuo) string {
	u, err := url.Parse(c.ActivationBarcode)
	if err != nil {
		return c.ActivationCode
	}
	if value := u.Query().Get("value"); value != "" {
		return value
	}
	return c.ActivationCode
}

// readAuthenticatorDuo reads that the visitor has finished. Before it answers
// authentik, the caller must ask authentik whether Duo has confirmed the
// set-up: otherwise the flow would end.
func readAuthenticatorDuo(flowclient.AuthenticatorDuo, Form) (flowclient.Answer, *Mistake) {
	return flowclient.AuthenticatorDuoAnswer{}, nil
}
