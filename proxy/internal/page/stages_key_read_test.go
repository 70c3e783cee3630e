package page

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/google/go-cmp/cmp"
)

const (
	proof     = `{"id":"xBrf","rawId":"xBrf","response":{"authenticatorData":"AAAA","clientDataJSON":"eyJ9","signature":"MEUC"},"type":"public-key"}`
	attesting = `{"id":"xBrf","rawId":"xBrf","response":{"attestationObject":"o2Nm","clientDataJSON":"eyJ9"},"type":"public-key"}`
)

func TestKey_ResponseIsReadStrictly(t *testing.T) {
	t.Parallel()
	more := func(said, what string) string { return strings.TrimSuffix(said, "}") + what + "}" }
	for name, row := range map[string]struct {
		said  string
		wrong string
	}{
		"a proof":                    {proof, ""},
		"a proof with more":          {more(proof, `,"clientExtensionResults":{"x":1},"authenticatorAttachment":"platform"`), ""},
		"with padding":               {strings.ReplaceAll(proof, "eyJ9", "eyJ9AA=="), ""},
		"nothing":                    {"", "key_script"},
		"no JSON":                    {"xBrf", "key_unreadable"},
		"null":                       {"null", "key_unreadable"},
		"a list":                     {"[" + proof + "]", "key_unreadable"},
		"two of them":                {proof + proof, "key_unreadable"},
		"without a response":         {`{"id":"xBrf","rawId":"xBrf","type":"public-key"}`, "key_unreadable"},
		"half a response":            {strings.ReplaceAll(proof, "signature", "sign"), "key_unreadable"},
		"a new key":                  {attesting, "key_unreadable"},
		"of another type":            {strings.ReplaceAll(proof, "public-key", "password"), "key_unreadable"},
		"of two names":               {strings.ReplaceAll(proof, `"id":"xBrf"`, `"id":"xBrg"`), "key_unreadable"},
		"of no name":                 {strings.ReplaceAll(proof, "xBrf", ""), "key_unreadable"},
		"of another alphabet":        {strings.ReplaceAll(proof, "MEUC", "M+U/"), "key_unreadable"},
		"with an object in its part": {strings.ReplaceAll(proof, `"MEUC"`, `{"a":1}`), "key_unreadable"},
		"of too many bytes":          {more(proof, `,"x":"`+strings.Repeat("x", maxCredential)+`"`), "key_unreadable"},
	} {
		got, wrong := assertion(row.said)
		if (wrong == nil) != (row.wrong == "") || wrong != nil && wrong.Name != row.wrong {
			t.Errorf("%s: got mistake %+v", name, wrong)
		}
		want := strings.ReplaceAll(proof, "eyJ9", map[bool]string{true: "eyJ9AA==", false: "eyJ9"}[name == "with padding"])
		if wrong == nil && string(got) != want {
			t.Errorf("%s (-want +got):\n%s", name, cmp.Diff(want, string(got)))
		}
	}
}

func TestKey_AnswersOnlyItsChallenge(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		component flowclient.Component
		fields    string
		form      []string
		want      flowclient.Answer
	}{
		"a factor":              {flowclient.ComponentAuthenticatorValidate, keyAndApp, []string{"webauthn", proof, "chosen", "webauthn:3"}, flowclient.ValidateWebAuthnAnswer{Response: json.RawMessage(proof)}},
		"no factor":             {flowclient.ComponentAuthenticatorValidate, keyAndApp, []string{"webauthn", ""}, nil},
		"a code instead":        {flowclient.ComponentAuthenticatorValidate, keyAndApp, []string{"code", "123456"}, flowclient.ValidateCodeAnswer{Code: "123456"}},
		"a code to a key":       {flowclient.ComponentAuthenticatorValidate, keyAlone, []string{"code", "123456"}, nil},
		"an unwanted key":       {flowclient.ComponentAuthenticatorValidate, `,"device_challenges":[{"device_class":"totp","device_uid":"7"}]`, []string{"webauthn", proof}, nil},
		"a choice before a key": {flowclient.ComponentAuthenticatorValidate, keyAndApp, []string{"webauthn", proof, "device", ""}, nil},
		"a new key":             {flowclient.ComponentAuthenticatorWebAuthn, registration, []string{"response", attesting}, flowclient.AuthenticatorWebAuthnAnswer{Response: json.RawMessage(attesting)}},
		"no new key":            {flowclient.ComponentAuthenticatorWebAuthn, registration, []string{"response", proof}, nil},
		"a passkey":             {flowclient.ComponentIdentification, `,"user_fields":["username"]` + passkeyOffered, []string{"passkey", proof, "uid_field", ""}, flowclient.IdentificationAnswer{Passkey: json.RawMessage(proof)}},
		"a broken passkey":      {flowclient.ComponentIdentification, `,"user_fields":["username"]` + passkeyOffered, []string{"passkey", "{}", "uid_field", "jane"}, nil},
		"a name instead":        {flowclient.ComponentIdentification, `,"user_fields":["username"]` + passkeyOffered, []string{"passkey", "", "uid_field", "jane"}, flowclient.IdentificationAnswer{UID: "jane"}},
		"an unwanted passkey":   {flowclient.ComponentIdentification, `,"user_fields":["username"]`, []string{"passkey", proof, "uid_field", "jane"}, flowclient.IdentificationAnswer{UID: "jane"}},
	} {
		c := challengeOf(t, row.fields, row.component)
		got, wrong := Read(c, formOf(c, row.form...))
		if diff := cmp.Diff(row.want, got); diff != "" || (wrong == nil) != (row.want != nil) {
			t.Errorf("%s: got mistake %+v\n%s", name, wrong, diff)
		}
	}
}
