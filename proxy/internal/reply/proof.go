package reply

import (
	"encoding/json"
	"slices"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// Fields returns the fields of an answer that prove who a visitor is, as
// authentik reads them. An answer that proves nothing has none. A program's
// answer is read by its fields, whatever challenge its visit shows: authentik
// gives an answer to its own current stage.
func Fields(answer flowclient.Answer) map[string]json.RawMessage {
	given := map[string]json.RawMessage{}
	put := func(name, value string) {
		if value != "" {
			given[name], _ = json.Marshal(value) // encoding a string cannot fail
		}
	}
	switch a := answer.(type) {
	case flowclient.RawAnswer:
		return a.Fields
	case flowclient.IdentificationAnswer:
		put("uid_field", a.UID)
		put("password", a.Password)
		put("captcha_token", a.CaptchaToken)
		put("passkey", string(a.Passkey))
	case flowclient.PasswordAnswer:
		put("password", a.Password)
	case flowclient.ValidateCodeAnswer:
		put("code", a.Code)
	case flowclient.ValidateWebAuthnAnswer:
		put("webauthn", string(a.Response))
	case flowclient.AuthenticatorTOTPAnswer:
		put("code", a.Code)
	case flowclient.AuthenticatorSMSAnswer:
		put("code", a.Code)
	case flowclient.AuthenticatorEmailAnswer:
		put("code", a.Code)
	case flowclient.DeviceCodeAnswer:
		put("code", a.Code)
	case flowclient.PromptAnswer:
		for name, value := range a.Values {
			given[name], _ = json.Marshal(value) // it was made from a form
		}
	default: // this answer proves nothing
	}
	return given
}

// proofs are the fields with which a visitor could try to sign in as another
// user.
var proofs = []string{"uid_field", "password", "code", "passkey", "webauthn"}

// Proves reports whether an answer could be tried until it is right.
func Proves(answer flowclient.Answer) bool {
	if raw, ok := answer.(flowclient.RawAnswer); ok && raw.Name != "" && !slices.Contains(flowclient.Components(), raw.Name) {
		return len(raw.Fields) > 0 // an unknown answer
	}
	for _, field := range proofs {
		if Has(answer, field) {
			return true
		}
	}
	return false
}

// TypedName returns the name in an answer.
func TypedName(answer flowclient.Answer) string { return textOf(Fields(answer)["uid_field"]) }

// textOf returns a JSON string, or the digits of a number: authentik accepts a
// number as text.
func textOf(value json.RawMessage) string {
	if text, ok := readText(value); ok {
		return text
	}
	return string(value)
}

// Has reports whether an answer has a field.
func Has(answer flowclient.Answer, field string) bool { return len(Fields(answer)[field]) > 0 }
