package reply

import (
	"encoding/json"
	"slices"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

// reduced returns a program's answer with only the fields that the challenge
// asks for. authentik gives an answer to the current stage of its session. If
// an answer to a challenge for a name also contained a password, authentik
// could try it on an account that the visit does not know.
func reduced(c flowclient.Challenge, fields map[string]json.RawMessage) (flowclient.Answer, *page.Mistake) {
	names, known := asked(c)
	if !known {
		return flowclient.RawAnswer{Name: c.Component(), Fields: fields}, nil
	}
	kept, foreign := map[string]json.RawMessage{}, false
	for name, value := range fields {
		switch {
		case slices.Contains(names, name):
			kept[name] = value
		case name != "component":
			foreign = true
		}
	}
	if foreign && len(kept) == 0 {
		return nil, &page.Mistake{Name: "wrong_page"}
	}
	return flowclient.RawAnswer{Name: c.Component(), Fields: kept}, nil
}

// asked returns the fields that the answer to a challenge may have. It returns
// none for a challenge of a newer authentik, and for Telegram's signed answer,
// whose fields must all be sent.
func asked(c flowclient.Challenge) (names []string, known bool) {
	switch c := c.(type) {
	case flowclient.Identification:
		return askedWithName(c), true
	case flowclient.Password:
		return []string{"password"}, true
	case flowclient.AuthenticatorValidate:
		return askedOfDevices(c), true
	case flowclient.Prompt:
		for _, f := range c.Fields {
			if !f.Type.Fixed() {
				names = append(names, f.Key)
			}
		}
		return names, true
	case flowclient.Unknown, flowclient.SourceTelegram:
		return nil, false
	default:
		return plainFields[c.Component()], true
	}
}

// plainFields are the fields of answers that do not depend on the challenge.
// Answers of other components have no fields.
var plainFields = map[flowclient.Component][]string{
	flowclient.ComponentAuthenticatorEmail:    {"email", "code"},
	flowclient.ComponentAuthenticatorSMS:      {"phone_number", "code"},
	flowclient.ComponentAuthenticatorTOTP:     {"code"},
	flowclient.ComponentAuthenticatorWebAuthn: {"response"},
	flowclient.ComponentCaptcha:               {"token"},
	flowclient.ComponentConsent:               {"token"},
	flowclient.ComponentDeviceCode:            {"code"},
	flowclient.ComponentEndpointAgent:         {"response"},
	flowclient.ComponentUserLogin:             {"remember_me"},
}

func askedWithName(c flowclient.Identification) (names []string) {
	if len(c.UserFields) > 0 {
		names = append(names, "uid_field")
	}
	if c.PasswordFields {
		names = append(names, "password")
	}
	if c.CaptchaStage != nil {
		names = append(names, "captcha_token")
	}
	if len(c.PasskeyChallenge) > 0 {
		names = append(names, "passkey")
	}
	return names
}

func askedOfDevices(c flowclient.AuthenticatorValidate) (names []string) {
	for _, device := range c.Devices {
		switch device.Class {
		case "webauthn":
			names = append(names, "webauthn", "selected_challenge")
		case "duo":
			names = append(names, "duo", "selected_challenge")
		default:
			names = append(names, "code", "selected_challenge")
		}
	}
	if len(c.ConfigurationStages) > 0 {
		names = append(names, "selected_stage")
	}
	return names
}

const (
	// maxTyped is the maximum size of an answer that a visitor types, such as a
	// name with a password and the answer of a captcha. maxSigned is that of an
	// answer that a device signs, with the options that it was given.
	maxTyped, maxSigned = 32 << 10, 256 << 10
)

// MaxAnswer returns the maximum size of the answer to a challenge, in bytes of
// JSON. Only forms that an administrator has designed can contain files.
func MaxAnswer(c flowclient.Challenge) int {
	switch c := c.(type) {
	case flowclient.Prompt:
		if slices.ContainsFunc(c.Fields, func(f flowclient.Field) bool { return f.Type == flowclient.FieldFile }) {
			return 2 * MaxForm // a file grows by a third in base64
		}
		return maxSigned
	case flowclient.AuthenticatorValidate, flowclient.AuthenticatorWebAuthn, flowclient.Identification, flowclient.Unknown:
		return maxSigned
	default:
		return maxTyped
	}
}
