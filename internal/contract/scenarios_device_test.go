package contract

import (
	"net/http"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

const (
	totpStage   = "authentik_stages_authenticator_totp.authenticatortotpstage"
	staticStage = "authentik_stages_authenticator_static.authenticatorstaticstage"
	validation  = "authentik_stages_authenticator_validate.authenticatorvalidatestage"
)

// deviceScenarios are about users with several devices, with none, and with a
// remembered one.
func deviceScenarios() []scenario {
	return []scenario{
		{
			name: "a choice of devices to set up", standIn: choiceStandIn, blueprint: choiceBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/there").signIn("alice").showsNoError().shows(s.unique("app")).shows(s.unique("paper"))
				p = p.pressStarting(s.unique("paper"))
				code := p.codes()[0]
				p.press("").greets("alice", "/there")
				v.signOut()
				v.open("/").signIn("alice").asksFor("code").enter("code", code).greets("alice", "/")
			},
		},
		{
			name: "a choice of devices to sign in with", standIn: pairOfDevicesStandIn, blueprint: pairOfDevicesBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/there").press("flow=enroll").enter("Username", s.unique("zoe"), "Password", s.password)
				secret := p.secret()
				p = p.enter("code", v.code(secret)).showsNoError()
				codes := p.codes()
				p.press("").asksFor("uid_field").showsNotice() // the gate admits only its own flow

				p = v.open("/paper").signIn("zoe").asksFor("code").showsNoError()
				p = p.pressStarting("Try another way").pressStarting("Use a recovery code").asksFor("code").showsNoError()
				p.enter("code", codes[0]).greets("zoe", "/paper")
				v.signOut()

				p = v.open("/app").signIn("zoe")
				p = p.pressStarting("Try another way").pressStarting("Use my authenticator app").asksFor("code").showsNoError()
				s.waitForNextCode()
				p.enter("code", v.code(secret)).greets("zoe", "/app")
			},
		},
		{
			name: "no device, and none to set up", standIn: noDeviceStandIn, blueprint: noDeviceBlueprint,
			walk: func(t *testing.T, s *site) {
				p := s.visitor(t).open("/").signIn("alice")
				p.isRefused(http.StatusForbidden).shows("No (allowed) MFA authenticator configured.")
			},
		},
		{
			name: "a browser is known again", standIn: rememberedStandIn, blueprint: rememberedBlueprint,
			walk: func(t *testing.T, s *site) {
				v := s.visitor(t)
				p := v.open("/").signIn("alice")
				secret := p.secret()
				p.enter("code", v.code(secret)).greets("alice", "/")
				v.signOut()
				s.waitForNextCode()
				v.open("/").signIn("alice").asksFor("code").enter("code", v.code(secret)).greets("alice", "/")
				v.signOut()
				v.open("/").signIn("alice").greets("alice", "/") // once within the hour is enough
				s.visitor(t).open("/").signIn("alice").asksFor("code")
			},
		},
	}
}

func choiceStandIn(n names) authentiktest.Config {
	return n.twoSteps(bindings(&authentiktest.AuthenticatorValidateStage{
		DeviceClasses: []authentiktest.DeviceClass{authentiktest.DeviceTOTP, authentiktest.DeviceStatic},
		NotConfigured: authentiktest.NotConfiguredConfigure,
		ConfigurationStages: []authentiktest.SetupStage{
			&authentiktest.AuthenticatorTOTPStage{Name: n.unique("app")}, &authentiktest.AuthenticatorStaticStage{Name: n.unique("paper")},
		},
	}), n.account("alice"))
}

// choiceBlueprint names each stage twice: the page shows the friendly name in
// releases that have one.
func choiceBlueprint(n names) *draft {
	return n.draft("alice").twoSteps(func(d *draft) {
		d.named(totpStage, "app", Attrs{"digits": 6, "friendly_name": d.unique("app")})
		d.named(staticStage, "paper", Attrs{"token_count": 6, "token_length": 12, "friendly_name": d.unique("paper")})
		d.stage("flow", validation, "validation", Attrs{
			"device_classes": []string{"totp", "static"}, "not_configured_action": "configure",
			"configuration_stages": []any{KeyOf("app"), KeyOf("paper")}, "last_auth_threshold": "seconds=0",
		})
	})
}

// pairOfDevicesStandIn makes new users set up two devices.
func pairOfDevicesStandIn(n names) authentiktest.Config {
	cfg := n.twoSteps(bindings(&authentiktest.AuthenticatorValidateStage{
		DeviceClasses: []authentiktest.DeviceClass{authentiktest.DeviceTOTP, authentiktest.DeviceStatic},
		NotConfigured: authentiktest.NotConfiguredDeny,
	}))
	cfg.Flows[0].Bindings[0].Stage = &authentiktest.IdentificationStage{UserFields: usual, EnrollmentFlow: n.unique("enrolment")}
	cfg.Flows = append(cfg.Flows, n.designed(
		"enrolment", authentiktest.DesignationEnrollment,
		&authentiktest.PromptStage{Fields: []authentiktest.Field{
			{Key: "username", Label: "Username", Type: authentiktest.FieldUsername},
			{Key: "password", Label: "Password", Type: authentiktest.FieldPassword, Order: 1},
		}},
		&authentiktest.UserWriteStage{Creation: authentiktest.CreateAlways, Active: true},
		&authentiktest.AuthenticatorTOTPStage{}, &authentiktest.AuthenticatorStaticStage{}, &authentiktest.UserLoginStage{},
	))
	return cfg
}

func pairOfDevicesBlueprint(n names) *draft {
	d := n.draft().createdLater("zoe").flow("enrolment", "enrollment")
	d.prompts(
		"enrolment", "about",
		Attrs{"field_key": "username", "label": "Username", "type": "username", "required": true},
		Attrs{"field_key": "password", "label": "Password", "type": "password", "required": true},
	)
	d.userWrite("enrolment", "always_create", false)
	d.stage("enrolment", totpStage, "app", Attrs{"digits": 6})
	d.stage("enrolment", staticStage, "paper", Attrs{"token_count": 6, "token_length": 12}).login("enrolment")
	d.identificationAs("flow", Attrs{"enrollment_flow": KeyOf("enrolment")}).boundPassword("flow")
	d.stage("flow", validation, "validation", Attrs{
		"device_classes": []string{"totp", "static"}, "not_configured_action": "deny", "last_auth_threshold": "seconds=0",
	})
	return d.login("flow")
}

func noDeviceStandIn(n names) authentiktest.Config {
	return n.twoSteps(bindings(&authentiktest.AuthenticatorValidateStage{
		DeviceClasses: []authentiktest.DeviceClass{authentiktest.DeviceTOTP}, NotConfigured: authentiktest.NotConfiguredDeny,
	}), n.account("alice"))
}

func noDeviceBlueprint(n names) *draft {
	return n.draft("alice").twoSteps(func(d *draft) {
		d.stage("flow", validation, "validation", Attrs{
			"device_classes": []string{"totp"}, "not_configured_action": "deny", "last_auth_threshold": "seconds=0",
		})
	})
}

func rememberedStandIn(n names) authentiktest.Config {
	between := setUpDevice(authentiktest.DeviceTOTP, &authentiktest.AuthenticatorTOTPStage{})
	if stage, ok := between[0].Stage.(*authentiktest.AuthenticatorValidateStage); ok {
		stage.LastAuthThreshold = time.Hour
	}
	return n.twoSteps(between, n.account("alice"))
}

func rememberedBlueprint(n names) *draft {
	return totpBlueprint(n).set("validation", Attrs{"last_auth_threshold": "hours=1"})
}
