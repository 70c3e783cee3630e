package page

import (
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/google/go-cmp/cmp"
)

// form makes a form for a challenge: pairs of names and values.
func formOf(c flowclient.Challenge, pairs ...string) Form {
	f := Form{Values: url.Values{"component": {string(c.Component())}, "visit": {"v"}, "to": {"/"}}}
	for i := 0; i < len(pairs); i += 2 {
		f.Add(pairs[i], pairs[i+1])
	}
	return f
}

func challengeOf(t testing.TB, fields string, component flowclient.Component) flowclient.Challenge {
	t.Helper()
	return decoded(t, []byte(`{"component":"`+string(component)+`"`+fields+`}`))
}

const twoDevices = `,"device_challenges":[{"device_class":"totp","device_uid":"7","challenge":{},"last_used":null},
	{"device_class":"sms","device_uid":"9","challenge":{},"last_used":null},
	{"device_class":"webauthn","device_uid":"3","challenge":{},"last_used":null}],
	"configuration_stages":[{"pk":"b2f8","name":"App","verbose_name":"","meta_model_name":""}]`

func TestFormsAreReadAsAnswers(t *testing.T) {
	t.Parallel()
	sms := flowclient.DeviceChallenge{Class: "sms", UID: "9", Challenge: json.RawMessage("{}")}
	for name, row := range map[string]struct {
		component flowclient.Component
		fields    string
		form      []string
		want      flowclient.Answer
		wrong     string // the field of the mistake, "-" for one of none, "turn" for a turned page
	}{
		"a name":                        {flowclient.ComponentIdentification, `,"user_fields":["username"]`, []string{"uid_field", " jane "}, flowclient.IdentificationAnswer{UID: "jane"}, ""},
		"a name and a password":         {flowclient.ComponentIdentification, `,"user_fields":["username"],"password_fields":true`, []string{"uid_field", "jane", "password", " pass word "}, flowclient.IdentificationAnswer{UID: "jane", Password: " pass word "}, ""},
		"a password nobody asked for":   {flowclient.ComponentIdentification, `,"user_fields":["username"]`, []string{"uid_field", "jane", "password", "x"}, flowclient.IdentificationAnswer{UID: "jane"}, ""},
		"no name":                       {flowclient.ComponentIdentification, `,"user_fields":["email"]`, []string{"uid_field", " "}, nil, "uid_field"},
		"no password":                   {flowclient.ComponentIdentification, `,"user_fields":["username"],"password_fields":true`, []string{"uid_field", "jane"}, nil, "password"},
		"a name where none is asked":    {flowclient.ComponentIdentification, `,"user_fields":[]`, []string{"uid_field", "jane"}, nil, "-"},
		"a password":                    {flowclient.ComponentPassword, ``, []string{"password", " x "}, flowclient.PasswordAnswer{Password: " x "}, ""},
		"an empty password":             {flowclient.ComponentPassword, ``, nil, nil, "password"},
		"a code in groups":              {flowclient.ComponentAuthenticatorValidate, twoDevices, []string{"code", " 123 456\t"}, flowclient.AuthenticatorValidateAnswer{Code: "123456"}, ""},
		"no code":                       {flowclient.ComponentAuthenticatorValidate, twoDevices, []string{"code", " "}, nil, "code"},
		"a device to be sent to":        {flowclient.ComponentAuthenticatorValidate, twoDevices, []string{"device", "sms:9", "code", "123456"}, flowclient.AuthenticatorValidateAnswer{Select: &sms}, ""},
		"a device that shows its code":  {flowclient.ComponentAuthenticatorValidate, twoDevices, []string{"device", "totp:7"}, nil, "turn"},
		"a device for another page":     {flowclient.ComponentAuthenticatorValidate, twoDevices, []string{"device", "webauthn:3"}, nil, "turn"},
		"a device of somebody else":     {flowclient.ComponentAuthenticatorValidate, twoDevices, []string{"device", "sms:10"}, nil, "turn"},
		"back to the choice":            {flowclient.ComponentAuthenticatorValidate, twoDevices, []string{"device", "", "code", "1"}, nil, "turn"},
		"a device to set up":            {flowclient.ComponentAuthenticatorValidate, twoDevices, []string{"stage", "b2f8"}, flowclient.AuthenticatorValidateAnswer{Stage: "b2f8"}, ""},
		"another device to set up":      {flowclient.ComponentAuthenticatorValidate, twoDevices, []string{"stage", "b2f9"}, nil, "-"},
		"a code without a device":       {flowclient.ComponentAuthenticatorValidate, ``, []string{"code", "1"}, nil, "-"},
		"the code of a new app":         {flowclient.ComponentAuthenticatorTOTP, ``, []string{"code", "012 345"}, flowclient.AuthenticatorTOTPAnswer{Code: "012345"}, ""},
		"recovery codes":                {flowclient.ComponentAuthenticatorStatic, ``, nil, flowclient.AuthenticatorStaticAnswer{}, ""},
		"a number":                      {flowclient.ComponentAuthenticatorSMS, ``, []string{"phone_number", " +49 151 1 "}, flowclient.AuthenticatorSMSAnswer{PhoneNumber: "+49 151 1"}, ""},
		"no number":                     {flowclient.ComponentAuthenticatorSMS, ``, []string{"phone_number", "call me"}, nil, "phone_number"},
		"the code of a number":          {flowclient.ComponentAuthenticatorSMS, `,"phone_number_required":false`, []string{"code", "1"}, flowclient.AuthenticatorSMSAnswer{Code: "1"}, ""},
		"another number":                {flowclient.ComponentAuthenticatorSMS, `,"phone_number_required":false`, []string{"change", "1", "code", ""}, nil, "turn"},
		"an address":                    {flowclient.ComponentAuthenticatorEmail, ``, []string{"email", "jane@example.com"}, flowclient.AuthenticatorEmailAnswer{Email: "jane@example.com"}, ""},
		"no address":                    {flowclient.ComponentAuthenticatorEmail, ``, []string{"email", "jane"}, nil, "email"},
		"an address with a name":        {flowclient.ComponentAuthenticatorEmail, ``, []string{"email", "Jane <jane@example.com>"}, nil, "email"},
		"the code of an address":        {flowclient.ComponentAuthenticatorEmail, `,"email_required":false`, []string{"code", "096621"}, flowclient.AuthenticatorEmailAnswer{Code: "096621"}, ""},
		"consent":                       {flowclient.ComponentConsent, `,"token":"t"`, []string{"token", "forged"}, flowclient.ConsentAnswer{Token: "t"}, ""},
		"once more by e-mail":           {flowclient.ComponentEmail, ``, nil, flowclient.EmailAnswer{}, ""},
		"stay":                          {flowclient.ComponentUserLogin, ``, []string{"remember_me", "1"}, flowclient.UserLoginAnswer{RememberMe: true}, ""},
		"do not stay":                   {flowclient.ComponentUserLogin, ``, []string{"remember_me", "0"}, flowclient.UserLoginAnswer{}, ""},
		"say nothing about staying":     {flowclient.ComponentUserLogin, ``, nil, flowclient.UserLoginAnswer{}, ""},
		"go on":                         {flowclient.ComponentDummy, ``, nil, flowclient.DummyAnswer{}, ""},
		"the code of a device":          {flowclient.ComponentDeviceCode, ``, []string{"code", "628 193 475"}, flowclient.DeviceCodeAnswer{Code: "628193475"}, ""},
		"an answer to a refusal":        {flowclient.ComponentAccessDenied, ``, nil, nil, "-"},
		"an answer to a redirect":       {flowclient.ComponentRedirect, `,"to":"/"`, nil, nil, "-"},
		"an answer that is not for us":  {flowclient.ComponentCaptcha, ``, []string{"token", "x"}, nil, "-"},
		"an answer to nobody's mystery": {"ak-stage-of-tomorrow", ``, nil, nil, "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := challengeOf(t, row.fields, row.component)
			got, wrong := Read(c, formOf(c, row.form...))
			if !reflect.DeepEqual(got, row.want) {
				t.Errorf("another answer:\n%s", cmp.Diff(row.want, got, cmp.Transformer("", func(a flowclient.Answer) any { b, _ := json.Marshal(a); return string(b) })))
			}
			if what := sortOf(wrong); what != row.wrong {
				t.Errorf("mistake %q (%+v), want %q", what, wrong, row.wrong)
			}
		})
	}
}

