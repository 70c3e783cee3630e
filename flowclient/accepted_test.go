package flowclient

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// typed converts a recorded answer to the type that this package has for it.
func typed(o object) Answer {
	switch Component(o.text("component")) {
	case ComponentIdentification:
		return IdentificationAnswer{UID: o.text("uid_field"), Password: o.text("password"), CaptchaToken: o.text("captcha_token"), Passkey: o.raw("passkey")}
	case ComponentPassword:
		return PasswordAnswer{o.text("password")}
	case ComponentCaptcha:
		return CaptchaAnswer{o.text("token")}
	case ComponentConsent:
		return ConsentAnswer{o.text("token")}
	case ComponentDeviceCode:
		return DeviceCodeAnswer{o.text("code")}
	case ComponentDummy:
		return DummyAnswer{}
	case ComponentEndpointAgent:
		return EndpointAgentAnswer{o.maybe("response")}
	case ComponentPrompt:
		return PromptAnswer{values(o)}
	case ComponentSourceTelegram:
		return SourceTelegramAnswer{values(o)}
	case ComponentUserLogin:
		return UserLoginAnswer{o.flag("remember_me", false)}
	case ComponentIframeLogout:
		return IframeLogoutAnswer{}
	case ComponentSAMLNativeLogout:
		return SAMLNativeLogoutAnswer{}
	default:
		return factor(o)
	}
}

// factor does the same for answers about authenticators.
func factor(o object) Answer {
	switch Component(o.text("component")) {
	case ComponentAuthenticatorStatic:
		return AuthenticatorStaticAnswer{}
	case ComponentAuthenticatorTOTP:
		return AuthenticatorTOTPAnswer{o.text("code")}
	case ComponentAuthenticatorEmail:
		return AuthenticatorEmailAnswer{Email: o.text("email"), Code: o.text("code")}
	case ComponentAuthenticatorSMS:
		return AuthenticatorSMSAnswer{PhoneNumber: o.text("phone_number"), Code: o.text("code")}
	case ComponentAuthenticatorWebAuthn:
		return AuthenticatorWebAuthnAnswer{o.raw("response")}
	case ComponentAuthenticatorValidate:
		return validation(o)
	default:
		return nil
	}
}

// validation does the same for answers to AuthenticatorValidate.
func validation(o object) Answer {
	switch {
	case o.has("selected_challenge"):
		return ValidateDeviceAnswer{decodeDeviceChallenge(o.object("selected_challenge"))}
	case o.has("selected_stage"):
		return ValidateStageAnswer{o.text("selected_stage")}
	case o.has("webauthn"):
		return ValidateWebAuthnAnswer{o.raw("webauthn")}
	default:
		return ValidateCodeAnswer{o.text("code")}
	}
}

func values(o object) map[string]any {
	m := map[string]any{}
	for k := range o {
		if k != "component" {
			var v any
			if json.Unmarshal(o[k], &v) == nil {
				m[k] = v
			}
		}
	}
	return m
}

// neverSent returns why this package cannot express an answer that was recorded to
// see how authentik reacts to it, or "".
func neverSent(o object) string {
	in := o.object("selected_challenge")
	switch {
	case o.text("component") == string(ComponentRedirect):
		return "a redirect is never answered"
	case o.has("deny"):
		return "there is no answer that refuses consent"
	case in != nil && (len(in) < 4 || o.has("code")):
		return "a device is selected unchanged and without other fields"
	case o.text("component") == string(ComponentEndpointAgent) && len(o) == 1:
		return "a missing agent is sent as null"
	case o.text("component") == string(ComponentIdentification) && len(o) == 1:
		return "a name is always sent"
	default:
		return ""
	}
}

// TestAnswer_TypesCanExpressWhatServersAccepted compares the encoded answers with
// those that real servers accepted.
func TestAnswer_TypesCanExpressWhatServersAccepted(t *testing.T) {
	t.Parallel()
	for _, release := range recordedReleases {
		said := map[Component]int{}
		for _, line := range bytes.Split(bytes.TrimSpace(unpack(t, "accepted-"+release+".ndjson.gz")), []byte("\n")) {
			o, err := readObject(line)
			if err != nil {
				t.Fatal(err)
			}
			if neverSent(o) != "" {
				continue
			}
			a := typed(o)
			if a == nil {
				t.Errorf("%s: got no answer type for %s", release, o.text("component"))
				continue
			}
			sent, err := body(a)
			if err != nil {
				t.Fatal(err)
			}
			var got, want any
			if json.Unmarshal(sent, &got) != nil || json.Unmarshal(line, &want) != nil {
				t.Fatal("got unreadable JSON")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s differs (-want +got):\n%s", release, a.Component(), diff)
			}
			said[a.Component()]++
		}
		if len(said) < 14 {
			t.Errorf("%s: got %d kinds of answers, want at least 14", release, len(said))
		}
	}
}
