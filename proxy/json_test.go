package proxy

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signin"

	"github.com/pquerna/otp/totp"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

const (
	asksName     = "ak-stage-identification"
	asksPassword = "ak-stage-password"
)

func TestJSON_SignsIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	refused := p.ask("/deep/link?x=1").fails(fault.SignInRequired)
	step := p.ask(refused.LoginURL + "?to=%2Fdeep%2Flink%3Fx%3D1").asks(asksName)
	if step.To != "/deep/link?x=1" || step.Notice != nil || !strings.HasSuffix(step.Elsewhere, "/if/flow/login/") {
		t.Errorf("got to %q, notice %v, elsewhere %q, want the way back, no notice and the flow", step.To, step.Notice, step.Elsewhere)
	}
	step = p.answer(step, `{"uid_field":"jane"}`).asks(asksPassword)
	p.answer(step, `{"component":"ak-stage-password","password":"open sesame"}`).ends("/deep/link?x=1")
	if page := p.open("/deep/link?x=1"); page.body != "hello jane" {
		t.Fatalf("got status %d: %s", page.status, page.body)
	}
	p.ask("/.authentik/login?to=/other").ends("/other")
	if who := p.ask("/.authentik/session"); who.status != http.StatusOK || !strings.Contains(who.body, `"jane"`) {
		t.Errorf("got the session %s, want Jane's", who.body)
	}
}

func TestJSON_WrongPasswordIsAnErrorOfItsField(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	step := p.answer(p.ask("/.authentik/login"), `{"uid_field":"jane"}`)
	step = p.answer(step, `{"password":"wrong"}`).complains(asksPassword, "password", "invalid")
	if got := step.Errors["password"][0].String; got != "Invalid password" {
		t.Errorf("got the error %q", got)
	}
	p.answer(step, `{"password":"open sesame"}`).ends("/")
}

func TestJSON_AuthenticatorAppIsSetUpAndUsed(t *testing.T) {
	t.Parallel()
	flow := loginFlow("totp", authentiktest.Binding{Stage: &authentiktest.AuthenticatorTOTPStage{}})
	s := newSite(t, func(c *Config) { c.Flow = "totp" }, flow)
	p := s.program(t)
	step := p.answer(p.ask("/.authentik/login"), `{"uid_field":"jane"}`)
	step = p.answer(step, `{"password":"open sesame"}`).asks("ak-stage-authenticator-totp")
	secret := regexp.MustCompile(`secret=([A-Z2-7]+)`).FindStringSubmatch(string(step.Challenge))
	if secret == nil {
		t.Fatalf("got no secret in %s", step.body)
	}
	code, err := totp.GenerateCode(secret[1], time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p.answer(step, `{"code":"`+code+`"}`).ends("/")
}

func TestJSON_PromptAcceptsEveryKindOfValue(t *testing.T) {
	t.Parallel()
	flow := loginFlow("form", authentiktest.Binding{Stage: &authentiktest.PromptStage{Fields: []authentiktest.Field{
		{Key: "contact", Label: "Contact", Type: authentiktest.FieldEmail},
		{Key: "count", Label: "Count", Type: authentiktest.FieldNumber},
		{Key: "news", Label: "News", Type: authentiktest.FieldCheckbox},
	}}})
	s := newSite(t, func(c *Config) { c.Flow = "form" }, flow)
	p := s.program(t)
	step := p.answer(p.ask("/.authentik/login"), `{"uid_field":"jane"}`)
	step = p.answer(step, `{"password":"open sesame"}`).asks("ak-stage-prompt")
	step = p.answer(step, `{"contact":"no address","count":7,"news":true}`).complains("ak-stage-prompt", "contact", "invalid")
	if len(step.Errors) != 1 {
		t.Errorf("got the errors %v, want one", step.Errors)
	}
	p.answer(step, `{"contact":"jane@example.com","count":7,"news":true}`).ends("/")
}

func TestJSON_StartsAnOfferedFlow(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Flow = "demanding" }, recoveryFlow()...)
	p := s.program(t)
	step := p.say(p.ask("/.authentik/login?to=/kept"), "flow", `"recovery"`).asks(asksName)
	step = p.answer(step, `{"uid_field":"jane"}`).asks(asksName)
	if step.Notice == nil || step.Notice.Code != "done" || step.Notice.String != "Done. You can sign in now." {
		t.Errorf("got the notice %+v", step.Notice)
	}
	p.say(step, "flow", `"strong"`).fails(fault.BadRequest)
	step = p.answer(step, `{"uid_field":"jane"}`)
	p.answer(step, `{"password":"open sesame"}`).ends("/kept")
}

