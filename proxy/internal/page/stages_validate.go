package page

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A Code asks for a code.
type codeView struct {
	// Code is the one entry.
	Code *Entry
	// Chosen is the device the code is of, for when the page comes back.
	Chosen string
	// Turns are buttons for other devices, or to have a code sent again.
	Turns []formButton
	// Rest is for how many seconds nothing should be sent again.
	Rest int
}

// A Turn is a button that shows the same question another way: it sends Value under
// Name and says Text.
type formButton struct{ Name, Value, Text string }

// A Devices asks which device to use, or which to set up.
type devicesView struct {
	// Devices are those to choose from: buttons named device.
	Devices []deviceButton
	// Set are the kinds that can be set up: buttons named stage.
	Set []deviceButton
	// Keys says which devices need authentik's own page.
	Keys []string
}

// A Device is a button that chooses a device.
type deviceButton struct {
	// Value is what the button sends. Icon is totp, sms, email, static or another
	// word; Text is on the button, Hint below that.
	Value, Icon, Text, Hint string
	// Says is what the page says while the answer is awaited.
	Says string
	// Focus is set on the one element at which the page begins.
	Focus bool
}

// sendable are the classes whose code is sent when its owner asks for it.
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

// hush takes away what authentik says of a bare selection: that there was no
// code in it, which is what was wanted.
func (d *draft) dropSelectionErrors() {
	if d.posted.Get("device") != "" {
		delete(d.errors, flowclient.NonField)
		return
	}
	d.errors[flowclient.NonField] = slices.DeleteFunc(d.errors[flowclient.NonField], func(w string) bool {
		return w == "Empty response"
	})
}

// usable are the devices that this page can ask for, the likeliest first:
// authentik's order means nothing.
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

// ofClass returns the device of a class: there is one at most.
func ofClass(devices []flowclient.DeviceChallenge, class string) (flowclient.DeviceChallenge, bool) {
	for _, device := range devices {
		if device.Class == class {
			return device, true
		}
	}
	return flowclient.DeviceChallenge{}, false
}

// codeDevices are those whose owner types a code.
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

// device returns the device that the page asks for, if that is settled: because
// the visitor has chosen it, or because nothing has to be sent for it and the
// visitor has no other or used it last.
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

// asksFirst reports whether more than a code would have to be asked for.
func needsMoreThanCode(device flowclient.DeviceChallenge) bool {
	return device.Class == "webauthn" || device.Class == "duo" || sendsCode(device)
}

func sendsCode(device flowclient.DeviceChallenge) bool {
	return slices.Contains(codeSenders, device.Class)
}

// lastUsed is the class of the device that was used last, if one was.
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

// find returns the device that a button names.
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

// codeEntry is where a code of digits is typed.
func codeEntry(d *draft) *Entry {
	e := &Entry{
		ID: "code", Name: "code", Label: d.text("code"), Type: "text", Class: "code",
		Autocomplete: "one-time-code", InputMode: "numeric", Wrong: d.takeErrors("code"), Required: true, Exact: true,
	}
	focus(e)
	return e
}

// mailbox is the masked address that authentik sends to.
func maskedAddress(device flowclient.DeviceChallenge, l *locale) string {
	var in struct {
		Email string `json:"email"`
	}
	if json.Unmarshal(device.Challenge, &in) != nil || in.Email == "" {
		return l.text("your_mailbox")
	}
	return in.Email
}

func drawDevices(c flowclient.AuthenticatorValidate, usable []flowclient.DeviceChallenge, d *draft) any {
	d.Lead = d.text("choose_device")
	page := devicesView{Keys: d.keyHints(c, usable)}
	for i, device := range usable {
		way := deviceButton{
			Value: deviceID(device), Icon: device.Class, Text: d.text("device_" + device.Class), Focus: i == 0,
		}
		switch device.Class {
		case "sms":
			way.Hint = d.text("device_sms_to")
		case "email":
			way.Hint = d.text("device_email_to", "Address", maskedAddress(device, d.locale))
		case "duo":
			d.addScript("press.js")
			way.Hint, way.Says = d.text("duo_push_hint"), d.text("duo_pushed")
		}
		page.Devices = append(page.Devices, way)
	}
	return page
}

// keysAlso speaks of the devices that need authentik's own page.
func (d *draft) keyHints(c flowclient.AuthenticatorValidate, usable []flowclient.DeviceChallenge) []string {
	var keys []string
	_, here := ofClass(usable, "webauthn")
	if _, ok := ofClass(c.Devices, "webauthn"); ok && !here {
		keys = append(keys, d.text("key_belongs", "Host", d.elsewhereName()))
	}
	return keys
}

// awayWith leads a visitor to authentik's own page who has nothing but devices
// that need it.
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
		way := deviceButton{Value: s.PK, Icon: configurationIcon(s), Text: configurationName(s), Focus: i == 0}
		if isKeyStage(s) && !d.newKeyWorks() {
			way.Hint = d.text("key_there_only", "Host", d.elsewhereName())
		}
		page.Set = append(page.Set, way)
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

// readAuthenticatorValidate has authentik send a code only where the visitor
// has pressed a button for it: each selection costs reputation there, and sends
// a message.
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
