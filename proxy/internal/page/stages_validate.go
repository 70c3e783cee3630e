package page

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/locales"
)

// A codeView asks for a code.
type codeView struct {
	// Code is the only entry.
	Code *Entry
	// Chosen identifies the device if the page is drawn again.
	Chosen string
	// Turns are buttons for other devices, or to send a code again.
	Turns []formButton
	// Rest is for how many seconds the button that sends a code should stay
	// disabled.
	Rest int
}

// A formButton is an additional button that sends Value under Name. Text is its
// label.
type formButton struct{ Name, Value, Text string }

// A devicesView asks which device to use, or which to set up.
type devicesView struct {
	// Devices are the devices to choose from: buttons named device.
	Devices []deviceButton
	// Set are the kinds of devices to set up: buttons named stage.
	Set []deviceButton
	// Keys explains why some devices work only on authentik's own page.
	Keys []string
}

// A deviceButton chooses a device.
type deviceButton struct {
	// Value is what the button sends. Icon is totp, sms, email, static or another
	// word. Text is the label, Hint is below it.
	Value, Icon, Text, Hint string
	// Says is shown while the page waits for an answer.
	Says string
	// Focus is set on the one element that has the focus at first.
	Focus bool
}

// codeSenders are the classes of devices to which a code is sent on request.
var codeSenders = []string{"sms", "email"}

func drawAuthenticatorValidate(c flowclient.AuthenticatorValidate, d *draft) any {
	d.defaultHeading(d.text("sign_in"))
	if len(c.Devices) == 0 && len(c.ConfigurationStages) > 0 {
		return drawConfigurationStages(c, d)
	}
	usable := d.usableDevices(c)
	if len(usable) == 0 {
		return d.devicesElsewhere(c)
	}
	d.dropSelectionErrors()
	chosen, ok := d.chosenDevice(c, usable)
	switch {
	case !ok:
		return drawDevices(c, usable, d)
	case chosen.Class == "webauthn":
		return drawKey(c, chosen, d)
	default:
		return drawCode(c, chosen, d)
	}
}

// dropSelectionErrors drops authentik's complaint that a selection had no code.
func (d *draft) dropSelectionErrors() {
	if d.posted.Get("device") != "" {
		delete(d.errors, flowclient.NonField)
		return
	}
	d.errors[flowclient.NonField] = slices.DeleteFunc(d.errors[flowclient.NonField], func(w string) bool {
		return w == "Empty response"
	})
}

// usableDevices returns the devices that this page can ask for, the most likely
// first: authentik's order has no meaning.
func (d *draft) usableDevices(c flowclient.AuthenticatorValidate) []flowclient.DeviceChallenge {
	usable := codeDevices(c)
	if key, ok := ofClass(c.Devices, "webauthn"); ok && d.keyWorks(key.Challenge) {
		usable = slices.Insert(usable, 0, key)
	}
	if duo, ok := ofClass(c.Devices, "duo"); ok {
		last := slices.IndexFunc(usable, func(device flowclient.DeviceChallenge) bool { return device.Class == "static" })
		if last < 0 {
			last = len(usable)
		}
		usable = slices.Insert(usable, last, duo)
	}
	return usable
}

// ofClass returns the first device of a class.
func ofClass(devices []flowclient.DeviceChallenge, class string) (flowclient.DeviceChallenge, bool) {
	for _, device := range devices {
		if device.Class == class {
			return device, true
		}
	}
	return flowclient.DeviceChallenge{}, false
}

// codeDevices returns the devices with a code to type.
func codeDevices(c flowclient.AuthenticatorValidate) []flowclient.DeviceChallenge {
	var usable []flowclient.DeviceChallenge
	for _, class := range []string{"totp", "sms", "email", "static"} {
		for _, device := range c.Devices {
			if device.Class == class {
				usable = append(usable, device)
			}
		}
	}
	return usable
}

