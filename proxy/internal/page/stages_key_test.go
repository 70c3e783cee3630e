package page

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"golang.org/x/net/html"
)

const (
	registration = `,"registration":{"rp":{"name":"Example","id":"app.example.com"},"user":{
		"id":"MzliMWE5NGI4ZGI4MzNkOWM3YTZlZDEzNDM5OGY2YmI1ZGM4NzJlNjA3YjJhMDlmODFjNGJiYTA0YTRmNTY5Ng","name":"jane.doe","displayName":"Jane Doe"},
		"challenge":"IQLum2k-","pubKeyCredParams":[{"type":"public-key","alg":-7}],"timeout":60000,"excludeCredentials":[],
		"authenticatorSelection":{"residentKey":"preferred","requireResidentKey":false,"userVerification":"preferred"},"attestation":"direct"}`
	asked     = `{"challenge":"yGYC8TdE","timeout":60000,"rpId":"app.example.com","allowCredentials":[{"id":"xBrf","type":"public-key"}],"userVerification":"preferred"}`
	keyAlone  = `,"device_challenges":[{"device_class":"webauthn","device_uid":"3","challenge":` + asked + `,"last_used":null}]`
	keyAndApp = `,"device_challenges":[{"device_class":"totp","device_uid":"7","challenge":{},"last_used":null},
		{"device_class":"webauthn","device_uid":"3","challenge":` + asked + `,"last_used":"2026-01-01T00:00:00Z"}]`
	keyNeverUsed = `,"device_challenges":[{"device_class":"totp","device_uid":"7","challenge":{},"last_used":null},
		{"device_class":"webauthn","device_uid":"3","challenge":` + asked + `,"last_used":null}]`
	passkeyOffered = `,"passkey_challenge":` + asked
)

// atHome puts a question on a page of authentik's own origin for this visitor.
func onOwnHost(q Question) Question {
	q.Step.Root, q.Origin = "https://app.example.com/", "https://app.example.com"
	return q
}

func setOwnHost(q *Question) { *q = onOwnHost(*q) }

func TestKey_WorksOnlyAtItsHost(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		party, root, origin string
		want                bool
	}{
		"at home":                          {"app.example.com", "https://app.example.com/", "https://app.example.com", true},
		"below a path":                     {"app.example.com", "https://app.example.com/authentik/", "https://app.example.com", true},
		"at a port":                        {"app.example.com", "https://app.example.com:8443/", "https://app.example.com:8443", true},
		"of no party":                      {"", "https://app.example.com/", "https://app.example.com", true},
		"on this machine":                  {"localhost", "http://localhost:8080/", "http://localhost:8080", true},
		"on this machine by another name":  {"a.localhost", "http://a.localhost/", "http://a.localhost", true},
		"a name without a dot":             {"intranet", "https://intranet/", "https://intranet", true},
		"authentik's":                      {"auth.example.com", "https://auth.example.com/", "https://app.example.com", false},
		"authentik's, of no party":         {"", "https://auth.example.com/", "https://app.example.com", false},
		"another's at home":                {"auth.example.com", "https://app.example.com/", "https://app.example.com", false},
		"of the domain above":              {"example.com", "https://app.example.com/", "https://app.example.com", false},
		"ours, but authentik is elsewhere": {"app.example.com", "https://auth.example.com/", "https://app.example.com", false},
		"at another port":                  {"app.example.com", "https://app.example.com/", "https://app.example.com:8443", false},
		"another scheme":                   {"app.example.com", "http://app.example.com/", "https://app.example.com", false},
		"without encryption":               {"app.example.com", "http://app.example.com/", "http://app.example.com", false},
		"a name that only ends so":         {"evillocalhost", "http://evillocalhost/", "http://evillocalhost", false},
		"an address in numbers":            {"127.0.0.1", "https://127.0.0.1/", "https://127.0.0.1", false},
		"an address of this machine":       {"127.0.0.1", "http://127.0.0.1:8080/", "http://127.0.0.1:8080", false},
		"a longer address in numbers":      {"::1", "https://[::1]/", "https://[::1]", false},
		"no address of authentik":          {"app.example.com", "", "https://app.example.com", false},
		"no origin":                        {"", "", "", false},
		"a null origin":                    {"", "null", "null", false},
		"a broken origin":                  {"x", "https://x/", "https://x\x7f", false},
		"neither of them":                  {"", "https:///", "https://", false},
	} {
		if got := keyWorksAt(row.party, row.root, row.origin); got != row.want {
			t.Errorf("%s: got %v, want %v", name, got, row.want)
		}
	}
}

