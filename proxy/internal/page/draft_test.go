package page

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"golang.org/x/net/html"
)

// drawn is a page after a form was sent; errors are authentik's, as JSON.
func drawnPage(t testing.TB, component flowclient.Component, fields string, form url.Values, change func(*Question)) string {
	t.Helper()
	c := challengeOf(t, fields, component)
	q := questionOf(c)
	if change != nil {
		change(&q)
	}
	if form != nil && form.Get("component") == "" {
		form.Set("component", string(component))
	}
	page := ask(t, q, form).Body.String()
	checkPage(t, page)
	return html.UnescapeString(page)
}

const (
	refused   = `,"response_errors":{"non_field_errors":[{"string":"Failed to authenticate.","code":"invalid"}]}`
	bothAsked = `,"user_fields":["username"],"password_fields":true`
)

func has(t testing.TB, page string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(page, part) {
			t.Errorf("got no %q in:\n%s", part, page)
		}
	}
}

func lacks(t testing.TB, page string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(page, part) {
			t.Errorf("got %q, want it absent, in:\n%s", part, page)
		}
	}
}

func TestForm_RefusedOneHasNoPassword(t *testing.T) {
	t.Parallel()
	form := url.Values{"uid_field": {"jane"}, "password": {"hunter2"}}
	page := drawnPage(t, flowclient.ComponentIdentification, bothAsked+refused, form, nil)
	has(t, page, `value="jane"`, `role="alert"`, "Failed to authenticate.")
	lacks(t, page, "hunter2")
}

func TestForm_NewChallengeHasNoValuesOfAnother(t *testing.T) {
	t.Parallel()
	form := url.Values{"uid_field": {"jane"}}
	lacks(t, drawnPage(t, flowclient.ComponentIdentification, bothAsked, form, nil), "jane")
	other := url.Values{"component": {"ak-stage-prompt"}, "uid_field": {"jane"}}
	lacks(t, drawnPage(t, flowclient.ComponentIdentification, bothAsked+refused, other, nil), "jane")
}

func TestForm_FieldWithAnErrorHasTheFocus(t *testing.T) {
	t.Parallel()
	wrong := `,"response_errors":{"password":[{"string":"Invalid password","code":"invalid"}],"elsewhere":[{"string":"Not shown beside a field"}]}`
	page := drawnPage(t, flowclient.ComponentPassword, wrong, url.Values{"password": {"x"}}, nil)
	has(t, page, `aria-describedby="password-wrong" aria-invalid="true"`, `<div class="wrong" id="password-wrong" role="alert"><p class="plain">Invalid password`,
		`<div class="alert" role="alert"><p class="plain">Not shown beside a field`)
	if strings.Count(page, "Invalid password") != 1 {
		t.Errorf("got the message twice, want once:\n%s", page)
	}
}

func TestForm_MistakeIsBesideItsField(t *testing.T) {
	t.Parallel()
	page := drawnPage(t, flowclient.ComponentIdentification, bothAsked, url.Values{"uid_field": {"jane"}}, func(q *Question) {
		q.Mistake = mistake("password", "enter_password")
	})
	has(t, page, `value="jane"`, `id="password-wrong"`, english.Text("enter_password"))
	focused := page[strings.Index(page, "autofocus")-300 : strings.Index(page, "autofocus")]
	has(t, focused, `id="password"`)
}

// TestForm_LostVisitShowsNoErrors: they belong to a question that was not shown.
func TestForm_LostVisitShowsNoErrors(t *testing.T) {
	t.Parallel()
	page := drawnPage(t, flowclient.ComponentIdentification, bothAsked+refused, url.Values{"uid_field": {"jane"}}, func(q *Question) {
		q.Step.Lost, q.Notice = true, "Your sign-in had to begin again."
	})
	has(t, page, "Your sign-in had to begin again.")
	lacks(t, page, "Failed to authenticate.", `value="jane"`)
}

const fourDevices = `,"device_challenges":[{"device_class":"static","device_uid":"1","challenge":{},"last_used":null},
	{"device_class":"totp","device_uid":"7","challenge":{},"last_used":null},
	{"device_class":"email","device_uid":"8","challenge":{"email":"j***@e***.org"},"last_used":null},
	{"device_class":"webauthn","device_uid":"3","challenge":{},"last_used":null}]`

