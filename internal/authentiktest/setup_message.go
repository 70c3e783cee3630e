package authentiktest

import (
	"slices"
	"time"
)

// contextPrompted holds the answers to prompts, by the keys of their fields.
const contextPrompted = "prompt_data"

// An AuthenticatorSMSStage sets up a telephone that receives codes.
type AuthenticatorSMSStage struct {
	Name string

	// Send hands a code to the gateway. The text of an error is shown to the
	// visitor. Default: all messages go to [Server.Texts].
	Send func(number, code string) error
}

func (s *AuthenticatorSMSStage) about() setup {
	return setupOf(s.Name, "SMS", "SMS Authenticator", "sms")
}

func (s *AuthenticatorSMSStage) get(v *visit) (*response, error) {
	if v.person().PK == 0 {
		return v.solved()
	}
	d, begun := v.draft(DeviceSMS)
	if number := v.prompted("phone"); !begun && number != "" {
		d = s.begin(v)
		d.Number = number
		v.keepDraft(d)
		if err := s.send(v, d); err != nil {
			return v.refuse(s.challenge(v, d), v.fault(elsewhere, err.Error(), "invalid"))
		}
	}
	return v.ask(s.challenge(v, s.begin(v)))
}

// prompted is an answer that the visitor has given earlier in the flow.
func (v *visit) prompted(key string) string {
	answers, _ := v.plan.context[contextPrompted].(object)
	text, _ := answers[key].(string)
	return text
}

func (s *AuthenticatorSMSStage) begin(v *visit) Device {
	d, found := v.draft(DeviceSMS)
	if !found {
		d = Device{Class: DeviceSMS, Name: "SMS Device", sent: v.srv.newMessage(5 * time.Minute)}
		v.keepDraft(d)
	}
	return d
}

func (s *AuthenticatorSMSStage) challenge(v *visit, d Device) object {
	c := v.userChallenge("ak-stage-authenticator-sms")
	c["phone_number_required"] = d.Number == ""
	return c
}

func (s *AuthenticatorSMSStage) send(v *visit, d Device) error {
	if s.Send == nil {
		v.srv.deliver(d)
		return nil
	}
	return s.Send(d.Number, d.sent.code)
}

func (s *AuthenticatorSMSStage) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	d := s.begin(v)
	number, named := f.text("phone_number", rule{optional: true})
	code, coded := f.code(rule{optional: true})
	switch {
	case f.failed():
	case coded:
		return v.confirm(f, d, code, s.challenge(v, d))
	case !named:
		f.wrong(elsewhere, "phone_number required", "invalid")
	default:
		d.Number = number
		v.keepDraft(d)
		s.announce(v, f, d)
	}
	if f.failed() {
		return v.refuse(s.challenge(v, d), f.errs)
	}
	return v.asked(s.challenge(v, d))
}

// announce sends the code to a number that is not in use. A number that is
// refused is kept all the same, as in authentik.
func (s *AuthenticatorSMSStage) announce(v *visit, f *fields, d Device) {
	if v.srv.taken(func(other Device) bool { return other.Class == DeviceSMS && other.Number == d.Number }) {
		f.wrong(elsewhere, "Invalid phone number", "invalid")
		return
	}
	if err := s.send(v, d); err != nil {
		f.wrong(elsewhere, err.Error(), "invalid")
	}
}

// asked shows a challenge after a right answer that was not the last. authentik
// marks it by empty response_errors.
func (v *visit) asked(c object) (*response, error) {
	c["response_errors"] = fieldErrors{}
	return v.ask(c)
}

// confirm ends a set-up with the code that was sent to the device.
func (v *visit) confirm(f *fields, d Device, code string, c object) (*response, error) {
	if !d.matches(code, v.srv.now()) {
		f.wrong(elsewhere, "Code does not match", "invalid")
		return v.refuse(c, f.errs)
	}
	v.dropDraft(d.Class)
	v.enroll(d)
	return v.solved()
}

// taken reports whether there is such a device already.
func (s *Server) taken(match func(Device) bool) bool {
	_, found := s.find(func(u User) bool { return slices.ContainsFunc(u.Devices, match) })
	return found
}

// An AuthenticatorEmailStage sets up a mailbox that receives codes.
type AuthenticatorEmailStage struct {
	Name    string
	Expires time.Duration // of a code; default 30 minutes
}

func (s *AuthenticatorEmailStage) about() setup {
	return setupOf(s.Name, "Email", "Email Authenticator", "email")
}

// get sends the code at once if the address is known.
func (s *AuthenticatorEmailStage) get(v *visit) (*response, error) {
	u := v.person()
	if u.PK == 0 {
		return v.solved()
	}
	if len(u.devices([]DeviceClass{DeviceEmail})) > 0 {
		return v.deny(v.text("The user already has an email address registered for MFA."))
	}
	if _, begun := v.draft(DeviceEmail); !begun {
		d := s.begin(v)
		d.Email = or(v.prompted("email"), u.Email)
		v.keepDraft(d)
		if d.Email != "" {
			v.srv.deliver(d)
		}
	}
	c, err := s.challenge(v, s.begin(v))
	if err != nil {
		return nil, err
	}
	return v.ask(c)
}

func (s *AuthenticatorEmailStage) begin(v *visit) Device {
	d, found := v.draft(DeviceEmail)
	if !found {
		d = Device{Class: DeviceEmail, Name: "Email Device", sent: v.srv.newMessage(or(s.Expires, 30*time.Minute))}
		v.keepDraft(d)
	}
	return d
}

// challenge fails if the address is not one, as in authentik.
func (s *AuthenticatorEmailStage) challenge(v *visit, d Device) (object, error) {
	c := v.userChallenge("ak-stage-authenticator-email")
	c["email"], c["email_required"] = nil, d.Email == ""
	if d.Email == "" {
		return c, nil
	}
	hidden, err := masked(d.Email)
	c["email"] = hidden
	return c, err
}

func (s *AuthenticatorEmailStage) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	d := s.begin(v)
	address, named := f.text("email", rule{optional: true})
	code, coded := f.code(rule{optional: true})
	sends := !f.failed() && !coded && named
	if sends {
		d.Email = address
		v.keepDraft(d)
		s.announce(v, f, d)
	} else if !f.failed() && !coded {
		f.wrong(elsewhere, "email required", "invalid")
	}
	c, err := s.challenge(v, d)
	switch {
	case err != nil:
		return nil, err
	case f.failed():
		return v.refuse(c, f.errs)
	case sends:
		return v.asked(c)
	}
	return v.confirm(f, d, code, c)
}

// announce sends the code to an address that is not in use.
func (s *AuthenticatorEmailStage) announce(v *visit, f *fields, d Device) {
	if v.srv.taken(func(other Device) bool { return other.Class == DeviceEmail && other.Email == d.Email }) {
		f.wrong(elsewhere, "Invalid email", "invalid")
		return
	}
	if _, err := masked(d.Email); err == nil {
		v.srv.deliver(d)
	}
}