func TestJSON_DeniedFlowIsForbidden(t *testing.T) {
	t.Parallel()
	flow := loginFlow("denying", authentiktest.Binding{Stage: &authentiktest.DenyStage{Message: "Not today."}})
	s := newSite(t, func(c *Config) { c.Flow = "denying" }, flow)
	p := s.program(t)
	step := p.answer(p.ask("/.authentik/login?to=/kept"), `{"uid_field":"jane"}`)
	step = p.answer(step, `{"password":"open sesame"}`)
	if step.status != http.StatusForbidden || step.component() != "ak-stage-access-denied" ||
		!strings.Contains(step.body, "Not today.") || step.Visit == "" {
		t.Fatalf("got status %d: %s", step.status, step.body)
	}
	before := s.authentik.Requests()
	for _, answer := range []string{`{}`, `{"component":"ak-stage-access-denied"}`, `{"component":"ak-stage-password","password":"open sesame"}`} {
		again := p.answer(step, answer)
		if again.status != http.StatusForbidden || again.Errors["non_field_errors"][0].Code != "not_answered" {
			t.Errorf("answer %s to a refusal: got status %d, %v", answer, again.status, again.Errors)
		}
	}
	if s.authentik.Requests() != before {
		t.Error("got an answer at authentik that it has not asked for")
	}
	if again := p.say(step, "again", "true").asks(asksName); again.To != "/kept" {
		t.Errorf("got the way back %q after the new beginning", again.To)
	}
}

func TestJSON_ExpiredVisitBeginsAgainWithANotice(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	step := p.ask("/.authentik/login?to=/kept")
	s.clock.move(signin.VisitLife + time.Minute)
	step = p.answer(step, `{"uid_field":"jane"}`).asks(asksName)
	if step.Notice == nil || step.Notice.Code != "expired" || !strings.HasPrefix(step.Notice.String, "Your sign-in took too long") || step.To != "/kept" {
		t.Errorf("got notice %+v, to %q, want expired and /kept", step.Notice, step.To)
	}
}

func TestJSON_VisitLostAtAuthentikBeginsAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	step := p.answer(p.ask("/.authentik/login"), `{"uid_field":"jane"}`)
	s.authentik.Forget()
	step = p.answer(step, `{"password":"open sesame"}`).asks(asksName)
	if step.Notice == nil || step.Notice.Code != "lost" {
		t.Errorf("got the notice %+v", step.Notice)
	}
	p.answer(step, `{"component":"ak-stage-password"}`).complains(asksName, "non_field_errors", "wrong_page")
	step = p.answer(step, `{"uid_field":"jane"}`)
	p.answer(step, `{"password":"open sesame"}`).ends("/")
}

func TestJSON_VisitIsForOneProgram(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	step := s.program(t).ask("/.authentik/login")
	other := s.program(t)
	other.answer(step, `{"uid_field":"jane"}`).fails(fault.VisitLost)
	other.ask("/.authentik/login")
	other.answer(step, `{"uid_field":"jane"}`).fails(fault.VisitLost)
	other.request(http.MethodPost, "/.authentik/login", `{"again":true}`).fails(fault.VisitLost)
	p := s.program(t)
	step.Visit = p.ask("/.authentik/login").Visit + "A"
	p.answer(step, `{"uid_field":"jane"}`).fails(fault.VisitLost)
}

func TestJSON_RepeatedAnswerIsGivenOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	first := p.ask("/.authentik/login")
	step := p.answer(first, `{"uid_field":"jane"}`).asks(asksPassword)
	before := s.authentik.Requests()
	p.answer(first, `{"uid_field":"jane"}`).asks(asksPassword)
	if s.authentik.Requests() != before {
		t.Error("got the answer at authentik twice, want once")
	}
	p.answer(step, `{"password":"open sesame"}`).ends("/")
}

func TestJSON_VisitOfASignedInUserIsDone(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	waiting := p.ask("/.authentik/login?to=/waiting")
	if told := p.say(waiting, "poll", "true"); told.Next != "wait" {
		t.Errorf("before the sign-in: got %s", told.body)
	}
	step := p.answer(p.ask("/.authentik/login"), `{"uid_field":"jane"}`)
	p.answer(step, `{"password":"open sesame"}`).ends("/")
	if told := p.say(waiting, "poll", "true"); told.Next != "begin" {
		t.Errorf("after the sign-in: got %s", told.body)
	}
	p.answer(waiting, `{"uid_field":"joe"}`).ends("/waiting")
}

func TestJSON_UserWithoutAccessIsForbidden(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Application = "wiki" })
	p := s.program(t)
	step := p.answer(p.ask("/.authentik/login"), `{"uid_field":"joe"}`)
	p.answer(step, `{"password":"let me in"}`).fails(fault.NotAllowed)
	p.ask("/.authentik/login").fails(fault.NotAllowed)
	p.ask("/").fails(fault.NotAllowed)
	if out := p.request(http.MethodPost, "/.authentik/logout", ""); !out.Done {
		t.Fatalf("signing out: got %s", out.body)
	}
	step = p.answer(p.ask("/.authentik/login?to=/there"), `{"uid_field":"jane"}`)
	p.answer(step, `{"password":"open sesame"}`).ends("/there")
}