func TestValidate_DevicesHaveOneOrder(t *testing.T) {
	t.Parallel()
	page := drawnPage(t, flowclient.ComponentAuthenticatorValidate, fourDevices, nil, nil)
	has(t, page, `value="totp:7" autofocus`, `value="email:8"`, `value="static:1"`, "j***@e***.org", english.Text("key_belongs", "Host", "auth.example.com"))
	lacks(t, page, `value="webauthn:3"`, `name="code"`)
	if strings.Index(page, "totp:7") > strings.Index(page, "static:1") {
		t.Error("got recovery codes first, want them last")
	}
}

func TestValidate_ChosenDeviceStaysChosen(t *testing.T) {
	t.Parallel()
	const component = flowclient.ComponentAuthenticatorValidate
	empty := `,"response_errors":{"non_field_errors":[{"string":"Leere Antwort","code":"invalid"}]}`
	page := drawnPage(t, component, fourDevices+empty, url.Values{"device": {"email:8"}}, nil)
	has(t, page, `name="chosen" value="email:8"`, `name="code"`, "j***@e***.org", `value="email:8" formnovalidate>`+english.Text("send_again"))
	lacks(t, page, "Leere Antwort")

	wrong := `,"response_errors":{"code":[{"string":"Invalid Token.","code":"invalid"}]}`
	page = drawnPage(t, component, fourDevices+wrong, url.Values{"chosen": {"email:8"}, "code": {"111111"}}, nil)
	has(t, page, `name="chosen" value="email:8"`, "Invalid Token.", `aria-invalid="true"`)
	lacks(t, page, "111111")

	page = drawnPage(t, component, fourDevices, url.Values{"chosen": {"email:8"}, "device": {""}}, nil)
	has(t, page, `value="totp:7" autofocus`)

	page = drawnPage(t, component, fourDevices, url.Values{"device": {"static:1"}}, nil)
	has(t, page, english.Text("recovery_code"), `autocomplete="off"`)
	lacks(t, page, `inputmode="numeric"`)
}

// TestValidate_UnsentCodeIsNotAskedFor: the gateway has refused, and says so.
func TestValidate_UnsentCodeIsNotAskedFor(t *testing.T) {
	t.Parallel()
	broken := `,"response_errors":{"selected_challenge":[{"string":"Gateway says no","code":"invalid"}]}`
	page := drawnPage(t, flowclient.ComponentAuthenticatorValidate, fourDevices+broken, url.Values{"device": {"email:8"}}, nil)
	has(t, page, "Gateway says no", `value="totp:7"`)
	lacks(t, page, `name="code"`)
}

func TestValidate_NoMessageIsSentUnasked(t *testing.T) {
	t.Parallel()
	one := `,"device_challenges":[{"device_class":"sms","device_uid":"9","challenge":{},"last_used":"2026-01-01T00:00:00Z"}]`
	page := drawnPage(t, flowclient.ComponentAuthenticatorValidate, one, nil, nil)
	has(t, page, `name="device" value="sms:9"`)
	lacks(t, page, `name="code"`)
}

func TestValidate_OnlyCodeIsAskedForAtOnce(t *testing.T) {
	t.Parallel()
	for name, devices := range map[string]string{
		"the only device": `{"device_class":"totp","device_uid":"7"}`,
		"only codes":      `{"device_class":"static","device_uid":"1"},{"device_class":"totp","device_uid":"7"}`,
		"the one used last": `{"device_class":"totp","device_uid":"7","last_used":"2026-02-01T00:00:00Z"},
			{"device_class":"sms","device_uid":"1","last_used":"2026-01-01T00:00:00Z"}`,
	} {
		page := drawnPage(t, flowclient.ComponentAuthenticatorValidate, `,"device_challenges":[`+devices+`]`, nil, nil)
		if !strings.Contains(page, `name="chosen" value="totp:7"`) {
			t.Errorf("%s: got no field for a code, want one, in:\n%s", name, page)
		}
	}
	for name, devices := range map[string]string{
		"a key used last":       `{"device_class":"totp","device_uid":"7","last_used":null},{"device_class":"webauthn","device_uid":"1","last_used":"2026-01-01T00:00:00Z"}`,
		"telephone and program": `{"device_class":"totp","device_uid":"7"},{"device_class":"sms","device_uid":"1"}`,
	} {
		page := drawnPage(t, flowclient.ComponentAuthenticatorValidate, `,"device_challenges":[`+devices+`]`, nil, nil)
		if strings.Contains(page, `name="code"`) {
			t.Errorf("%s: got a field for a code, want none, in:\n%s", name, page)
		}
	}
}

