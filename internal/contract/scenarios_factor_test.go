package contract

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// Devices are set up in the walks themselves: nobody can give a user of a real
// authentik one whose secret is known beforehand.
func factorScenarios() []scenario {
	return []scenario{
		{
			name: "TOTP set-up", standIn: totpStandIn, blueprint: totpBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/there").signIn("alice").asks("code").calm()
				secret := p.secret()
				p = p.enter("code", "000000").asks("code")
				if len(p.Errors()) == 0 {
					p.fatal("takes a wrong code without a word")
				}
				if p.secret() != secret {
					p.fatal("shows another secret after a wrong code")
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
				p = v.open("/").signIn("alice").asks("code").calm()
				if len(p.Texts("secret")) > 0 {
					p.fatal("sets up a second device")
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

				v.open("/").signIn("alice").asks("code").enter("code", codes[0]).greets("alice", "/")
				v.signOut()

				p = v.open("/").signIn("alice").enter("code", codes[0]).asks("code")
				if len(p.Errors()) == 0 {
					p.fatal("takes a code for the second time")
				}
			},
		},
	}
}

func totpStandIn(n names) authentiktest.Config {
	return n.twoSteps(setUp(authentiktest.DeviceTOTP, &authentiktest.AuthenticatorTOTPStage{}), n.account("alice"))
}

func totpBlueprint(n names) *draft {
	return n.draft("alice").twoSteps(func(d *draft) {
		d.setUp("totp", "authentik_stages_authenticator_totp.authenticatortotpstage", "device", Attrs{"digits": 6})
	})
}

func staticStandIn(n names) authentiktest.Config {
	return n.twoSteps(setUp(authentiktest.DeviceStatic, &authentiktest.AuthenticatorStaticStage{}), n.account("alice"))
}

func staticBlueprint(n names) *draft {
	return n.draft("alice").twoSteps(func(d *draft) {
		d.setUp("static", "authentik_stages_authenticator_static.authenticatorstaticstage", "device", Attrs{
			"token_count": 6, "token_length": 12,
		})
	})
}