func TestJSON_SignsOut(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	step := p.answer(p.ask("/.authentik/login"), `{"uid_field":"jane"}`)
	p.answer(step, `{"password":"open sesame"}`).ends("/")
	stolen := p.cookie(cookieNames(s.gate).Session)
	out := p.request(http.MethodPost, "/.authentik/logout", "")
	if out.status != http.StatusOK || strings.TrimSpace(out.body) != `{"done":true}` {
		t.Fatalf("got status %d: %s", out.status, out.body)
	}
	p.ask("/.authentik/session").fails(fault.SignInRequired)
	p.setCookie(cookieNames(s.gate).Session, stolen)
	p.ask("/.authentik/session").fails(fault.SignInRequired)
	if out = p.request(http.MethodPost, "/.authentik/logout", ""); !out.Done {
		t.Errorf("signing out twice: got %s", out.body)
	}
}

func TestJSON_VisitContinuesAsHTMLAndBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	step := p.ask("/.authentik/login?to=/there")
	page := p.send(step.page(), "uid_field", "jane")
	page.says(t, `type="password"`)
	form := page.fields()
	step = p.answer(jsonAnswer{Visit: form.Get("visit"), To: form.Get("to")}, `{"password":"wrong"}`).
		complains(asksPassword, "password", "invalid")
	p.http.CheckRedirect = nil
	if page = p.send(step.page(), "password", "open sesame"); page.path != "/there" || page.body != "hello jane" {
		t.Fatalf("got the page at %s: %s", page.path, page.body)
	}
}

func TestJSON_FormCanBeAnsweredInJSON(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	form := p.ask("/.authentik/login").page().fields()
	form.Set("uid_field", "jane")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/.authentik/login", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	p.answerTo(r).asks(asksPassword)
}

func TestJSON_UnreadableAnswerIsRefusedHere(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	step := p.ask("/.authentik/login")
	before := s.authentik.Requests()
	for _, body := range []string{
		`{`, `[]`, `null`, `{"visit":"` + step.Visit + `"}`,
		`{"visit":"` + step.Visit + `","answer":{"uid_field":"jane","uid_field":"joe"}}`,
		`{"visit":"` + step.Visit + `","answer":{"uid_field":"jane"},"user":"joe"}`,
	} {
		p.request(http.MethodPost, "/.authentik/login", body).fails(fault.BadRequest)
	}
	large := `{"visit":"` + step.Visit + `","answer":{"a":"` + strings.Repeat("a", 8<<20) + `"}}`
	p.request(http.MethodPost, "/.authentik/login", large).fails(fault.TooLarge)
	p.answer(step, `{"component":"ak-stage-password","uid_field":"jane"}`).complains(asksName, "non_field_errors", "wrong_page")
	if s.authentik.Requests() != before {
		t.Error("got a request to authentik, want none")
	}
	p.answer(step, `{"uid_field":"jane"}`).asks(asksPassword)
}

func TestJSON_WayBackIsLocal(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	for _, to := range []string{"https://evil.example", "//evil.example", `/\evil.example`, "/.authentik/logout", "javascript:alert(1)"} {
		if step := p.ask("/.authentik/login?to=" + to).asks(asksName); step.To != "/" {
			t.Errorf("%s: got the way back %q", to, step.To)
		}
	}
	step := p.ask("/.authentik/login?to=/there")
	step.To = "https://evil.example/"
	step = p.answer(step, `{"uid_field":"jane"}`)
	p.answer(step, `{"password":"open sesame"}`).ends("/there")
	step.To = "//evil.example"
	p.answer(step, `{"password":"open sesame"}`).ends("/") // the old visit does not open any more
}

func TestJSON_PageLoadsGetHTML(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/.authentik/login", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	if page := p.do(r); page.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("page load: got content type %s", page.header.Get("Content-Type"))
	}
}

// TestCode_ThatWasSentIsNotBlamedOnTheClock: authentik has one sentence for all
// kinds of codes.
func TestCode_ThatWasSentIsNotBlamedOnTheClock(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		devices []authentiktest.Device
		clock   bool
	}{
		{[]authentiktest.Device{{Class: authentiktest.DeviceEmail, Email: "jane@example.com"}}, false},
		{[]authentiktest.Device{{Class: authentiktest.DeviceEmail, Email: "jane@example.com"}, {Class: authentiktest.DeviceTOTP, Secret: "JBSWY3DPEHPK3PXP"}}, true},
	} {
		s := newSite(t, func(c *Config) { c.Flow = "mfa" }, loginFlow("mfa", authentiktest.Binding{Stage: &authentiktest.AuthenticatorValidateStage{}}))
		s.authentik.EditUser("jane", func(u *authentiktest.User) { u.Devices = row.devices })
		p := s.program(t)
		step := p.answer(p.answer(p.ask("/.authentik/login"), `{"uid_field":"jane"}`), `{"password":"open sesame"}`)
		step = p.answer(step, `{"code":"wrong"}`).complains("ak-stage-authenticator-validate", "code", "invalid")
		if got := step.Errors["code"][0].String; strings.Contains(got, "time on your device") != row.clock || !row.clock && !strings.Contains(got, "wait a few seconds") {
			t.Errorf("%d devices: got %q", len(row.devices), got)
		}
	}
}
