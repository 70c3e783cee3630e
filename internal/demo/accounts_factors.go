package demo

import (
	"encoding/base32"
	"fmt"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// appSecret returns the secret of the authenticator app.
func appSecret() string { return base32.StdEncoding.EncodeToString([]byte("a demonstration only")) }

// paper returns recovery codes. Each can be used once.
func paper() []string {
	var codes []string
	for n := range 9 {
		codes = append(codes, fmt.Sprintf("paper%d", n+1))
	}
	return codes
}

// factors returns users who are asked for a second factor.
func factors() []row {
	app := authentiktest.Device{Class: authentiktest.DeviceTOTP, Name: "Authenticator app", Secret: appSecret()}
	sheet := authentiktest.Device{Class: authentiktest.DeviceStatic, Name: "Codes on paper", Codes: paper()}
	phone := authentiktest.Device{Class: authentiktest.DeviceSMS, Name: "Telephone", Number: "+1555010010"}
	mail := authentiktest.Device{Class: authentiktest.DeviceEmail, Name: "Mailbox", Email: "email@example.com"}
	duo := authentiktest.Device{Class: authentiktest.DeviceDuo, Name: "Duo on a phone"}
	rows := []row{
		{name: "totp", asks: "a code from an authenticator app: press Enter here to see it", devices: devices(app)},
		{name: "static", asks: "a code on paper: paper1, paper2, and so on to paper9, each once", devices: devices(sheet)},
		{name: "sms", asks: "a code by text message, which appears here", devices: devices(phone)},
		{name: "email", asks: "a code by e-mail, which appears here", devices: devices(mail)},
		{name: "duo", asks: "an approval in Duo's app, which comes after some seconds", devices: devices(duo)},
		{name: refusingUser, asks: "the same, but the owner of the phone refuses", devices: devices(duo)},
		{name: "several", asks: "a code from one of three devices", devices: devices(app, sheet, phone)},
	}
	for i := range rows {
		rows[i].stages = stages(&authentiktest.AuthenticatorValidateStage{})
	}
	return rows
}

// setUps returns users who have to set up a second factor. Afterwards they are
// asked for it.
func setUps() []row {
	app, sheet := &authentiktest.AuthenticatorTOTPStage{}, &authentiktest.AuthenticatorStaticStage{}
	phone, mail := &authentiktest.AuthenticatorSMSStage{}, &authentiktest.AuthenticatorEmailStage{}
	key := &authentiktest.AuthenticatorWebAuthnStage{ResidentKey: "required"}
	duo := &authentiktest.AuthenticatorDuoStage{}
	return []row{
		{name: "setup", asks: "which second factor to set up", stages: configure(app, sheet, phone, mail, key, duo)},
		{name: "setup-totp", asks: "to set up an app: paste its secret here and press Enter to see the code", stages: configure(app)},
		{name: "setup-static", asks: "to write down codes", stages: configure(sheet)},
		{name: "setup-sms", asks: "to set up a phone; the code appears here", stages: configure(phone)},
		{name: "setup-email", asks: "to set up a mailbox; the code appears here", stages: configure(mail)},
		{name: "setup-passkey", asks: "to set up a passkey; it then also works on the first page, without a name", stages: configure(key)},
		{name: "setup-duo", asks: "to set up Duo, which takes some seconds", stages: configure(duo)},
	}
}

func configure(of ...authentiktest.SetupStage) []authentiktest.Stage {
	return stages(&authentiktest.AuthenticatorValidateStage{
		NotConfigured: authentiktest.NotConfiguredConfigure, ConfigurationStages: of,
	})
}

func stages(all ...authentiktest.Stage) []authentiktest.Stage { return all }

func devices(all ...authentiktest.Device) []authentiktest.Device { return all }