// optionsIn are what the page gives its script, and the attributes of the field.
func optionsIn(t testing.TB, page string) (options map[string]any, kind, field string, auto bool) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range elements(doc) {
		text, ok := value(e, "data-options")
		if !ok {
			continue
		}
		if err := json.Unmarshal([]byte(text), &options); err != nil {
			t.Fatal(err)
		}
		kind, _ = value(e, "data-key")
		field, _ = value(e, "name")
		_, auto = value(e, "data-auto")
	}
	return options, kind, field, auto
}

func drawnRaw(t testing.TB, component flowclient.Component, fields string, form url.Values, change func(*Question)) string {
	t.Helper()
	q := questionOf(challengeOf(t, fields, component))
	change(&q)
	if form != nil {
		form.Set("component", string(component))
	}
	page := ask(t, q, form).Body.String()
	checkPage(t, page)
	return page
}

func TestKey_IsCreatedAtItsHost(t *testing.T) {
	t.Parallel()
	page := drawnRaw(t, flowclient.ComponentAuthenticatorWebAuthn, registration, nil, setOwnHost)
	options, kind, field, auto := optionsIn(t, page)
	if kind != "create" || field != "response" || auto {
		t.Errorf("got kind %s, field %s, automatic %v", kind, field, auto)
	}
	user, _ := options["user"].(map[string]any)
	if user["id"] != "39b1a94b8db833d9c7a6ed134398f6bb5dc872e607b2a09f81c4bba04a4f5696" {
		t.Errorf("got user handle %v", user["id"])
	}
	if user["name"] != "jane.doe" || options["challenge"] != "IQLum2k-" || options["attestation"] != "direct" {
		t.Errorf("got options %v, want those of the challenge", options)
	}
	has(t, page, "/.authentik/assets/webauthn.js", english.Text("key_make"), "<noscript>")
}

// TestKey_UserHandleIsAuthentiks: that page decodes twice, what is inside being in
// hexadecimal or not.
func TestKey_UserHandleIsAuthentiks(t *testing.T) {
	t.Parallel()
	long := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("AAAA", 22)))
	for id, want := range map[string]string{
		long: long, // 66 bytes, more than browsers take
		"OGZlNTJlN2U4YTZlZjI1MTgxOWM2MmY2YmEzNjc1MjY3NTc5NWVhOTA2N2E0NGNlYjk0MWNiNDgyNTE0ZmFhZg": "8fe52e7e8a6ef251819c62f6ba36752675795ea9067a44ceb941cb482514faaf",
		"OGZlNQ==":    "8fe5",
		"not base64!": "not base64!",
		"bm90IGhleCE": "bm90IGhleCE", // "not hex!"
		"":            "",
	} {
		if got := userHandle(id); got != want {
			t.Errorf("ID %q: got %q", id, got)
		}
	}
}

