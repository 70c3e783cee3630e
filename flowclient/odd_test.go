package flowclient

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Releases differ in their optional keys. A value of an unexpected type must not make
// the rest of a challenge unusable.
func TestDecode_ValuesOfTheWrongTypeCountAsAbsent(t *testing.T) {
	t.Parallel()
	raw := []byte(`{"component":"ak-stage-identification","flow_info":[],"response_errors":"x","pending_user":{},
		"user_fields":["username",{},null,3],"password_fields":"yes","captcha_stage":7,"sources":{"a":1},
		"enable_remember_me":null,"passkey_challenge":null,"primary_action":true,"pending_user_identifier":42}`)
	got := as[Identification](t, decoded(t, raw))
	got.Raw = nil
	want := Identification{UserFields: []string{"username", "3"}, PendingUserIdentifier: "42"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDecode_MissingKeysHaveSafeDefaults(t *testing.T) {
	t.Parallel()
	bare := func(c Component) Challenge { return decoded(t, []byte(`{"component":"`+string(c)+`"}`)) }
	if !as[AuthenticatorSMS](t, bare(ComponentAuthenticatorSMS)).PhoneNumberRequired {
		t.Error("got PhoneNumberRequired false, want true")
	}
	if !as[AuthenticatorEmail](t, bare(ComponentAuthenticatorEmail)).EmailRequired {
		t.Error("got EmailRequired false, want true")
	}
	if as[Captcha](t, bare(ComponentCaptcha)).Interactive || as[Identification](t, bare(ComponentIdentification)).EnableRememberMe ||
		as[Password](t, bare(ComponentPassword)).AllowShowPassword || as[Frame](t, bare(ComponentFrame)).LoadingOverlay ||
		as[SAMLNativeLogout](t, bare(ComponentSAMLNativeLogout)).IsComplete {
		t.Error("got a missing flag as true, want false")
	}
	if b := bare(ComponentPassword).Common(); b.FlowInfo != nil || b.Errors != nil {
		t.Error("got missing objects, want nil")
	}
}

func TestDecode_ChoicesMayBeTextsOrObjects(t *testing.T) {
	t.Parallel()
	raw := []byte(`{"component":"ak-stage-prompt","fields":[
		{"field_key":"a","type":"dropdown","order":"7","initial_value":3,"choices":["x",{"value":"y","label":"Y"},4,null,[]]},
		{"field_key":"b","type":"of tomorrow","required":true,"choices":null}, "odd"]}`)
	want := []Field{
		{Key: "a", Type: "dropdown", Order: 7, Initial: "3", Choices: []Choice{{"x", "x"}, {"y", "Y"}, {"4", "4"}}},
		{Key: "b", Type: "of tomorrow", Required: true},
	}
	if diff := cmp.Diff(want, as[Prompt](t, decoded(t, raw)).Fields); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDecode_ErrorsMayHaveSeveralForms(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]map[string][]FieldError{
		`{}`:                                  {},
		`null`:                                nil,
		`[]`:                                  nil,
		`{"a":[{"string":"x","code":"y"}]}`:   {"a": {{"x", "y"}}},
		`{"a":[{"string":"last_used"}]}`:      {"a": {{Text: "last_used"}}},
		`{"a":["x"],"b":[],"c":null,"d":"x"}`: {"a": {{Text: "x"}}, "b": nil, "c": nil, "d": nil},
		`{"a":[[],null,{}]}`:                  {"a": {{}}},
	} {
		got := decoded(t, []byte(`{"component":"ak-stage-password","response_errors":`+raw+`}`)).Common().Errors
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", raw, diff)
		}
	}
}

func TestStep_InvalidOnesAreRefused(t *testing.T) {
	t.Parallel()
	if _, err := (Step{Challenge: Password{}}).MarshalJSON(); err == nil {
		t.Error("got a challenge without its bytes encoded, want an error")
	}
	for _, kept := range []string{`[]`, `{"challenge":"x"}`, `{"challenge":3}`, `{"cookies":[]}`} {
		s := Step{Flow: login}
		if err := s.UnmarshalJSON([]byte(kept)); err == nil || s.Flow != login {
			t.Errorf("%s: got %v, want an error", kept, err)
		}
	}
	roundTrip(t, Step{})
	roundTrip(t, Step{Flow: Flow{"a", "b=<&>"}, Cookies: Cookies{"x": "<y>"}, Lost: true, Root: "https://x/", Language: "pt-BR"})
}

// A redirect below a sub-path has the same class after its step was stored.
func TestStep_RedirectsKeepTheirClassThroughARoundTrip(t *testing.T) {
	t.Parallel()
	const root = "https://auth.example.com/auth/"
	ch, err := DecodeAt([]byte(`{"component":"xak-flow-redirect","to":"/auth/source/oauth/login/x/"}`), root)
	if err != nil || as[Redirect](t, ch).Class() != RedirectSource {
		t.Fatalf("got error %v, want a redirect to a source", err)
	}
	roundTrip(t, Step{Flow: login, Challenge: ch, Root: root})
}