func TestValidate_OnlyKeysNeedAuthentiksPage(t *testing.T) {
	t.Parallel()
	for class, sentence := range map[string]string{"webauthn": "asks_webauthn_prove", "brainwave": "asks_device_of_yours"} {
		page := drawnPage(t, flowclient.ComponentAuthenticatorValidate, `,"device_challenges":[{"device_class":"`+class+`","device_uid":"-1"}]`, nil, nil)
		has(t, page, english.Text(sentence), `href="https://auth.example.com/if/flow/login/"`)
	}
}

func TestSetUp_AnotherNumberCanBeGiven(t *testing.T) {
	t.Parallel()
	later := `,"phone_number_required":false`
	has(t, drawnPage(t, flowclient.ComponentAuthenticatorSMS, later, nil, nil), `name="code"`, `name="change"`)
	has(t, drawnPage(t, flowclient.ComponentAuthenticatorSMS, later, url.Values{"change": {"1"}}, nil), `name="phone_number"`, `autocomplete="tel"`)
	wrong := `,"email_required":false,"email":"j***@e***.org"`
	page := drawnPage(t, flowclient.ComponentAuthenticatorEmail, wrong, url.Values{"email": {"jane"}}, func(q *Question) {
		q.Mistake = mistake("email", "address_email_want")
	})
	has(t, page, `name="email"`, `value="jane"`, english.Text("address_email_want"))
}

func TestEmail_SentAgainIsNotAnError(t *testing.T) {
	t.Parallel()
	sent := `,"response_errors":{"non_field_errors":[{"string":"email-sent","code":"email-sent"}]}`
	page := drawnPage(t, flowclient.ComponentEmail, sent, url.Values{}, nil)
	has(t, page, english.Text("email_sent"))
	lacks(t, page, `role="alert"`, "email-sent")
}

func TestLink_OnlyWebAddressesAreLinked(t *testing.T) {
	t.Parallel()
	for to, linked := range map[string]bool{
		"https://example.com/x?y=1": true, "http://example.com/": true, "//example.com/x": true,
		"myapp://callback": false, "javascript:alert(1)": false, "data:text/html,x": false, "intent://x": false, "": false,
		"https://exa mple.com/": false, "/source/oauth/login/github/": false,
	} {
		c := flowclient.Redirect{To: to}
		page := ask(t, questionOf(c), nil).Body.String()
		checkPage(t, page)
		if got := strings.Contains(page, `rel="noreferrer" autofocus>Continue at`) && !strings.Contains(page, "/if/flow/login/"); got != linked {
			t.Errorf("%q: got linked: %v\n%s", to, got, page)
		}
	}
}

// TestLink_RedirectOfEveryClassIsChecked: a link is the last place to be sure.
func TestLink_RedirectOfEveryClassIsChecked(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"javascript:alert(1)", "https:evil", "///", "https://a\\b/"} {
		page, ok := linkTo(to, &draft{locale: english}).(redirectView)
		if !ok || page.Address != "" {
			t.Errorf("%q: got a link to %q, want none", to, page.Address)
		}
	}
}

