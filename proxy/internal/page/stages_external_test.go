package page

import (
	"encoding/json"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/csp"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/qrcode"
)

// astray are addresses that no page may open, frame, send to or name in a policy.
var hostileAddresses = []string{
	"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "data:text/html,<script>alert(1)</script>", "blob:https://a.example/x",
	"//a.example/x", "/local", "ftp://a.example/x", "https:\\\\a.example/x", "https://a.example;script-src *", "https://a.example; script-src 'unsafe-inline'/",
	"https://*/x", "https://a.example/a b", "https://'self'/x", "", "a.example", "https://",
}

// policyOf is the policy that a page was sent with.
func policyOf(w *httptest.ResponseRecorder) string { return w.Header().Get("Content-Security-Policy") }

// TestLink_HostileAddressesAreNotLinked puts each into every challenge that has an address for the browser.
func TestLink_HostileAddressesAreNotLinked(t *testing.T) {
	t.Parallel()
	base := csp.New("").String()
	for name, raw := range map[string]string{
		"a form for another site":   `{"component":"ak-stage-autosubmit","url":%s,"attrs":{"a":"b"}}`,
		"a frame to sign out in":    `{"component":"ak-provider-iframe-logout","logout_urls":[{"url":%s,"binding":"redirect","provider_name":"Wiki"}]}`,
		"a form to sign out with":   `{"component":"ak-provider-iframe-logout","logout_urls":[{"url":%s,"binding":"post","saml_request":"x"}]}`,
		"a tab to sign out in":      `{"component":"ak-provider-saml-native-logout","redirect_url":%s,"saml_binding":"redirect"}`,
		"a tab to be sent a form":   `{"component":"ak-provider-saml-native-logout","post_url":%s,"saml_binding":"post"}`,
		"the application's address": `{"component":"ak-stage-session-end","application_launch_url":%s,"application_name":"Wiki"}`,
		"one of authentik's frames": `{"component":"xak-flow-frame","url":%s}`,
		"a link to open Duo with":   `{"component":"ak-stage-authenticator-duo","activation_code":%s,"activation_barcode":%[1]s}`,
		"a picture of a source":     `{"component":"ak-stage-identification","sources":[{"name":"X","icon_url":%s,"challenge":{"component":"xak-flow-redirect","to":%[1]s}}]}`,
	} {
		for _, address := range hostileAddresses {
			quoted, _ := json.Marshal(address)
			fields := strings.ReplaceAll(strings.ReplaceAll(raw, "%[1]s", string(quoted)), "%s", string(quoted))
			w := ask(t, questionOf(decode(t, []byte(fields))), nil)
			checkPage(t, w.Body.String())
			if policyOf(w) != base {
				t.Errorf("%s, %q: got the policy %s", name, address, policyOf(w))
			}
			if webAddress(address) == "" && len(address) > 9 && strings.Contains(w.Body.String(), `="`+address+`"`) {
				t.Errorf("%s: got %q on the page:\n%s", name, address, w.Body)
			}
		}
	}
}

func TestHeaders_PolicyFitsTheChallenge(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"autosubmit":     "form-action 'self' https://grafana.example.com;",
		"logouts":        "frame-src https://wiki.example.com https://crm.example.com; connect-src 'self'; form-action 'self' https://crm.example.com;",
		"logout":         "form-action 'self' https://crm.example.com;",
		"telegram":       "script-src 'self'; style-src 'self'; img-src 'self' data:; frame-src https://oauth.telegram.org; connect-src 'self'; form-action 'self';",
		"duo":            csp.New("").String(),
		"sources":        csp.New("").String(),
		"session-end":    csp.New("").String(),
		"frame":          csp.New("").String(),
		"agent":          csp.New("").String(),
		"shell":          csp.New("").String(),
		"identification": csp.New("").String(),
	} {
		w := ask(t, handmadeQuestion(t, name), nil)
		if !strings.Contains(policyOf(w), want) {
			t.Errorf("%s: got the policy %s", name, policyOf(w))
		}
		opener := map[bool]string{true: "same-origin-allow-popups", false: "same-origin"}[name == "telegram"]
		if got := w.Header().Get("Cross-Origin-Opener-Policy"); got != opener {
			t.Errorf("%s: got the opener policy %s", name, got)
		}
	}
}

func TestQR_OfDuoIsRenderedHere(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ fields, content string }{
		"of the picture's address": {`,"activation_barcode":"https://api.duosecurity.com/frame/qr?value=duo%3A%2F%2Fabc","activation_code":"duo://other"`, "duo://abc"},
		"of the code":              {`,"activation_barcode":"https://api.duosecurity.com/frame/qr","activation_code":"duo://abc"`, "duo://abc"},
		"of the code alone":        {`,"activation_code":"duo://abc"`, "duo://abc"},
	} {
		page := drawnPage(t, flowclient.ComponentAuthenticatorDuo, row.fields, nil, nil)
		has(t, page, qrcode.Draw(row.content).Path)
		if strings.Contains(page, "duosecurity") {
			t.Errorf("%s: got an address of Duo's on the page, want none", name)
		}
	}
	for _, fields := range []string{``, `,"activation_barcode":"https://x/?value=` + strings.Repeat("x", 5000) + `"`} {
		has(t, drawnPage(t, flowclient.ComponentAuthenticatorDuo, fields, nil, nil), english.Text("duo_unreadable"))
	}
}

