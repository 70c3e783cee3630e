package page

import (
	"fmt"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A stage is how one kind of challenge is drawn, and how its answer is read.
type stage struct {
	// template draws it, unless show chooses another.
	template string
	// show says what the template needs.
	show func(flowclient.Challenge, *draft) any
	// read is nil for what has no answer.
	read func(flowclient.Challenge, Form) (flowclient.Answer, *Mistake)
}

// stages has a row for each component that there is. authentik's own page is for
// those of tomorrow.
var stages = map[flowclient.Component]stage{
	flowclient.ComponentAccessDenied:          {"ending.html", shows(showAccessDenied), nil},
	flowclient.ComponentAuthenticatorDuo:      {"duo.html", shows(showAuthenticatorDuo), reads(readAuthenticatorDuo)},
	flowclient.ComponentAuthenticatorEmail:    {"code.html", shows(showAuthenticatorEmail), reads(readAuthenticatorEmail)},
	flowclient.ComponentAuthenticatorSMS:      {"code.html", shows(showAuthenticatorSMS), reads(readAuthenticatorSMS)},
	flowclient.ComponentAuthenticatorStatic:   {"codes.html", shows(showAuthenticatorStatic), reads(readAuthenticatorStatic)},
	flowclient.ComponentAuthenticatorTOTP:     {"totp.html", shows(showAuthenticatorTOTP), reads(readAuthenticatorTOTP)},
	flowclient.ComponentAuthenticatorValidate: {"devices.html", shows(showAuthenticatorValidate), reads(readAuthenticatorValidate)},
	flowclient.ComponentAuthenticatorWebAuthn: {"key.html", shows(showAuthenticatorWebAuthn), reads(readAuthenticatorWebAuthn)},
	flowclient.ComponentAutosubmit:            {"autosubmit.html", shows(showAutosubmit), nil},
	flowclient.ComponentCaptcha:               {"captcha.html", shows(showCaptcha), reads(readCaptcha)},
	flowclient.ComponentConsent:               {"consent.html", shows(showConsent), reads(readConsent)},
	flowclient.ComponentDeviceCode:            {"code.html", shows(showDeviceCode), reads(readDeviceCode)},
	flowclient.ComponentDeviceCodeFinish:      {"ending.html", shows(showDeviceCodeFinish), nil},
	flowclient.ComponentDummy:                 {"button.html", shows(showDummy), reads(readDummy)},
	flowclient.ComponentEmail:                 {"button.html", shows(showEmail), reads(readEmail)},
	flowclient.ComponentEndpointAgent:         {"agent.html", shows(showEndpointAgent), reads(readEndpointAgent)},
	flowclient.ComponentFlowError:             {"ending.html", shows(showFlowError), nil},
	flowclient.ComponentFrame:                 {"frame.html", shows(showFrame), reads(readFrame)},
	flowclient.ComponentIdentification:        {"identification.html", shows(showIdentification), reads(readIdentification)},
	flowclient.ComponentIframeLogout:          {"logout.html", shows(showIframeLogout), reads(readIframeLogout)},
	flowclient.ComponentPassword:              {"password.html", shows(showPassword), reads(readPassword)},
	flowclient.ComponentPrompt:                {"prompt.html", shows(showPrompt), reads(readPrompt)},
	flowclient.ComponentRedirect:              {"redirect.html", shows(showRedirect), nil},
	flowclient.ComponentSAMLNativeLogout:      {"logout.html", shows(showSAMLNativeLogout), reads(readSAMLNativeLogout)},
	flowclient.ComponentSessionEnd:            {"ending.html", shows(showSessionEnd), nil},
	flowclient.ComponentShell:                 {"elsewhere.html", shows(showShell), nil},
	flowclient.ComponentSourceApple:           {"source.html", shows(showSourceApple), nil},
	flowclient.ComponentSourcePlex:            {"source.html", shows(showSourcePlex), nil},
	flowclient.ComponentSourceTelegram:        {"telegram.html", shows(showSourceTelegram), reads(readSourceTelegram)},
	flowclient.ComponentUserLogin:             {"button.html", shows(showUserLogin), reads(readUserLogin)},
}

// shows lets a stage's own function take the concrete challenge. The table and
// the challenge's Component cannot disagree but by a mistake of ours, which a
// test finds.
func shows[C flowclient.Challenge](show func(C, *draft) any) func(flowclient.Challenge, *draft) any {
	return func(c flowclient.Challenge, d *draft) any {
		own, ok := c.(C)
		if !ok {
			return showElsewhere(c, d)
		}
		return show(own, d)
	}
}

// reads is what shows is, for readers.
func reads[C flowclient.Challenge](read func(C, Form) (flowclient.Answer, *Mistake)) func(flowclient.Challenge, Form) (flowclient.Answer, *Mistake) {
	return func(c flowclient.Challenge, form Form) (flowclient.Answer, *Mistake) {
		own, ok := c.(C)
		if !ok {
			return nil, &Mistake{Name: fmt.Sprintf("%T", c)}
		}
		return read(own, form)
	}
}

// Read reads the visitor's form as the answer to challenge c. A form that
// was drawn for another kind of question answers nothing.
func Read(c flowclient.Challenge, form Form) (flowclient.Answer, *Mistake) {
	row, ok := stages[c.Component()]
	if !ok || row.read == nil {
		return nil, mistake("", "not_answered")
	}
	if form.Get("component") != string(c.Component()) {
		return nil, mistake("", "wrong_page")
	}
	return row.read(c, form)
}

// mistake is a sentence of ours about a field.
func mistake(field, name string, pairs ...any) *Mistake {
	return &Mistake{Name: name, Pairs: pairs, Field: field}
}

// turned is what a reader returns of a form that only turns the page.
func turned() *Mistake { return &Mistake{} }

// code reads a code as people type it: in groups, or with blanks around it.
func code(form Form) (string, *Mistake) {
	typed := strings.Join(strings.Fields(form.Get("code")), "")
	if typed == "" {
		return "", mistake("code", "enter_code")
	}
	return typed, nil
}

// An Away is what the page says that cannot do what authentik asks.
type Away struct{ Words []string }

// showElsewhere draws what only authentik's own page may know.
func showElsewhere(_ flowclient.Challenge, d *draft) any {
	return d.away("asks_unknown")
}

// away turns the page into one that leads to authentik's own.
func (d *draft) away(name string) any {
	d.Template = "elsewhere.html"
	d.heading(d.say.say("elsewhere_title"))
	return Away{Words: []string{d.say.say(name), d.say.say("elsewhere_lead")}}
}
