package flowclient

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Releases differ in their optional keys; a value of another type than expected
// must not keep the visitor from the rest.
func TestOddValuesCountAsAbsent(t *testing.T) {
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

func TestMissingKeysHaveTheSafeMeaning(t *testing.T) {
	t.Parallel()
	bare := func(c Component) Challenge { return decoded(t, []byte(`{"component":"`+string(c)+`"}`)) }
	if !as[AuthenticatorSMS](t, bare(ComponentAuthenticatorSMS)).PhoneNumberRequired {
		t.Error("no number is asked for")
	}
	if !as[AuthenticatorEmail](t, bare(ComponentAuthenticatorEmail)).EmailRequired {
		t.Error("no address is asked for")
	}
	if as[Captcha](t, bare(ComponentCaptcha)).Interactive || as[Identification](t, bare(ComponentIdentification)).EnableRememberMe ||
		as[Password](t, bare(ComponentPassword)).AllowShowPassword || as[Frame](t, bare(ComponentFrame)).LoadingOverlay ||
		as[SAMLNativeLogout](t, bare(ComponentSAMLNativeLogout)).IsComplete {
		t.Error("a missing flag counts as set")
	}
	if b := bare(ComponentPassword).Common(); b.FlowInfo != nil || b.Errors != nil {
		t.Error("missing objects are not nil")
	}
}

func TestChoicesAreTextsOrObjects(t *testing.T) {
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

func TestErrorsComeInManyShapes(t *testing.T) {
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

func TestStepsThatCannotBeKeptAreRefused(t *testing.T) {
	t.Parallel()
	if _, err := (Step{Challenge: Password{}}).MarshalJSON(); err == nil {
		t.Error("a challenge without its bytes was kept")
	}
	for _, kept := range []string{`[]`, `{"challenge":"x"}`, `{"challenge":3}`, `{"cookies":[]}`} {
		s := Step{Flow: login}
		if err := s.UnmarshalJSON([]byte(kept)); err == nil || s.Flow != login {
			t.Errorf("%s was read: %v", kept, err)
		}
	}
	roundTrip(t, Step{})
	roundTrip(t, Step{Flow: Flow{"a", "b=<&>"}, Cookies: Cookies{"x": "<y>"}, Lost: true, Root: "https://x/", Language: "pt-BR"})
}

// A redirect means the same after its step was kept, sub-path and all.
func TestRedirectsKeepTheirClassThroughARoundTrip(t *testing.T) {
	t.Parallel()
	const root = "https://auth.example.com/auth/"
	ch, err := decodeAt([]byte(`{"component":"xak-flow-redirect","to":"/auth/source/oauth/login/x/"}`), root)
	if err != nil || as[Redirect](t, ch).Class() != RedirectSource {
		t.Fatalf("%v", err)
	}
	roundTrip(t, Step{Flow: login, Challenge: ch, Root: root})
}
