package proxy

import (
	"encoding/json"
	"net/netip"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/throttle"
)

func newThrottle(keys seal.Key, now func() time.Time) *throttle.Throttle {
	return throttle.New(throttle.Options{Now: now, Derive: func(kind, name string) throttle.Key {
		return throttle.Key(keys.Derive([]byte(name), "v1\x00attempts\x00"+kind, len(throttle.Key{})))
	}})
}

// guess is what the throttle has to know of an answer. Pending is the account
// that authentik's question is about.
func guess(client netip.Addr, pending string, answer flowclient.Answer) throttle.Answer {
	return throttle.Answer{Client: client, Accounts: []string{typedName(answer), pending}, Proves: proves(answer)}
}

// fieldsOf are the fields of an answer that prove who somebody is, as authentik reads them; there
// are none in other answers. What a program sends is looked at field by field, whichever question
// its visit is at: authentik hands an answer to whatever it asks.
func fieldsOf(answer flowclient.Answer) map[string]json.RawMessage {
	given := map[string]json.RawMessage{}
	put := func(name, value string) {
		if value != "" {
			given[name], _ = json.Marshal(value) // a string can be
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
			given[name], _ = json.Marshal(value) // it was made of a form
		}
	default: // proves nothing
	}
	return given
}

// proofs are the fields by which somebody could try to be somebody else.
var proofs = []string{"uid_field", "password", "code", "passkey", "webauthn"}

// proves reports whether an answer can be tried until it is right.
func proves(answer flowclient.Answer) bool {
	for _, field := range proofs {
		if says(answer, field) {
			return true
		}
	}
	return false
}

// refused reports whether authentik has turned a proof down. Where the flow begins anew after a
// wrong one, it does so without a word.
func refused(vis visit, answer flowclient.Answer, step flowclient.Step) bool {
	_, raw := answer.(flowclient.RawAnswer)
	prompt := answer.Component() == flowclient.ComponentPrompt
	component := step.Challenge.Component()
	switch {
	case step.Lost:
		return raw || prompt // other forms mean nothing to a question that they were not made for
	case prompt:
		return false // a new password, say, is compared with nothing
	case !moved(vis.Step, step), component == flowclient.ComponentIdentification:
		return true
	case component == vis.Opening && step.Flow == vis.First:
		return true
	}
	switch step.Challenge.(type) {
	case flowclient.AccessDenied, flowclient.FlowError, flowclient.Shell:
		return true
	default:
		return false
	}
}

// typedName is the name in an answer.
func typedName(answer flowclient.Answer) string { return textOf(fieldsOf(answer)["uid_field"]) }

// textOf is a JSON string, or a number as it is written: authentik takes it for one.
func textOf(value json.RawMessage) string {
	if text, ok := readText(value); ok {
		return text
	}
	return string(value)
}