func TestKey_IsUsedAtItsHost(t *testing.T) {
	t.Parallel()
	const component = flowclient.ComponentAuthenticatorValidate
	for name, row := range map[string]struct {
		fields string
		form   url.Values
		auto   bool
	}{
		"the only device":       {keyAlone, nil, true},
		"the one used last":     {keyAndApp, nil, true},
		"the chosen one":        {keyNeverUsed, url.Values{"device": {"webauthn:3"}}, true},
		"chosen again":          {keyNeverUsed, url.Values{"device": {"webauthn:3"}, "webauthn": {""}}, true},
		"after a failure":       {keyAlone, url.Values{"chosen": {"webauthn:3"}, "webauthn": {"{}"}}, false},
		"after a failure of it": {keyNeverUsed, url.Values{"chosen": {"webauthn:3"}, "webauthn": {"{}"}}, false},
	} {
		page := drawnRaw(t, component, row.fields, row.form, setOwnHost)
		options, kind, field, auto := optionsIn(t, page)
		if kind != "get" || field != "webauthn" || auto != row.auto || options["challenge"] != "yGYC8TdE" {
			t.Errorf("%s: got kind %s, field %q, automatic %v: %v", name, kind, field, auto, options)
		}
		if more := strings.Contains(page, english.Text("another_way")); more != (row.fields != keyAlone) {
			t.Errorf("%s: got other devices offered: %v", name, more)
		}
	}
}

