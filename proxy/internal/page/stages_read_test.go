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
	return decode(t, []byte(`{"component":"`+string(component)+`"`+fields+`}`))
}

const twoDevices = `,"device_challenges":[{"device_class":"totp","device_uid":"7","challenge":{},"last_used":null},
	{"device_class":"sms","device_uid":"9","challenge":{},"last_used":null},
	{"device_class":"webauthn","device_uid":"3","challenge":{},"last_used":null}],
	"configuration_stages":[{"pk":"b2f8","name":"App","verbose_name":"","meta_model_name":""}]`

func TestForm_IsReadAsAnAnswer(t *testing.T) {
	t.Parallel()
	sms := flowclient.DeviceChallenge{Class: "sms", UID: "9", Challenge: json.RawMessage("{}")}
	for name, row := range map[string]struct {
		component flowclient.Component
		fields    string
		form      []string
		want      flowclient.Answer
		wrong     string // the field of the mistake, "-" for one of none, "turn" for a turned page
	}{
		"a name":                       {flowclient.ComponentIdentification, `,"user_fields":["username"]`, []string{"uid_field", " jane "}, flowclient.IdentificationAnswer{UID: "jane"}, ""},
		"a name and a password":        {flowclient.ComponentIdentification, `,"user_fields":["username"],"password_fields":true`, []string{"uid_field", "jane", "password", " pass word "}, flowclient.IdentificationAnswer{UID: "jane", Password: " pass word "}, ""},
		"an unwanted password":         {flowclient.ComponentIdentification, `,"user_fields":["username"]`, []string{"uid_field", "jane", "password", "x"}, flowclient.IdentificationAnswer{UID: "jane"}, ""},
		"no name":                      {flowclient.ComponentIdentification, `,"user_fields":["email"]`, []string{"uid_field", " "}, nil, "uid_field"},
		"no password":                  {flowclient.ComponentIdentification, `,"user_fields":["username"],"password_fields":true`, []string{"uid_field", "jane"}, nil, "password"},
		"a name where none is asked":   {flowclient.ComponentIdentification, `,"user_fields":[]`, []string{"uid_field", "jane"}, nil, "-"},
		"a password":                   {flowclient.ComponentPassword, ``, []string{"password", " x "}, flowclient.PasswordAnswer{Password: " x "}, ""},
		"an empty password":            {flowclient.ComponentPassword, ``, nil, nil, "password"},
		"a code in groups":             {flowclient.ComponentAuthenticatorValidate, twoDevices, []string{"code", " 123 456\t"}, flowclient.ValidateCodeAnswer{Code: "123456"}, ""},
		"no code":                      {flowclient.ComponentAuthenticatorValidate, twoDevices, []string{"code", " "}, nil, "code"},
		"a device to be sent to":       {flowclient.ComponentAuthenticatorValidate, twoDevices, []string{"device", "sms:9", "code", "123456"}, flowclient.ValidateDeviceAnswer{Device: sms}, ""},
		"a device that shows its code": {flowclient.ComponentAuthenticatorValidate, twoDevices, []string{"device", "totp:7"}, nil, "turn"},
		"a device for another page":    {flowclient.ComponentAuthenticatorValidate, twoDevices, []string{"device", "webauthn:3"}, nil, "turn"},
		"a device of another user":     {flowclient.ComponentAuthenticatorValidate, twoDevices, []string{"device", "sms:10"}, nil, "turn"},
		"back to the choice":           {flowclient.ComponentAuthenticatorValidate, twoDevices, []string{"device", "", "code", "1"}, nil, "turn"},
		"a device to set up":           {flowclient.ComponentAuthenticatorValidate, twoDevices, []string{"stage", "b2f8"}, flowclient.ValidateStageAnswer{PK: "b2f8"}, ""},
		"another device to set up":     {flowclient.ComponentAuthenticatorValidate, twoDevices, []string{"stage", "b2f9"}, nil, "-"},
		"a code without a device":      {flowclient.ComponentAuthenticatorValidate, ``, []string{"code", "1"}, nil, "-"},
		"the code of a new app":        {flowclient.ComponentAuthenticatorTOTP, ``, []string{"code", "012 345"}, flowclient.AuthenticatorTOTPAnswer{Code: "012345"}, ""},
		"recovery codes":               {flowclient.ComponentAuthenticatorStatic, ``, nil, flowclient.AuthenticatorStaticAnswer{}, ""},
		"a number":                     {flowclient.ComponentAuthenticatorSMS, ``, []string{"phone_number", " +49 151 1 "}, flowclient.AuthenticatorSMSAnswer{PhoneNumber: "+49 151 1"}, ""},
		"no number":                    {flowclient.ComponentAuthenticatorSMS, ``, []string{"phone_number", "call me"}, nil, "phone_number"},
		"the code of a number":         {flowclient.ComponentAuthenticatorSMS, `,"phone_number_required":false`, []string{"code", "1"}, flowclient.AuthenticatorSMSAnswer{Code: "1"}, ""},
		"another number":               {flowclient.ComponentAuthenticatorSMS, `,"phone_number_required":false`, []string{"change", "1", "code", ""}, nil, "turn"},
		"an address":                   {flowclient.ComponentAuthenticatorEmail, ``, []string{"email", "jane@example.com"}, flowclient.AuthenticatorEmailAnswer{Email: "jane@example.com"}, ""},
		"no address":                   {flowclient.ComponentAuthenticatorEmail, ``, []string{"email", "jane"}, nil, "email"},
		"an address with a name":       {flowclient.ComponentAuthenticatorEmail, ``, []string{"email", "Jane <jane@example.com>"}, nil, "email"},
		"the code of an address":       {flowclient.ComponentAuthenticatorEmail, `,"email_required":false`, []string{"code", "096621"}, flowclient.AuthenticatorEmailAnswer{Code: "096621"}, ""},
		"consent":                      {flowclient.ComponentConsent, `,"token":"t"`, []string{"token", "forged"}, flowclient.ConsentAnswer{Token: "t"}, ""},
		"once more by e-mail":          {flowclient.ComponentEmail, ``, nil, flowclient.EmailAnswer{}, ""},
		"stay":                         {flowclient.ComponentUserLogin, ``, []string{"remember_me", "1"}, flowclient.UserLoginAnswer{RememberMe: true}, ""},
		"do not stay":                  {flowclient.ComponentUserLogin, ``, []string{"remember_me", "0"}, flowclient.UserLoginAnswer{}, ""},
		"say nothing about staying":    {flowclient.ComponentUserLogin, ``, nil, flowclient.UserLoginAnswer{}, ""},
		"go on":                        {flowclient.ComponentDummy, ``, nil, flowclient.DummyAnswer{}, ""},
		"Duo is set up":                {flowclient.ComponentAuthenticatorDuo, ``, nil, flowclient.AuthenticatorDuoAnswer{}, ""},
		"a push":                       {flowclient.ComponentAuthenticatorValidate, `,"device_challenges":[{"device_class":"duo","device_uid":"6"}]`, []string{"device", "duo:6"}, flowclient.ValidateDuoAnswer{UID: "6"}, ""},
		"a push to another user":       {flowclient.ComponentAuthenticatorValidate, `,"device_challenges":[{"device_class":"duo","device_uid":"6"}]`, []string{"device", "duo:7"}, nil, "turn"},
		"no push without a click":      {flowclient.ComponentAuthenticatorValidate, `,"device_challenges":[{"device_class":"duo","device_uid":"6"}]`, []string{"chosen", "duo:6"}, nil, "-"},
		"told in frames":               {flowclient.ComponentIframeLogout, ``, nil, flowclient.IframeLogoutAnswer{}, ""},
		"told in tabs":                 {flowclient.ComponentSAMLNativeLogout, ``, nil, flowclient.SAMLNativeLogoutAnswer{}, ""},
		"on without a check":           {flowclient.ComponentFrame, ``, nil, flowclient.FrameAnswer{}, ""},
		"no agent":                     {flowclient.ComponentEndpointAgent, ``, []string{"response", ""}, flowclient.EndpointAgentAnswer{}, ""},
		"an agent's word":              {flowclient.ComponentEndpointAgent, ``, []string{"response", "a.b.c"}, flowclient.EndpointAgentAnswer{Response: new("a.b.c")}, ""},
		"an agent that talks forever":  {flowclient.ComponentEndpointAgent, ``, []string{"response", strings.Repeat("x", maxAgentResponse+1)}, nil, "response"},
		"a form for another site":      {flowclient.ComponentAutosubmit, `,"url":"https://a.example/"`, nil, nil, "-"},
		"Telegram's word":              {flowclient.ComponentSourceTelegram, ``, []string{"telegram.id", "7", "telegram.auth_date", "1777800000", "telegram.hash", "2d71", "telegram.username", "", "telegram.component", "x", "telegram.ID", "8"}, flowclient.SourceTelegramAnswer{Values: map[string]any{"id": int64(7), "auth_date": int64(1777800000), "hash": "2d71", "username": ""}}, ""},
		"Telegram without a hash":      {flowclient.ComponentSourceTelegram, ``, []string{"telegram.id", "7", "telegram.auth_date", "1777800000"}, nil, "-"},
		"Telegram without a number":    {flowclient.ComponentSourceTelegram, ``, []string{"telegram.id", "7e3", "telegram.auth_date", "1777800000", "telegram.hash", "2d71"}, nil, "-"},
		"nothing of Telegram's":        {flowclient.ComponentSourceTelegram, ``, nil, nil, "-"},
		"the code of a device":         {flowclient.ComponentDeviceCode, ``, []string{"code", "628 193 475"}, flowclient.DeviceCodeAnswer{Code: "628193475"}, ""},
		"an answer to a refusal":       {flowclient.ComponentAccessDenied, ``, nil, nil, "-"},
		"an answer to a redirect":      {flowclient.ComponentRedirect, `,"to":"/"`, nil, nil, "-"},
		"a captcha":                    {flowclient.ComponentCaptcha, ``, []string{"token", " x "}, flowclient.CaptchaAnswer{Token: " x "}, ""},
		"no captcha":                   {flowclient.ComponentCaptcha, ``, []string{"token", " "}, nil, "token"},
		"a name and a captcha":         {flowclient.ComponentIdentification, withCaptcha, []string{"uid_field", "jane", "captcha_token", "x"}, flowclient.IdentificationAnswer{UID: "jane", CaptchaToken: "x"}, ""},
		"a name without its captcha":   {flowclient.ComponentIdentification, withCaptcha, []string{"uid_field", "jane", "token", "x"}, nil, "captcha_token"},
		"an unwanted captcha":          {flowclient.ComponentIdentification, `,"user_fields":["username"]`, []string{"uid_field", "jane", "captcha_token", "x"}, flowclient.IdentificationAnswer{UID: "jane"}, ""},
		"an answer that is not for us": {flowclient.ComponentSourcePlex, ``, []string{"token", "x"}, nil, "-"},
		"an answer to the unknown":     {"ak-stage-of-tomorrow", ``, nil, nil, "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := challengeOf(t, row.fields, row.component)
			got, wrong := Read(c, formOf(c, row.form...))
			if !reflect.DeepEqual(got, row.want) {
				t.Errorf("answer (-want +got):\n%s", cmp.Diff(row.want, got, cmp.Transformer("", func(a flowclient.Answer) any { b, _ := json.Marshal(a); return string(b) })))
			}
			if what := mistakeName(wrong); what != row.wrong {
				t.Errorf("got mistake %q (%+v), want %q", what, wrong, row.wrong)
			}
		})
	}
}

func mistakeName(wrong *Mistake) string {
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

func TestForm_OfAnotherChallengeIsRefused(t *testing.T) {
	t.Parallel()
	password := challengeOf(t, "", flowclient.ComponentPassword)
	for _, component := range []string{"ak-stage-identification", "", "AK-STAGE-PASSWORD", "ak-stage-password "} {
		got, wrong := Read(password, Form{Values: url.Values{"component": {component}, "password": {"x"}}})
		if got != nil || wrong == nil {
			t.Errorf("form for %q: got it read as %T, want no answer", component, got)
		}
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
			t.Fatalf("got answer %T and mistake %v of one form, want one of them", got, wrong)
		}
		if got != nil && (got.Component() != c.Component() || component != string(c.Component())) {
			t.Fatalf("challenge %s, form for %q: got an answer to %s", c.Component(), component, got.Component())
		}
		if wrong != nil && strings.HasPrefix(wrong.Name, "flowclient.") {
			t.Fatalf("got the reader of another stage in a row of the stage table: %s", wrong.Name)
		}
	})
}