func TestPrompt_PrefillsNoPassword(t *testing.T) {
	t.Parallel()
	fields := `,"fields":[{"field_key":"p","type":"password","initial_value":"hunter2","required":true},{"field_key":"u","type":"username","initial_value":"jane"},
		{"field_key":"h","type":"hidden","initial_value":"hunter3"},{"field_key":"d","type":"date-time","initial_value":"2026-05-01T14:30:00+02:00"},
		{"field_key":"e","type":"date","initial_value":"soon"},{"field_key":"c","type":"checkbox","initial_value":"False"},
		{"field_key":"s","type":"dropdown","required":true,"choices":[{"value":"a","label":"A"}],"initial_value":"{'value': 'a'}"}]`
	page := drawnPage(t, flowclient.ComponentPrompt, fields, nil, nil)
	has(t, page, `value="jane"`, `type="datetime-local" value="2026-05-01T12:30"`, `type="date" value=""`, `value="1" checked`, `<option value="a">A</option>`)
	lacks(t, page, "hunter2", "hunter3")

	form := url.Values{"field.p": {"hunter4"}, "field.u": {"joan"}}
	page = drawnPage(t, flowclient.ComponentPrompt, fields+`,"response_errors":{"u":[{"string":"Username is already taken."}]}`, form, nil)
	has(t, page, `value="joan"`, "Username is already taken.")
	lacks(t, page, "hunter4", `value="1" checked`)
}

func TestForm_SilentRefusalHasAnError(t *testing.T) {
	t.Parallel()
	fields := `,"fields":[{"field_key":"u","type":"text"}],"response_errors":{}`
	has(t, drawnPage(t, flowclient.ComponentPrompt, fields, url.Values{}, nil), english.Text("not_accepted"))
	lacks(t, drawnPage(t, flowclient.ComponentPrompt, fields, nil, nil), english.Text("not_accepted"))
}

func TestEnding_ExceptionTextIsNotShown(t *testing.T) {
	t.Parallel()
	page := drawnPage(t, flowclient.ComponentFlowError, `,"request_id":"9f1c","error":"KeyError: secret","traceback":"File x.py"`, nil, nil)
	has(t, page, "9f1c")
	lacks(t, page, "KeyError", "x.py")
}

func TestPrompt_ChosenLanguageStaysChosen(t *testing.T) {
	t.Parallel()
	for initial, want := range map[string]string{
		"de-DE": `<option value="de-DE" selected>Deutsch</option>`, "zh_TW": `<option value="zh_TW" selected>zh_TW</option>`,
		"": `<option value="">` + english.Text("locale_auto") + `</option>`,
	} {
		page := drawnPage(t, flowclient.ComponentPrompt, `,"fields":[{"field_key":"l","type":"ak-locale","initial_value":"`+initial+`"}]`, nil, nil)
		has(t, page, want, `<option value="fi-FI">Suomi</option>`)
	}
}

func TestEmail_SaysWhereItsLinkLeads(t *testing.T) {
	t.Parallel()
	for here, want := range map[bool]string{true: "Open the link to continue.", false: "a link to auth.example.com."} {
		cfg := testPageConfig()
		cfg.MailLinksHere = here
		p, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		if err := p.Ask(w, httptest.NewRequest(http.MethodGet, "/", nil), questionOf(decode(t, []byte(`{"component":"ak-stage-email"}`)))); err != nil {
			t.Fatal(err)
		}
		has(t, w.Body.String(), want)
	}
}

func TestQuestion_ReloadingAnAnswerSaysWhyTheSignInStartsOver(t *testing.T) {
	t.Parallel()
	q := handmadeQuestion(t, "password")
	first, answer := ask(t, q, nil).Body.String(), ask(t, q, url.Values{"component": {"ak-stage-identification"}}).Body.String()
	const address = "/.authentik/login?to=%2Fapp%3Fa%3D1"
	has(t, first, `data-afresh="`+address+`"`)
	lacks(t, first, "data-reload", english.Text("notice_reloaded"))
	has(t, answer, `data-afresh="`+address+`" data-reload="`+address+`&amp;reloaded=1"`)

	reload := func(q Question) string {
		w := httptest.NewRecorder()
		if err := testPages(t).Ask(w, httptest.NewRequest(http.MethodGet, address+"&reloaded=1", nil), q); err != nil {
			t.Fatal(err)
		}
		return w.Body.String()
	}
	again := reload(q)
	has(t, again, `<div class="note" role="status"><p>`+english.Text("notice_reloaded"))
	lacks(t, again, "data-reload", "reloaded=1")
	q.Notice = "notice_expired"
	lacks(t, reload(q), english.Text("notice_reloaded"))
}