func TestKey_IsOneOfSeveralDevices(t *testing.T) {
	t.Parallel()
	const component = flowclient.ComponentAuthenticatorValidate
	for name, form := range map[string]url.Values{"at first": nil, "back to the choice": {"device": {""}, "chosen": {"webauthn:3"}, "webauthn": {""}}} {
		page := drawnPage(t, component, keyNeverUsed, form, setOwnHost)
		has(t, page, `value="webauthn:3" autofocus`, `value="totp:7"`, english.Text("device_webauthn"))
		lacks(t, page, "data-options", english.Text("continue_at", "Host", "auth.example.com"))
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func TestKey_AnyPasskeyIsAcceptedWithoutAName(t *testing.T) {
	t.Parallel()
	fields := strings.ReplaceAll(keyAlone, `"device_uid":"3"`, `"device_uid":"-1"`)
	page := drawnRaw(t, flowclient.ComponentAuthenticatorValidate, fields, nil, setOwnHost)
	if _, kind, _, auto := optionsIn(t, page); kind != "get" || !auto {
		t.Errorf("got kind %q, automatic %v", kind, auto)
	}
	lacks(t, page, `class="who"`)
}

func TestKey_RefusedOneIsAskedForWithNewOptions(t *testing.T) {
	t.Parallel()
	wrong := `,"response_errors":{"webauthn":[{"string":"Assertion failed","code":"invalid"}]}`
	page := drawnRaw(t, flowclient.ComponentAuthenticatorValidate, keyAlone+wrong, url.Values{"webauthn": {"{}"}}, setOwnHost)
	has(t, page, `<div class="alert" role="alert"><p class="plain">Assertion failed`)
	wrong = `,"response_errors":{"response":[{"string":"Registration failed. Error: x","code":"invalid"}]}`
	page = drawnRaw(t, flowclient.ComponentAuthenticatorWebAuthn, registration+wrong, url.Values{"response": {"{}"}}, setOwnHost)
	has(t, page, "Registration failed. Error: x", "IQLum2k-")
}

func TestKey_OfAnotherHostIsNotAskedFor(t *testing.T) {
	t.Parallel()
	away := func(q *Question) { q.Step.Root, q.Origin = "https://auth.example.com/", "https://app.example.com" }
	for name, row := range map[string]struct {
		component flowclient.Component
		fields    string
		says      string
	}{
		"made":      {flowclient.ComponentAuthenticatorWebAuthn, registration, "key_set_there"},
		"no key":    {flowclient.ComponentAuthenticatorWebAuthn, ``, "key_set_there"},
		"alone":     {flowclient.ComponentAuthenticatorValidate, keyAlone, "key_belongs"},
		"with more": {flowclient.ComponentAuthenticatorValidate, keyAndApp, "key_belongs"},
		"no asking": {flowclient.ComponentAuthenticatorValidate, `,"device_challenges":[{"device_class":"webauthn","device_uid":"3","challenge":{}}]`, "key_belongs"},
	} {
		page := drawnPage(t, row.component, row.fields, nil, away)
		has(t, page, english.Text(row.says, "Host", "auth.example.com"), `href="https://auth.example.com/if/flow/login/"`)
		lacks(t, page, "data-options", "webauthn.js")
		if t.Failed() {
			t.Fatal(name)
		}
	}
	has(t, drawnPage(t, flowclient.ComponentAuthenticatorValidate, keyNeverUsed, nil, away), `value="totp:7" autofocus`)
}

func TestKey_InvalidOptionsAreNotUsed(t *testing.T) {
	t.Parallel()
	for _, options := range []string{`{}`, `null`, `[]`, `"x"`, `{"challenge":""}`, `{"challenge":7}`, `{"challenge":"AAAA","rpId":7}`} {
		page := drawnPage(t, flowclient.ComponentAuthenticatorValidate, strings.ReplaceAll(keyAlone, asked, options), nil, setOwnHost)
		lacks(t, page, "data-options")
		page = drawnPage(t, flowclient.ComponentAuthenticatorWebAuthn, `,"registration":`+options, nil, setOwnHost)
		lacks(t, page, "data-options")
		page = drawnPage(t, flowclient.ComponentIdentification, `,"user_fields":["username"],"passkey_challenge":`+options, nil, setOwnHost)
		lacks(t, page, "data-options")
	}
}

func TestKey_PasskeysAreOfferedWithTheName(t *testing.T) {
	t.Parallel()
	const component = flowclient.ComponentIdentification
	page := drawnRaw(t, component, `,"user_fields":["username"]`+passkeyOffered, nil, setOwnHost)
	options, kind, field, _ := optionsIn(t, page)
	if kind != "conditional" || field != "passkey" || options["challenge"] != "yGYC8TdE" {
		t.Errorf("got kind %s, field %s: %v", kind, field, options)
	}
	has(t, page, `autocomplete="username webauthn"`, "webauthn.js")
	for name, page := range map[string]string{
		"not offered":        drawnRaw(t, component, `,"user_fields":["username"],"passkey_challenge":null`, nil, setOwnHost),
		"offered elsewhere":  drawnRaw(t, component, `,"user_fields":["username"]`+passkeyOffered, nil, func(*Question) {}),
		"nothing to sign in": drawnRaw(t, component, `,"user_fields":[],"enroll_url":"/if/flow/e/"`+passkeyOffered, nil, setOwnHost),
	} {
		lacks(t, page, "data-options", "webauthn.js", "username webauthn")
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func TestKey_ThoseOfAnotherHostComeLast(t *testing.T) {
	t.Parallel()
	stages := `,"configuration_stages":[{"pk":"k","name":"Key","meta_model_name":"authentik_stages_authenticator_webauthn.authenticatorwebauthnstage"},
		{"pk":"a","name":"App","meta_model_name":"authentik_stages_authenticator_totp.authenticatortotpstage"}]`
	hint := english.Text("key_there_only", "Host", "auth.example.com")
	page := drawnPage(t, flowclient.ComponentAuthenticatorValidate, stages, nil, nil)
	has(t, page, `value="a" autofocus`, hint)
	page = drawnPage(t, flowclient.ComponentAuthenticatorValidate, stages, nil, setOwnHost)
	has(t, page, `value="k" autofocus`)
	lacks(t, page, hint)
}

func TestKey_HostileOptionsAreEscaped(t *testing.T) {
	t.Parallel()
	for _, evil := range hostile {
		text, err := json.Marshal(evil)
		if err != nil {
			t.Fatal(err)
		}
		fields := strings.ReplaceAll(registration, `"Jane Doe"`, string(text)) + `,"pending_user":` + string(text)
		options, _, _, _ := optionsIn(t, drawnRaw(t, flowclient.ComponentAuthenticatorWebAuthn, fields, nil, setOwnHost))
		if user, _ := options["user"].(map[string]any); user["displayName"] != evil {
			t.Errorf("%q: got %q, want it unchanged", evil, user["displayName"])
		}
		fields = strings.ReplaceAll(keyAndApp, `"preferred"`, string(text))
		optionsIn(t, drawnRaw(t, flowclient.ComponentAuthenticatorValidate, fields, nil, setOwnHost))
	}
}