// chosenDevice returns the device that the page asks for. That is the device
// that the visitor has chosen. Without a choice it is the only device, or the
// one that was used last, if nothing has to be sent for it.
func (d *draft) chosenDevice(c flowclient.AuthenticatorValidate, usable []flowclient.DeviceChallenge) (flowclient.DeviceChallenge, bool) {
	if len(d.errors["selected_challenge"]) > 0 {
		return flowclient.DeviceChallenge{}, false
	}
	wanted := d.posted.Get("chosen")
	if d.posted.Has("device") {
		wanted = d.posted.Get("device")
	}
	if device, ok := findDevice(usable, wanted); ok {
		return device, device.Class != "duo"
	}
	likely, settled := usable[0], len(c.Devices) == 1 || len(usable) == len(c.Devices) && !slices.ContainsFunc(usable, needsMoreThanCode)
	if last, ok := ofClass(usable, lastUsed(c.Devices)); ok && last.Class != "static" {
		likely, settled = last, true
	}
	return likely, settled && !d.posted.Has("device") && !sendsCode(likely) && likely.Class != "duo" // a push needs a click
}

// needsMoreThanCode reports whether a device needs more than typing a code.
func needsMoreThanCode(device flowclient.DeviceChallenge) bool {
	return device.Class == "webauthn" || device.Class == "duo" || sendsCode(device)
}

func sendsCode(device flowclient.DeviceChallenge) bool {
	return slices.Contains(codeSenders, device.Class)
}

// lastUsed returns the class of the device that was used last, if any.
func lastUsed(devices []flowclient.DeviceChallenge) string {
	var class string
	var latest time.Time
	for _, device := range devices {
		if device.LastUsed.After(latest) {
			class, latest = device.Class, device.LastUsed
		}
	}
	return class
}

// findDevice returns the device that a button chooses.
func findDevice(devices []flowclient.DeviceChallenge, name string) (flowclient.DeviceChallenge, bool) {
	for _, device := range devices {
		if name != "" && name == deviceID(device) {
			return device, true
		}
	}
	return flowclient.DeviceChallenge{}, false
}

func deviceID(device flowclient.DeviceChallenge) string { return device.Class + ":" + device.UID }

func drawCode(c flowclient.AuthenticatorValidate, device flowclient.DeviceChallenge, d *draft) any {
	d.Template = "code.html"
	page := codeView{Code: codeEntry(d), Chosen: deviceID(device)}
	if device.Class == "static" {
		page.Code.Label, page.Code.InputMode, page.Code.Class = d.text("recovery_code"), "", ""
		page.Code.Autocomplete = "off"
	}
	page.Code.Hint = d.text("code_" + device.Class + "_hint")
	if sendsCode(device) && CodeRefused(c) {
		page.Code.Wrong = []string{d.text("code_too_soon")}
	}
	if sendsCode(device) {
		page.Rest = d.resendDelay()
		if device.Class == "email" {
			page.Code.Hint = d.text("code_email_hint", "Address", maskedAddress(device, d.locale))
		}
		page.Turns = append(page.Turns, formButton{"device", deviceID(device), d.text("send_again")})
	}
	if len(c.Devices) > 1 {
		page.Turns = append(page.Turns, formButton{"device", "", d.text("another_way")})
	}
	return page
}

// CodeRefused reports whether authentik has refused a code. For some seconds
// after a wrong code, authentik also refuses the right one, with the same text:
// that the clock of the device may be wrong. For a code that was sent that text
// is wrong, and a program cannot distinguish the two cases.
func CodeRefused(c flowclient.AuthenticatorValidate) bool {
	return slices.ContainsFunc(c.Errors["code"], func(e flowclient.FieldError) bool { return e.Code == "invalid" })
}

// codeEntry returns a field for a code of digits.
func codeEntry(d *draft) *Entry {
	e := &Entry{
		ID: "code", Name: "code", Label: d.text("code"), Type: "text", Class: "code",
		Autocomplete: "one-time-code", InputMode: "numeric", Wrong: d.takeErrors("code"), Required: true, Exact: true,
	}
	focus(e)
	return e
}

// maskedAddress returns the address to which authentik sends, masked by
// authentik.
func maskedAddress(device flowclient.DeviceChallenge, l *locales.Locale) string {
	var in struct {
		Email string `json:"email"`
	}
	if json.Unmarshal(device.Challenge, &in) != nil || in.Email == "" {
		return l.Text("your_mailbox")
	}
	return in.Email
}

