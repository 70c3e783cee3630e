package contract

import (
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// messageScenarios are about devices to which authentik sends a code.
func messageScenarios() []scenario {
	return []scenario{
		{
			name: "codes by e-mail", standIn: mailedCodeStandIn, blueprint: mailedCodeBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				// authentik knows the address and has sent the first code already.
				p, code := setUpByMessage(s, s.address("alice"), func() page {
					return v.open("/there").signIn("alice").asksFor("code").showsNoError()
				})
				p = p.enter("code", "000000").asksFor("code").showsError("Code does not match")
				s.wait(throttled)
				p.enter("code", code).greets("alice", "/there")
				v.signOut()

				p = v.open("/").signIn("alice").pressStarting("Send a code by email").asksFor("code").showsNoError()
				p = p.enter("code", "000000").asksFor("code").showsError("Invalid Token")
				code = s.nextMessage(t, s.address("alice")).code()
				s.wait(throttled)
				p.enter("code", code).greets("alice", "/")
				v.signOut()

				v.open("/").signIn("alice").pressStarting("Send a code by email").enter("code", code).showsError("Invalid Token")
			},
		},
		{
			// After a wrong code authentik also refuses the right one for a while, with the
			// same message.
			name: "a right code right after a wrong one", standIn: mailedCodeStandIn, blueprint: mailedCodeBlueprint,
			since: authentiktest.Release202605,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p, code := setUpByMessage(s, s.address("alice"), func() page { return v.open("/").signIn("alice") })
				p.enter("code", code).greets("alice", "/")
				v.signOut()
				p = v.open("/there").signIn("alice").pressStarting("Send a code by email").asksFor("code").showsNoError()
				code = s.nextMessage(t, s.address("alice")).code()
				p = p.enter("code", "000000").asksFor("code")
				p = p.enter("code", code).asksFor("code")
				if len(p.Errors()) == 0 {
					p.fatal("shows no error when it refuses the right code")
				}
				if strings.Contains(p.Text(), "time on your device") {
					p.fatal("mentions the device's clock for a code by e-mail")
				}
				s.wait(throttled)
				p.enter("code", code).greets("alice", "/there")
			},
		},
		{
			name: "codes by text message", standIn: textedCodeStandIn, blueprint: textedCodeBlueprint,
			walk: func(t *testing.T, s *site) {
				v, number := s.visitor(t), s.telephone("alice")
				p, code := setUpByMessage(s, number, func() page {
					return v.open("/there").signIn("alice").enter("phone_number", number).asksFor("code").showsNoError()
				})
				p = p.enter("code", "000000").asksFor("code").showsError("Code does not match")
				s.wait(throttled)
				p.enter("code", code).greets("alice", "/there")
				v.signOut()

				p = v.open("/").signIn("alice").pressStarting("Send a code to my phone").asksFor("code").showsNoError()
				first := s.nextMessage(t, number).code()
				s.advance(time.Minute) // until then the gate does not ask for another code
				p = p.pressStarting("Send another code").asksFor("code").showsNoError()
				code = s.nextMessage(t, number).code()
				if first != code { // one in a million is the same
					p = p.enter("code", first).asksFor("code").showsError("Invalid Token")
					s.wait(throttled)
				}
				p.enter("code", code).greets("alice", "/")
			},
		},
	}
}

// setUpByMessage repeats the set-up until authentik sends a code that every release
// accepts: 2025.10 reads the code as a number and loses leading zeros.
func setUpByMessage(s *site, to string, begin func() page) (page, string) {
	for {
		p := begin()
		if code := s.nextMessage(p.visitor, to).code(); code == "" || code[0] != '0' {
			return p, code
		}
	}
}

func mailedCodeStandIn(n names) authentiktest.Config {
	return n.twoSteps(setUpDevice(authentiktest.DeviceEmail, &authentiktest.AuthenticatorEmailStage{}), n.account("alice"))
}

func mailedCodeBlueprint(n names) *draft {
	return n.draft("alice").twoSteps(func(d *draft) {
		d.setUpDevice("email", "authentik_stages_authenticator_email.authenticatoremailstage", "device", d.smtpSettings(Attrs{}))
	})
}

func textedCodeStandIn(n names) authentiktest.Config {
	return n.twoSteps(setUpDevice(authentiktest.DeviceSMS, &authentiktest.AuthenticatorSMSStage{}), n.account("alice"))
}

// textedCodeBlueprint uses the generic SMS provider, which posts messages to the
// address in account_sid.
func textedCodeBlueprint(n names) *draft {
	return n.draft("alice").twoSteps(func(d *draft) {
		d.setUpDevice("sms", "authentik_stages_authenticator_sms.authenticatorsmsstage", "device", Attrs{
			"provider": "generic", "from_number": "+15550100", "account_sid": d.gateway,
			"auth": "contract", "auth_password": "contract", "auth_type": "basic", "verify_only": false,
		})
	})
}
