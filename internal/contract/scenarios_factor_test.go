package contract

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// The walks set up the devices themselves: a real authentik cannot be given a
// device with a secret that the test knows.
func factorScenarios() []scenario {
	return []scenario{
		{
			name: "TOTP set-up", standIn: totpStandIn, blueprint: totpBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/there").signIn("alice").asksFor("code").showsNoError()
				secret := p.secret()
				p = p.enter("code", "000000").asksFor("code")
				if len(p.Errors()) == 0 {
					p.fatal("shows no error after a wrong code")
				}
				if p.secret() != secret {
					p.fatal("shows another secret after a wrong code, want the same one")
				}
				s.wait(throttled)
				p.enter("code", v.code(secret)).greets("alice", "/there")
			},
		},
		{
			name: "TOTP sign-in", standIn: totpStandIn, blueprint: totpBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/").signIn("alice")
				secret := p.secret()
				p.enter("code", v.code(secret)).greets("alice", "/")
				v.signOut()

				s.waitForNextCode()
				p = v.open("/").signIn("alice").asksFor("code").showsNoError()
				if len(p.Texts("secret")) > 0 {
					p.fatal("sets up a second device, want the first one asked for")
				}
				p.enter("code", v.code(secret)).greets("alice", "/")
			},
		},
		{
			name: "static code", standIn: staticStandIn, blueprint: staticBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/").signIn("alice")
				codes := p.codes()
				if len(codes) != 6 {
					p.fatal("shows %d codes", len(codes))
				}
				p.press("").greets("alice", "/")
				v.signOut()

				v.open("/").signIn("alice").asksFor("code").enter("code", codes[0]).greets("alice", "/")
				v.signOut()

				p = v.open("/").signIn("alice").enter("code", codes[0]).asksFor("code")
				if len(p.Errors()) == 0 {
					p.fatal("accepts a recovery code a second time")
				}
			},
		},
	}
}

func totpStandIn(n names) authentiktest.Config {
	return n.twoSteps(setUpDevice(authentiktest.DeviceTOTP, &authentiktest.AuthenticatorTOTPStage{}), n.account("alice"))
}

func totpBlueprint(n names) *draft {
	return n.draft("alice").twoSteps(func(d *draft) {
		d.setUpDevice("totp", "authentik_stages_authenticator_totp.authenticatortotpstage", "device", Attrs{"digits": 6})
	})
}

func staticStandIn(n names) authentiktest.Config {
	return n.twoSteps(setUpDevice(authentiktest.DeviceStatic, &authentiktest.AuthenticatorStaticStage{}), n.account("alice"))
}

func staticBlueprint(n names) *draft {
	return n.draft("alice").twoSteps(func(d *draft) {
		d.setUpDevice("static", "authentik_stages_authenticator_static.authenticatorstaticstage", "device", Attrs{
			"token_count": 6, "token_length": 12,
		})
	})
}
