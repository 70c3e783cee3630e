package signin

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
)

func TestRefused_TheFieldsOfAProgramCountWhateverTheyAnswer(t *testing.T) {
	t.Parallel()
	raw := func(component flowclient.Component, fields string) flowclient.RawAnswer {
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(fields), &members); err != nil {
			t.Fatal(err)
		}
		return flowclient.RawAnswer{Name: component, Fields: members}
	}
	for _, component := range []flowclient.Component{flowclient.ComponentIdentification, flowclient.ComponentDummy, flowclient.ComponentPrompt, flowclient.ComponentConsent} {
		for _, fields := range []string{`{"uid_field":"jane"}`, `{"password":"x"}`, `{"code":123456}`, `{"passkey":{}}`, `{"webauthn":{}}`} {
			if !reply.Proves(raw(component, fields)) {
				t.Errorf("%s to %s: got no proof, want one", fields, component)
			}
		}
		if reply.Proves(raw(component, `{"token":"x","selected_challenge":{}}`)) {
			t.Errorf("got a proof from a choice for %s, want none", component)
		}
	}
	if name := reply.TypedName(raw(flowclient.ComponentIdentification, `{"uid_field":12345}`)); name != "12345" {
		t.Errorf("got the name %q from a number, want 12345", name)
	}
	lost := flowclient.Step{Challenge: flowclient.Identification{}, Lost: true}
	vis := Visit{Step: flowclient.Step{Challenge: flowclient.Dummy{}}}
	if !vis.Refused(raw(flowclient.ComponentDummy, `{"uid_field":"jane","password":"x"}`), lost) {
		t.Error("got no attempt from an answer that posed as another, want one")
	}
	if (Visit{Step: flowclient.Step{Challenge: flowclient.Password{}}}).Refused(flowclient.PasswordAnswer{Password: "x"}, lost) {
		t.Error("got an attempt from a visit that authentik has forgotten, want none")
	}
	named := Visit{Step: flowclient.Step{Challenge: flowclient.Identification{}}}
	for _, tt := range []struct {
		answer flowclient.Answer
		at     flowclient.Challenge
		want   bool
	}{
		{flowclient.IdentificationAnswer{UID: "jane", Password: "x"}, flowclient.Password{}, true},
		{flowclient.IdentificationAnswer{UID: "jane"}, flowclient.Password{}, false},
		{flowclient.AuthenticatorTOTPAnswer{Code: "123456"}, flowclient.AuthenticatorValidate{}, true},
		{flowclient.PasswordAnswer{Password: "x"}, flowclient.AuthenticatorValidate{}, false},
	} {
		if got := named.Refused(tt.answer, flowclient.Step{Challenge: tt.at, Lost: true}); got != tt.want {
			t.Errorf("%T at %T: refused is %v, want %v", tt.answer, tt.at, got, tt.want)
		}
	}
}

func TestRefused_AFlowThatBeginsAnewHasRefused(t *testing.T) {
	t.Parallel()
	flow := flowclient.Flow{Slug: "login"}
	password := stepOf(t, flow, `{"component":"ak-stage-password"}`)
	answer := flowclient.PasswordAnswer{Password: "x"}
	for raw, want := range map[string]bool{
		`{"component":"ak-stage-identification"}`:                true,
		`{"component":"ak-stage-dummy"}`:                         true, // its first challenge
		`{"component":"ak-stage-access-denied"}`:                 true,
		`{"component":"ak-stage-flow-error"}`:                    true,
		`{"component":"ak-stage-password"}`:                      true, // once more, without a word
		`{"component":"ak-stage-password","response_errors":{}}`: true,
		`{"component":"ak-stage-authenticator-validate"}`:        false,
		`{"component":"xak-flow-redirect","to":"/"}`:             false,
	} {
		vis := Visit{First: flow, Opening: flowclient.ComponentDummy, Step: password}
		if got := vis.Refused(answer, stepOf(t, flow, raw)); got != want {
			t.Errorf("%s: got refused %v, want %v", raw, got, want)
		}
	}
}

func stepOf(t testing.TB, flow flowclient.Flow, raw string) flowclient.Step {
	t.Helper()
	challenge, err := flowclient.Decode([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return flowclient.Step{Flow: flow, Challenge: challenge, Cookies: flowclient.Cookies{"authentik_session": "secret"}}
}

func TestSessionID_StaysTheSameUntilASignIn(t *testing.T) {
	t.Parallel()
	token := func(payload string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".sig"
	}
	for value, want := range map[string]string{
		token(`{"sid":"abc","authenticated":false}`):             "abc",
		token(`{"sid":"abc","authenticated":false,"acr":"new"}`): "abc",
		"plain":     "plain",
		"":          "",
		"a.b.c":     "a.b.c",
		token(`{}`): token(`{}`),
		token(`[`):  token(`[`),
		"e30.!.x":   "e30.!.x",
	} {
		if got := sessionID(flowclient.Cookies{"authentik_session": value}); got != want {
			t.Errorf("session of %q: got %q, want %q", value, got, want)
		}
	}
}
