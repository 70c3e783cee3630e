package page

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A stage says how one kind of challenge is drawn, and how its answer is read.
type stage struct {
	// template is used unless draw sets another.
	template string
	// draw returns the data of the template.
	draw func(flowclient.Challenge, *draft) any
	// read is nil for challenges without an answer.
	read func(flowclient.Challenge, Form) (flowclient.Answer, *Mistake)
}

// stages has a row for each known component. For any other component, the
// visitor continues at authentik.
var stages = map[flowclient.Component]stage{
	flowclient.ComponentAccessDenied:          {"ending.html", drawWith(drawAccessDenied), nil},
	flowclient.ComponentAuthenticatorDuo:      {"duo.html", drawWith(drawAuthenticatorDuo), readWith(readAuthenticatorDuo)},
	flowclient.ComponentAuthenticatorEmail:    {"code.html", drawWith(drawAuthenticatorEmail), readWith(readAuthenticatorEmail)},
	flowclient.ComponentAuthenticatorSMS:      {"code.html", drawWith(drawAuthenticatorSMS), readWith(readAuthenticatorSMS)},
	flowclient.ComponentAuthenticatorStatic:   {"codes.html", drawWith(drawAuthenticatorStatic), readWith(readAuthenticatorStatic)},
	flowclient.ComponentAuthenticatorTOTP:     {"totp.html", drawWith(drawAuthenticatorTOTP), readWith(readAuthenticatorTOTP)},
	flowclient.ComponentAuthenticatorValidate: {"devices.html", drawWith(drawAuthenticatorValidate), readWith(readAuthenticatorValidate)},
	flowclient.ComponentAuthenticatorWebAuthn: {"key.html", drawWith(drawAuthenticatorWebAuthn), readWith(readAuthenticatorWebAuthn)},
	flowclient.ComponentAutosubmit:            {"autosubmit.html", drawWith(drawAutosubmit), nil},
	flowclient.ComponentCaptcha:               {"captcha.html", drawWith(drawCaptcha), readWith(readCaptcha)},
	flowclient.ComponentConsent:               {"consent.html", drawWith(drawConsent), readWith(readConsent)},
	flowclient.ComponentDeviceCode:            {"code.html", drawWith(drawDeviceCode), readWith(readDeviceCode)},
	flowclient.ComponentDeviceCodeFinish:      {"ending.html", drawWith(drawDeviceCodeFinish), nil},
	flowclient.ComponentDummy:                 {"button.html", drawWith(drawDummy), readWith(readDummy)},
	flowclient.ComponentEmail:                 {"button.html", drawWith(drawEmail), readWith(readEmail)},
	flowclient.ComponentEndpointAgent:         {"agent.html", drawWith(drawEndpointAgent), readWith(readEndpointAgent)},
	flowclient.ComponentFlowError:             {"ending.html", drawWith(drawFlowError), nil},
	flowclient.ComponentFrame:                 {"frame.html", drawWith(drawFrame), readWith(readFrame)},
	flowclient.ComponentIdentification:        {"identification.html", drawWith(drawIdentification), readWith(readIdentification)},
	flowclient.ComponentIframeLogout:          {"logout.html", drawWith(drawIframeLogout), readWith(readIframeLogout)},
	flowclient.ComponentPassword:              {"password.html", drawWith(drawPassword), readWith(readPassword)},
	flowclient.ComponentPrompt:                {"prompt.html", drawWith(drawPrompt), readWith(readPrompt)},
	flowclient.ComponentRedirect:              {"redirect.html", drawWith(drawRedirect), nil},
	flowclient.ComponentSAMLNativeLogout:      {"logout.html", drawWith(drawSAMLNativeLogout), readWith(readSAMLNativeLogout)},
	flowclient.ComponentSessionEnd:            {"ending.html", drawWith(drawSessionEnd), nil},
	flowclient.ComponentShell:                 {"elsewhere.html", drawWith(drawShell), nil},
	flowclient.ComponentSourceApple:           {"source.html", drawWith(drawSourceApple), nil},
	flowclient.ComponentSourcePlex:            {"source.html", drawWith(drawSourcePlex), nil},
	flowclient.ComponentSourceTelegram:        {"telegram.html", drawWith(drawSourceTelegram), readWith(readSourceTelegram)},
	flowclient.ComponentUserLogin:             {"button.html", drawWith(drawUserLogin), readWith(readUserLogin)},
}

// drawWith adapts a function for one type of challenge. A test ensures that
// each row of the table has the right type.
func drawWith[C flowclient.Challenge](show func(C, *draft) any) func(flowclient.Challenge, *draft) any {
	return func(c flowclient.Challenge, d *draft) any {
		own, ok := c.(C)
		if !ok {
			return drawUnknown(c, d)
		}
		return show(own, d)
	}
}

// readWith does the same for functions that read an answer.
func readWith[C flowclient.Challenge](read func(C, Form) (flowclient.Answer, *Mistake)) func(flowclient.Challenge, Form) (flowclient.Answer, *Mistake) {
	return func(c flowclient.Challenge, form Form) (flowclient.Answer, *Mistake) {
		own, ok := c.(C)
		if !ok {
			return nil, &Mistake{Name: fmt.Sprintf("%T", c)}
		}
		return read(own, form)
	}
}

// Read reads the visitor's form as the answer to challenge c. A form for
// another kind of challenge is a mistake.
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

// mistake returns a message about a field.
func mistake(field, name string, pairs ...any) *Mistake {
	return &Mistake{Name: name, Pairs: pairs, Field: field}
}

// redraw is returned for a form that only asks for another view of the same
// challenge.
func redraw() *Mistake { return &Mistake{} }

// code reads a code without the spaces that people type.
func code(form Form) (string, *Mistake) {
	typed := strings.Join(strings.Fields(form.Get("code")), "")
	if typed == "" {
		return "", mistake("code", "enter_code")
	}
	return typed, nil
}

// An elsewhereView says that the visitor has to continue at authentik.
type elsewhereView struct{ Words []string }

// drawUnknown is for challenges that this version does not know.
func drawUnknown(_ flowclient.Challenge, d *draft) any {
	return d.elsewhere("asks_unknown")
}

// elsewhere draws a page with a link to authentik's own page. name is the
// message that says why.
func (d *draft) elsewhere(name string) any {
	d.Template = "elsewhere.html"
	d.defaultHeading(d.text("elsewhere_title"))
	return elsewhereView{Words: []string{d.text(name), d.text("elsewhere_lead")}}
}

// A Form is what a visitor's browser sent.
type Form struct {
	url.Values
	// Files are the uploaded files by the name of their field.
	Files map[string]File
}

// A File is an uploaded file.
type File struct {
	// Type is the media type that the browser claims; it may be anything.
	Type string
	Body []byte
	// Limit is the limit in bytes that was exceeded; then Body is empty. Zero
	// means that the file was within the limit.
	Limit int64
}

// A Mistake is something that a visitor should correct before authentik is
// asked. An empty Name means that there is no mistake: the form only asked for
// another view of the same challenge.
type Mistake struct {
	// Name is the name of a message in the catalogue, Pairs its parameters.
	Name  string
	Pairs []any
	// Field is the field of the answer that the mistake is in, if any.
	Field string
}