func sortOf(wrong *Mistake) string {
	switch {
	case wrong == nil:
		return ""
	case wrong.Name == "":
		return "turn"
	case wrong.Field == "":
		return "-"
	}
	return wrong.Field
}

func TestAFormForAnotherQuestionAnswersNothing(t *testing.T) {
	t.Parallel()
	password := challengeOf(t, "", flowclient.ComponentPassword)
	for _, component := range []string{"ak-stage-identification", "", "AK-STAGE-PASSWORD", "ak-stage-password "} {
		got, wrong := Read(password, Form{Values: url.Values{"component": {component}, "password": {"x"}}})
		if got != nil || wrong == nil {
			t.Errorf("a form for %q was read as %T", component, got)
		}
	}
}

func TestPromptsSendWhatEachKindOfFieldTakes(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		field string // type and requirement of the field k
		form  []string
		want  map[string]any
		wrong bool
	}{
		"text":                           {`"type":"text","required":true`, []string{"field.k", " x "}, map[string]any{"k": " x "}, false},
		"no text":                        {`"type":"text"`, nil, map[string]any{"k": ""}, false},
		"a name without our prefix":      {`"type":"text"`, []string{"k", "x"}, map[string]any{"k": ""}, false},
		"lines":                          {`"type":"text_area"`, []string{"field.k", "a\r\nb"}, map[string]any{"k": "a\nb"}, false},
		"read-only text":                 {`"type":"text_read_only","initial_value":"a"`, []string{"field.k", "forged"}, map[string]any{}, false},
		"read-only lines":                {`"type":"text_area_read_only"`, []string{"field.k", "forged"}, map[string]any{}, false},
		"hidden":                         {`"type":"hidden","initial_value":"a"`, []string{"field.k", "forged"}, map[string]any{}, false},
		"a separator":                    {`"type":"separator"`, []string{"field.k", "x"}, map[string]any{}, false},
		"static text":                    {`"type":"static"`, []string{"field.k", "x"}, map[string]any{}, false},
		"a file":                         {`"type":"file"`, []string{"field.k", "x"}, map[string]any{}, false},
		"a user name":                    {`"type":"username","required":true`, []string{"field.k", " jane "}, map[string]any{"k": "jane"}, false},
		"no user name where one is due":  {`"type":"username","required":true`, nil, map[string]any{"k": ""}, false},
		"no user name where none is due": {`"type":"username"`, nil, map[string]any{}, false},
		"a password":                     {`"type":"password"`, []string{"field.k", " x"}, map[string]any{"k": " x"}, false},
		"no password where none is due":  {`"type":"password"`, nil, map[string]any{}, false},
		"a number":                       {`"type":"number"`, []string{"field.k", " 42 "}, map[string]any{"k": "42"}, false},
		"no number":                      {`"type":"number"`, nil, map[string]any{}, false},
		"no date":                        {`"type":"date"`, nil, map[string]any{}, false},
		"a date":                         {`"type":"date"`, []string{"field.k", "2026-05-01"}, map[string]any{"k": "2026-05-01"}, false},
		"a time":                         {`"type":"date-time"`, []string{"field.k", "2026-05-01T12:30"}, map[string]any{"k": "2026-05-01T12:30"}, false},
		"a checked box":                  {`"type":"checkbox"`, []string{"field.k", "1"}, map[string]any{"k": true}, false},
		"a cleared box":                  {`"type":"checkbox","initial_value":"True"`, nil, map[string]any{"k": false}, false},
		"a choice":                       {`"type":"dropdown","choices":["a","b"]`, []string{"field.k", "b"}, map[string]any{"k": "b"}, false},
		"a choice of objects":            {`"type":"radio-button-group","choices":[{"value":"a","label":"A"}]`, []string{"field.k", "a"}, map[string]any{"k": "a"}, false},
		"a choice that is not offered":   {`"type":"dropdown","choices":["a","b"]`, []string{"field.k", "c"}, nil, true},
		"no choice where one is due":     {`"type":"dropdown","required":true,"choices":["a"]`, nil, nil, true},
		"no choice where none is due":    {`"type":"radio-button-group","choices":["a"]`, nil, map[string]any{}, false},
		"a choice of nothing":            {`"type":"dropdown","required":true,"choices":null`, nil, map[string]any{}, false},
		"a language":                     {`"type":"ak-locale"`, []string{"field.k", "de-DE"}, map[string]any{"k": "de-DE"}, false},
		"the browser's language":         {`"type":"ak-locale"`, nil, map[string]any{"k": ""}, false},
		"a kind of tomorrow":             {`"type":"colour"`, []string{"field.k", "red"}, map[string]any{"k": "red"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := challengeOf(t, `,"fields":[{"field_key":"k",`+row.field+`}]`, flowclient.ComponentPrompt)
			got, wrong := Read(c, formOf(c, row.form...))
			if (wrong != nil) != row.wrong {
				t.Fatalf("mistake: %+v", wrong)
			}
			if wrong != nil {
				return
			}
			if diff := cmp.Diff(row.want, got.(flowclient.PromptAnswer).Values); diff != "" { //nolint:forcetypeassert // A test may panic.
				t.Error(diff)
			}
		})
	}
}