func drawDevices(c flowclient.AuthenticatorValidate, usable []flowclient.DeviceChallenge, d *draft) any {
	d.Lead = d.text("choose_device")
	page := devicesView{Keys: d.keyHints(c, usable)}
	for i, device := range usable {
		button := deviceButton{
			Value: deviceID(device), Icon: device.Class, Text: d.text("device_" + device.Class), Focus: i == 0,
		}
		switch device.Class {
		case "sms":
			button.Hint = d.text("device_sms_to")
		case "email":
			button.Hint = d.text("device_email_to", "Address", maskedAddress(device, d.locale))
		case "duo":
			d.addScript("press.js")
			button.Hint, button.Says = d.text("duo_push_hint"), d.text("duo_pushed")
		}
		page.Devices = append(page.Devices, button)
	}
	return page
}

// keyHints explains why a key is not among the devices.
func (d *draft) keyHints(c flowclient.AuthenticatorValidate, usable []flowclient.DeviceChallenge) []string {
	var keys []string
	_, here := ofClass(usable, "webauthn")
	if _, ok := ofClass(c.Devices, "webauthn"); ok && !here {
		keys = append(keys, d.text("key_belongs", "Host", d.elsewhereName()))
	}
	return keys
}

// devicesElsewhere leads a visitor to authentik's own page if all their devices
// work only there.
func (d *draft) devicesElsewhere(c flowclient.AuthenticatorValidate) any {
	if _, ok := ofClass(c.Devices, "webauthn"); ok {
		return d.keyElsewhere("asks_webauthn_prove", "key_belongs")
	}
	return d.elsewhere("asks_device_of_yours")
}

func drawConfigurationStages(c flowclient.AuthenticatorValidate, d *draft) any {
	d.Lead = d.text("choose_set")
	var page devicesView
	for i, s := range d.keySetupLast(c.ConfigurationStages) {
		button := deviceButton{Value: s.PK, Icon: configurationIcon(s), Text: configurationName(s), Focus: i == 0}
		if isKeyStage(s) && !d.newKeyWorks() {
			button.Hint = d.text("key_there_only", "Host", d.elsewhereName())
		}
		page.Set = append(page.Set, button)
	}
	return page
}

func configurationName(s flowclient.ConfigurationStage) string {
	for _, name := range []string{s.Name, s.VerboseName} {
		if name != "" {
			return name
		}
	}
	return s.PK
}

func configurationIcon(s flowclient.ConfigurationStage) string {
	for _, class := range []string{"totp", "sms", "email", "static"} {
		if strings.Contains(s.MetaModelName, "authenticator_"+class) {
			return class
		}
	}
	return ""
}

// readAuthenticatorValidate makes authentik send a code only if the visitor has
// pressed a button for it: each selection lowers the visitor's reputation at
// authentik, and sends a message.
func readAuthenticatorValidate(c flowclient.AuthenticatorValidate, form Form) (flowclient.Answer, *Mistake) {
	switch {
	case form.Has("stage"):
		return readConfigurationStage(c, form.Get("stage"))
	case form.Has("device"):
		device, ok := findDevice(c.Devices, form.Get("device"))
		if ok && device.Class == "duo" {
			return flowclient.ValidateDuoAnswer{UID: device.UID}, nil
		}
		if !ok || !sendsCode(device) {
			return nil, redraw()
		}
		return flowclient.ValidateDeviceAnswer{Device: device}, nil
	case form.Has("webauthn"):
		return readKey(c, form.Get("webauthn"))
	case len(codeDevices(c)) == 0:
		return nil, mistake("", "no_device")
	}
	typed, wrong := code(form)
	if wrong != nil {
		return nil, wrong
	}
	return flowclient.ValidateCodeAnswer{Code: typed}, nil
}

func readConfigurationStage(c flowclient.AuthenticatorValidate, pk string) (flowclient.Answer, *Mistake) {
	for _, s := range c.ConfigurationStages {
		if pk != "" && s.PK == pk {
			return flowclient.ValidateStageAnswer{PK: pk}, nil
		}
	}
	return nil, mistake("", "not_available")
}
