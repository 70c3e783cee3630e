package authentiktest

import (
	"errors"
	"slices"
	"strconv"
	"time"
)

var errNoDevice = errors.New("there is no such device")

func (s *AuthenticatorValidateStage) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	a := factorAnswer{stage: s, fields: f}
	if err := a.read(); err != nil {
		return nil, err
	}
	if f.failed() {
		return v.refuse(s.challenge(v), f.errs)
	}
	if a.chosen != nil {
		return v.insert(a.chosen)
	}
	return s.passed(v, a)
}

// passed continues with a user who has used a factor.
func (s *AuthenticatorValidateStage) passed(v *visit, a factorAnswer) (*response, error) {
	method := methodFactor
	if _, known := v.plan.context[contextPending]; !known && v.user.PK == 0 {
		v.plan.context[contextPending], method = a.owner, methodPasskey
	}
	if v.plan.context[contextMethod] == nil {
		v.plan.context[contextMethod] = method
	}
	v.noteDevice(a.device)
	res, err := v.solved()
	if err == nil && s.LastAuthThreshold > 0 {
		res.cookies = append(res.cookies, s.remember(v, a.device))
	}
	return res, err
}

// noteDevice records in the plan that the user has used a device.
func (v *visit) noteDevice(d Device) {
	before, _ := v.plan.context[contextMethodArgs].(object)
	devices, _ := before["mfa_devices"].([]any)
	after := object{"mfa_devices": append(slices.Clone(devices), d.UID)}
	for name, value := range before {
		if name != "mfa_devices" {
			after[name] = value
		}
	}
	v.plan.context[contextMethodArgs] = after
}

// A factorAnswer is an answer being read. All its parts are read, even after a
// wrong one.
type factorAnswer struct {
	stage *AuthenticatorValidateStage
	*fields

	answered bool
	chosen   SetupStage
	device   Device
	owner    User // the owner of the device
}

// read reads the parts in authentik's order. An error is an exception.
func (a *factorAnswer) read() error {
	a.selectDevice()
	a.selectStage()
	a.readCode()
	a.readAssertion()
	if err := a.readDuo(); err != nil {
		return err
	}
	if !a.answered && !a.failed() {
		a.wrong(elsewhere, "Empty response", "invalid")
	}
	return nil
}

// selectDevice sends a code if the device receives codes. The answer is still
// refused if nothing else is in it.
func (a *factorAnswer) selectDevice() {
	selected, ok := a.object("selected_challenge", rule{optional: true})
	if !ok {
		return
	}
	for _, name := range []string{"device_class", "device_uid", "challenge", "last_used"} {
		if _, found := selected[name]; !found {
			a.errs["selected_challenge"] = append(a.errs["selected_challenge"], fieldError{String: name})
		}
	}
	if a.failed() {
		return
	}
	class, _ := selected["device_class"].(string)
	uid, _ := selected["device_uid"].(string)
	offered, _ := a.visit.plan.context[contextDevices].([]object)
	if !slices.ContainsFunc(offered, func(o object) bool {
		return o["device_class"] == DeviceClass(class) && o["device_uid"] == uid
	}) {
		a.wrong("selected_challenge", "invalid challenge selected", "invalid")
		return
	}
	a.send(DeviceClass(class), uid)
}

func (a *factorAnswer) send(class DeviceClass, uid string) {
	lasts := map[DeviceClass]time.Duration{DeviceSMS: 5 * time.Minute, DeviceEmail: 30 * time.Minute}[class]
	key, err := strconv.Atoi(uid)
	if lasts == 0 || err != nil {
		return
	}
	var sent Device
	fresh := a.visit.srv.newMessage(lasts)
	if a.visit.srv.editDevice(a.visit.person().PK, class, key, func(d *Device) { d.sent = fresh; sent = *d }) {
		a.visit.srv.deliver(sent)
	}
}

func (a *factorAnswer) selectStage() {
	pk, ok := a.text("selected_stage", rule{optional: true})
	if !ok {
		return
	}
	setups, _ := a.visit.plan.context[contextSetups].([]SetupStage)
	for _, one := range setups {
		if a.visit.srv.keyOf(one) == pk {
			a.chosen, a.answered = one, true
			return
		}
	}
	a.wrong("selected_stage", "Selected stage is invalid", "invalid")
}

// permits reports whether one of the classes was offered, and adds an error
// otherwise.
func (a *factorAnswer) permits(name string, classes ...DeviceClass) bool {
	offered, _ := a.visit.plan.context[contextDevices].([]object)
	ok := slices.ContainsFunc(offered, func(o object) bool {
		class, _ := o["device_class"].(DeviceClass)
		return slices.Contains(classes, class)
	})
	if !ok {
		a.wrong(name, "No compatible device class allowed", "invalid")
	}
	return ok
}

func (a *factorAnswer) readCode() {
	code, ok := a.text("code", rule{optional: true})
	if !ok || !a.permits("code", DeviceStatic, DeviceTOTP, DeviceSMS, DeviceEmail) {
		return
	}
	a.owner = a.visit.person()
	if a.device, a.answered = a.visit.srv.try(a.owner.PK, code); !a.answered {
		a.wrong("code", "Invalid Token. Please ensure the time on your device is accurate and try again.", "invalid")
	}
}

func (a *factorAnswer) readAssertion() {
	raw, ok := a.object("webauthn", rule{optional: true})
	if !ok || !a.permits("webauthn", DeviceWebAuthn) {
		return
	}
	u, d, err := a.stage.assert(a.visit, raw)
	if err != nil {
		a.wrong("webauthn", err.Error(), "invalid")
		return
	}
	a.owner, a.device, a.answered = u, d, true
}

// readDuo waits until the user has approved or refused.
func (a *factorAnswer) readDuo() error {
	uid, ok := a.integer("duo", rule{optional: true})
	if !ok || !a.permits("duo", DeviceDuo) {
		return nil
	}
	a.owner = a.visit.person()
	devices := a.owner.devices([]DeviceClass{DeviceDuo})
	i := slices.IndexFunc(devices, func(d Device) bool { return d.UID == uid })
	if i < 0 {
		return errNoDevice
	}
	allowed, err := a.visit.srv.duo.push(a.owner)
	if err != nil {
		return err
	}
	if !allowed {
		a.wrong("duo", "Duo denied access", "denied")
		return nil
	}
	a.device, a.answered = devices[i], true
	return nil
}