func TestTwoPasswordsAreAlwaysSentBoth(t *testing.T) {
	t.Parallel()
	c := challengeOf(t, `,"fields":[{"field_key":"a","type":"password"},{"field_key":"b","type":"password"}]`, flowclient.ComponentPrompt)
	got, _ := Read(c, formOf(c, "field.a", "x"))
	want := flowclient.PromptAnswer{Values: map[string]any{"a": "x", "b": ""}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v is not what authentik wants of two passwords", got)
	}
}

// FuzzReadAnswer sends any form to any recorded challenge: no reader panics, and
// none answers a question that was not asked.
func FuzzReadAnswer(f *testing.F) {
	all := recordings(f)
	for i := range all {
		f.Add(uint16(i), string(all[i].challenge.Component()), "code=1&password=x&uid_field=y&device=sms:1&stage=z&field.username=jane") //nolint:gosec // Few recordings.
	}
	f.Fuzz(func(t *testing.T, which uint16, component, body string) {
		c := all[int(which)%len(all)].challenge
		form, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		form.Set("component", component)
		got, wrong := Read(c, Form{Values: form})
		if (got == nil) == (wrong == nil) {
			t.Fatalf("%T and %v of one form", got, wrong)
		}
		if got != nil && (got.Component() != c.Component() || component != string(c.Component())) {
			t.Fatalf("%s answered by a form for %q with an answer to %s", c.Component(), component, got.Component())
		}
		if wrong != nil && strings.HasPrefix(wrong.Name, "flowclient.") {
			t.Fatalf("a row of the stage table with another's reader: %s", wrong.Name)
		}
	})
}