func TestDuo_PushIsOfferedAndNeverSentByThePage(t *testing.T) {
	t.Parallel()
	alone := `,"device_challenges":[{"device_class":"duo","device_uid":"6"}]`
	for _, posted := range []map[string][]string{nil, {"device": {"duo:6"}}, {"chosen": {"duo:6"}}} {
		page := drawnPage(t, flowclient.ComponentAuthenticatorValidate, alone, posted, nil)
		has(t, page, `name="device" value="duo:6"`, english.Text("device_duo"), "press.js", `data-says="`+english.Text("duo_pushed"))
	}
	denied := alone + `,"response_errors":{"duo":[{"string":"Duo denied access","code":"denied"}]}`
	has(t, drawnPage(t, flowclient.ComponentAuthenticatorValidate, denied, map[string][]string{"device": {"duo:6"}}, nil), "Duo denied access")
}

func TestSource_PromotedOnesComeFirst(t *testing.T) {
	t.Parallel()
	const redirect = `"challenge":{"component":"xak-flow-redirect","to":"/source/oauth/login/x/"}`
	page := drawnPage(t, flowclient.ComponentIdentification, `,"user_fields":["username"],"sources":[{"name":"éa <b>","icon_url":"https://elsewhere.example/a.svg",`+redirect+`},
		{"name":" ",`+redirect+`},{"name":"Best","promoted":true,"icon_url":"/static/b.svg",`+redirect+`}]`, nil, nil)
	has(t, page, "éa <b>", `data-initial="É"`, `value="2"`, `src="/.authentik/brand/`)
	if strings.Contains(page, "elsewhere.example") || strings.Contains(page, `name="source" value="1"`) {
		t.Errorf("got a picture of a third party or a source without a name:\n%s", page)
	}
	if strings.Index(page, `value="2"`) > strings.Index(page, `name="source" value="0"`) {
		t.Error("got another source before the promoted one")
	}
	only := drawnPage(t, flowclient.ComponentIdentification, `,"sources":[{"name":"One",`+redirect+`}]`, nil, nil)
	has(t, only, `<button class="source" name="source" value="0" autofocus>`)
	has(t, drawnPage(t, flowclient.ComponentIdentification, ``, nil, nil), english.Text("asks_nothing"))
}

func TestSource_ChosenOneSaysWhereItLeads(t *testing.T) {
	t.Parallel()
	question := handmadeQuestion(t, "sources")
	for name, row := range map[string]struct {
		source ChosenSource
		want   []string
		not    string
	}{
		"at authentik": {ChosenSource{Name: "GitHub <b>"}, []string{"To sign in with GitHub &lt;b&gt;, continue at auth.example.com.", `href="https://auth.example.com/if/flow/login/"`, `name="ways"`}, `name="on"`},
		"at Plex":      {ChosenSource{Name: "Plex", Plex: "https://app.plex.tv/auth#!?clientID=c&code=d"}, []string{`href="https://app.plex.tv/auth#!?clientID=c&amp;code=d" target="_blank" rel="noreferrer"`, `name="on" value="1" data-wait="2"`, `name="ways"`}, "auth.example.com/if"},
		"nowhere":      {ChosenSource{Name: "Plex", Plex: "https://app.plex.tv/", Barred: true}, []string{"does not accept signing in with Plex", `name="ways" value="1" autofocus`}, "plex.tv"},
	} {
		question.Source = &row.source
		page := ask(t, question, nil).Body.String()
		checkPage(t, page)
		has(t, page, row.want...)
		if strings.Contains(page, row.not) {
			t.Errorf("%s: got %s on the page:\n%s", name, row.not, page)
		}
	}
}

func TestResend_ButtonIsDisabledForAWhile(t *testing.T) {
	t.Parallel()
	for raw, posted := range map[string]map[string][]string{
		`{"component":"ak-stage-email"}`: nil,
		`{"component":"ak-stage-authenticator-validate","device_challenges":[{"device_class":"sms","device_uid":"2"}]}`: {"component": {"ak-stage-authenticator-validate"}, "device": {"sms:2"}},
	} {
		question := questionOf(decode(t, []byte(raw)))
		if page := ask(t, question, posted).Body.String(); strings.Contains(page, "data-rest") {
			t.Errorf("got data-rest although nothing was sent:\n%s", page)
		}
		question.ResendAfter = 12_300_000_000
		page := ask(t, question, posted).Body.String()
		checkPage(t, page)
		has(t, page, `data-rest="13"`, "press.js", `role="status"`)
	}
}

func TestEnding_WholePageIsShownAsText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word ", 1000)
	for body, want := range map[string]string{
		`<title>A &amp; B</title><script>var x="<p>no</p>"</script><style>p{}</style><p>It <b>is</b>`: "A & B\nIt is",
		`<p>` + long:          strings.TrimSpace(long[:maxShellText]) + "…",
		``:                    "",
		`<title></title><p>x`: "x",
	} {
		if got := shellText(body); got != want {
			t.Errorf("%.60q: got %q, want %q", body, got, want)
		}
	}
}

func TestAgent_WaitIsBounded(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[int]string{0: "5", -3: "5", 7: "7", 100000: "60"} {
		page := drawnPage(t, flowclient.ComponentEndpointAgent, `,"challenge":"a\"b","challenge_idle_timeout":`+strconv.Itoa(seconds), nil, nil)
		has(t, page, `data-seconds="`+want+`"`, `data-challenge="a"b"`)
	}
}

func TestLogout_WithoutApplicationsContinues(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{`{"component":"ak-provider-iframe-logout","logout_urls":[]}`, `{"component":"ak-provider-saml-native-logout","is_complete":true}`} {
		page := ask(t, questionOf(decode(t, []byte(raw))), nil).Body.String()
		has(t, page, "data-then", "logout.js", english.Text("logout_none"))
	}
}
