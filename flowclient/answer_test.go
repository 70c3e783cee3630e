package flowclient

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// writing is an answer and the body that it is encoded to.
type writing struct {
	answer Answer
	want   string
}

// writings returns answers to every component that has answers.
func writings() []writing {
	assertion := json.RawMessage(`{"id":"x"}`)
	agent := "jwt"
	used := time.Date(2026, 4, 28, 7, 51, 9, 480_000_000, time.UTC)
	mail := DeviceChallenge{Class: "email", UID: "3", Challenge: json.RawMessage(`{"email":"m***"}`)}
	return []writing{
		{IdentificationAnswer{UID: "jane"}, `{"component":"ak-stage-identification","uid_field":"jane"}`},
		{IdentificationAnswer{UID: "jane", Password: "p", CaptchaToken: "c"}, `{"component":"ak-stage-identification","uid_field":"jane","password":"p","captcha_token":"c"}`},
		{IdentificationAnswer{UID: "jane", Passkey: assertion}, `{"component":"ak-stage-identification","passkey":{"id":"x"}}`},
		{PasswordAnswer{" p "}, `{"component":"ak-stage-password","password":" p "}`},
		{CaptchaAnswer{"t"}, `{"component":"ak-stage-captcha","token":"t"}`},
		{ValidateCodeAnswer{"012345"}, `{"component":"ak-stage-authenticator-validate","code":"012345"}`},
		{ValidateDuoAnswer{"9"}, `{"component":"ak-stage-authenticator-validate","duo":"9"}`},
		{ValidateWebAuthnAnswer{assertion}, `{"component":"ak-stage-authenticator-validate","webauthn":{"id":"x"}}`},
		{ValidateStageAnswer{"pk"}, `{"component":"ak-stage-authenticator-validate","selected_stage":"pk"}`},
		{ValidateDeviceAnswer{mail}, `{"component":"ak-stage-authenticator-validate","selected_challenge":{"device_class":"email","device_uid":"3","challenge":{"email":"m***"},"last_used":null}}`},
		{ValidateDeviceAnswer{DeviceChallenge{Class: "sms", UID: "1", LastUsed: used}}, `{"component":"ak-stage-authenticator-validate","selected_challenge":{"device_class":"sms","device_uid":"1","challenge":{},"last_used":"2026-04-28T07:51:09.480000Z"}}`},
		{AuthenticatorTOTPAnswer{"001234"}, `{"component":"ak-stage-authenticator-totp","code":"001234"}`},
		{AuthenticatorStaticAnswer{}, `{"component":"ak-stage-authenticator-static"}`},
		{AuthenticatorSMSAnswer{PhoneNumber: "+1", Code: "2"}, `{"component":"ak-stage-authenticator-sms","phone_number":"+1"}`},
		{AuthenticatorSMSAnswer{Code: "2"}, `{"component":"ak-stage-authenticator-sms","code":"2"}`},
		{AuthenticatorEmailAnswer{Email: "a@b", Code: "2"}, `{"component":"ak-stage-authenticator-email","email":"a@b"}`},
		{AuthenticatorEmailAnswer{Code: "2"}, `{"component":"ak-stage-authenticator-email","code":"2"}`},
		{AuthenticatorDuoAnswer{}, `{"component":"ak-stage-authenticator-duo"}`},
		{AuthenticatorWebAuthnAnswer{assertion}, `{"component":"ak-stage-authenticator-webauthn","response":{"id":"x"}}`},
		{AuthenticatorWebAuthnAnswer{}, `{"component":"ak-stage-authenticator-webauthn"}`},
		{ConsentAnswer{"t"}, `{"component":"ak-stage-consent","token":"t"}`},
		{PromptAnswer{map[string]any{"a": true, "component": "ak-stage-password"}}, `{"component":"ak-stage-prompt","a":true}`},
		{PromptAnswer{}, `{"component":"ak-stage-prompt"}`},
		{EmailAnswer{}, `{"component":"ak-stage-email"}`},
		{UserLoginAnswer{}, `{"component":"ak-stage-user-login","remember_me":false}`},
		{UserLoginAnswer{true}, `{"component":"ak-stage-user-login","remember_me":true}`},
		{DummyAnswer{}, `{"component":"ak-stage-dummy"}`},
		{DeviceCodeAnswer{"012"}, `{"component":"ak-provider-oauth2-device-code","code":"012"}`},
		{FrameAnswer{}, `{"component":"xak-flow-frame"}`},
		{IframeLogoutAnswer{}, `{"component":"ak-provider-iframe-logout"}`},
		{SAMLNativeLogoutAnswer{}, `{"component":"ak-provider-saml-native-logout"}`},
		{EndpointAgentAnswer{}, `{"component":"ak-stage-endpoint-agent","response":null}`},
		{EndpointAgentAnswer{&agent}, `{"component":"ak-stage-endpoint-agent","response":"jwt"}`},
		{SourceTelegramAnswer{map[string]any{"id": 7, "hash": "h"}}, `{"component":"ak-source-telegram","id":7,"hash":"h"}`},
	}
}

func TestAnswer_IsEncodedAsAuthentikExpects(t *testing.T) {
	t.Parallel()
	for _, c := range writings() {
		raw, err := body(c.answer)
		if err != nil {
			t.Errorf("%T: got %v", c.answer, err)
			continue
		}
		var got, want any
		if json.Unmarshal(raw, &got) != nil || json.Unmarshal([]byte(c.want), &want) != nil {
			t.Fatalf("%T: got %s, want JSON", c.answer, raw)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%T (-want +got):\n%s", c.answer, diff)
		}
	}
}

func TestAnswer_DoesNotChangeTheCallersValues(t *testing.T) {
	t.Parallel()
	values := map[string]any{"a": "b"}
	for _, a := range []Answer{PromptAnswer{values}, SourceTelegramAnswer{values}} {
		if _, err := body(a); err != nil || len(values) != 1 {
			t.Errorf("%T: got %v and %d values left, want no change", a, err, len(values))
		}
	}
}
