package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

const (
	asksName     = "ak-stage-identification"
	asksPassword = "ak-stage-password"
)

func TestAProgramSignsInWithoutASinglePage(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	refused := p.ask("/deep/link?x=1").fails(CodeSignInRequired)
	step := p.ask(refused.LoginURL + "?to=%2Fdeep%2Flink%3Fx%3D1").asks(asksName)
	if step.To != "/deep/link?x=1" || step.Notice != nil || !strings.HasSuffix(step.Elsewhere, "/if/flow/login/") {
		t.Errorf("to %q, notice %v, elsewhere %q", step.To, step.Notice, step.Elsewhere)
	}
	step = p.answer(step, `{"uid_field":"jane"}`).asks(asksPassword)
	p.answer(step, `{"component":"ak-stage-password","password":"open sesame"}`).ends("/deep/link?x=1")
	if page := p.open("/deep/link?x=1"); page.body != "hello jane" {
		t.Fatalf("status %d: %s", page.status, page.body)
	}
	p.ask("/.authentik/login?to=/other").ends("/other")
	if who := p.ask("/.authentik/session"); who.status != http.StatusOK || !strings.Contains(who.body, `"jane"`) {
		t.Errorf("the session is %s", who.body)
	}
}

func TestAWrongPasswordIsSaidByItsField(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	step := p.answer(p.ask("/.authentik/login"), `{"uid_field":"jane"}`)
	step = p.answer(step, `{"password":"wrong"}`).complains(asksPassword, "password", "invalid")
	if got := step.Errors["password"][0].String; got != "Invalid password" {
		t.Errorf("the complaint is %q", got)
	}
	p.answer(step, `{"password":"open sesame"}`).ends("/")
}

func TestACodeOfAnAuthenticatorAppIsSetUpAndGiven(t *testing.T) {
	t.Parallel()
	flow := loginFlow("totp", authentiktest.Binding{Stage: &authentiktest.AuthenticatorTOTPStage{}})
	s := newSite(t, func(c *Config) { c.Flow = "totp" }, flow)
	p := s.program(t)
	step := p.answer(p.ask("/.authentik/login"), `{"uid_field":"jane"}`)
	step = p.answer(step, `{"password":"open sesame"}`).asks("ak-stage-authenticator-totp")
	secret := regexp.MustCompile(`secret=([A-Z2-7]+)`).FindStringSubmatch(string(step.Challenge))
	if secret == nil {
		t.Fatalf("no secret: %s", step.body)
	}
	code, err := totp.GenerateCode(secret[1], time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p.answer(step, `{"code":"`+code+`"}`).ends("/")
}

func TestAPromptTakesEveryKindOfValue(t *testing.T) {
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
		t.Errorf("errors: %v", step.Errors)
	}
	p.answer(step, `{"contact":"jane@example.com","count":7,"news":true}`).ends("/")
}

func TestAProgramGoesToAnotherFlowThatIsOffered(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Flow = "demanding" }, recoveryFlow()...)
	p := s.program(t)
	step := p.say(p.ask("/.authentik/login?to=/kept"), "flow", `"recovery"`).asks(asksName)
	step = p.answer(step, `{"uid_field":"jane"}`).asks(asksName)
	if step.Notice == nil || step.Notice.Code != "done" || step.Notice.String != "That is done. Now you can sign in." {
		t.Errorf("the notice is %+v", step.Notice)
	}
	p.say(step, "flow", `"strong"`).fails(CodeBadRequest)
	step = p.answer(step, `{"uid_field":"jane"}`)
	p.answer(step, `{"password":"open sesame"}`).ends("/kept")
}

func TestARefusalByTheFlowIsForbidden(t *testing.T) {
	t.Parallel()
	flow := loginFlow("denying", authentiktest.Binding{Stage: &authentiktest.DenyStage{Message: "Not today."}})
	s := newSite(t, func(c *Config) { c.Flow = "denying" }, flow)
	p := s.program(t)
	step := p.answer(p.ask("/.authentik/login?to=/kept"), `{"uid_field":"jane"}`)
	step = p.answer(step, `{"password":"open sesame"}`)
	if step.status != http.StatusForbidden || step.component() != "ak-stage-access-denied" ||
		!strings.Contains(step.body, "Not today.") || step.Visit == "" {
		t.Fatalf("status %d: %s", step.status, step.body)
	}
	before := s.authentik.Requests()
	for _, answer := range []string{`{}`, `{"component":"ak-stage-access-denied"}`, `{"component":"ak-stage-password","password":"open sesame"}`} {
		again := p.answer(step, answer)
		if again.status != http.StatusForbidden || again.Errors["non_field_errors"][0].Code != "not_answered" {
			t.Errorf("%s to a refusal: status %d, %v", answer, again.status, again.Errors)
		}
	}
	if s.authentik.Requests() != before {
		t.Error("authentik was given an answer that it has not asked for")
	}
	if again := p.say(step, "again", "true").asks(asksName); again.To != "/kept" {
		t.Errorf("it begins again with %q for the way back", again.To)
	}
}

func TestAnOldVisitBeginsAgainAndSaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	step := p.ask("/.authentik/login?to=/kept")
	s.clock.move(visitLife + time.Minute)
	step = p.answer(step, `{"uid_field":"jane"}`).asks(asksName)
	if step.Notice == nil || step.Notice.Code != "expired" || !strings.HasPrefix(step.Notice.String, "That took a while") || step.To != "/kept" {
		t.Errorf("notice %+v, to %q", step.Notice, step.To)
	}
}

func TestAVisitThatAuthentikForgotBeginsAgainWithoutErrors(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	step := p.answer(p.ask("/.authentik/login"), `{"uid_field":"jane"}`)
	s.authentik.Forget()
	step = p.answer(step, `{"password":"open sesame"}`).asks(asksName)
	if step.Notice == nil || step.Notice.Code != "lost" {
		t.Errorf("the notice is %+v", step.Notice)
	}
	p.answer(step, `{"component":"ak-stage-password"}`).complains(asksName, "non_field_errors", "wrong_page")
	step = p.answer(step, `{"uid_field":"jane"}`)
	p.answer(step, `{"password":"open sesame"}`).ends("/")
}

func TestAVisitIsForTheProgramThatBeganIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	step := s.program(t).ask("/.authentik/login")
	other := s.program(t)
	other.answer(step, `{"uid_field":"jane"}`).fails(CodeVisitLost)
	other.ask("/.authentik/login")
	other.answer(step, `{"uid_field":"jane"}`).fails(CodeVisitLost)
	other.request(http.MethodPost, "/.authentik/login", `{"again":true}`).fails(CodeVisitLost)
	p := s.program(t)
	step.Visit = p.ask("/.authentik/login").Visit + "A"
	p.answer(step, `{"uid_field":"jane"}`).fails(CodeVisitLost)
}

func TestAnAnswerThatIsSentTwiceIsGivenOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	first := p.ask("/.authentik/login")
	step := p.answer(first, `{"uid_field":"jane"}`).asks(asksPassword)
	before := s.authentik.Requests()
	p.answer(first, `{"uid_field":"jane"}`).asks(asksPassword)
	if s.authentik.Requests() != before {
		t.Error("authentik was given the answer twice")
	}
	p.answer(step, `{"password":"open sesame"}`).ends("/")
}

func TestWhoIsSignedInAlreadyIsDoneWithAnyVisit(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	waiting := p.ask("/.authentik/login?to=/waiting")
	if told := p.say(waiting, "poll", "true"); told.Next != pollWait {
		t.Errorf("with nobody signed in: %s", told.body)
	}
	step := p.answer(p.ask("/.authentik/login"), `{"uid_field":"jane"}`)
	p.answer(step, `{"password":"open sesame"}`).ends("/")
	if told := p.say(waiting, "poll", "true"); told.Next != pollBegin {
		t.Errorf("with somebody signed in: %s", told.body)
	}
	p.answer(waiting, `{"uid_field":"joe"}`).ends("/waiting")
}

func TestWhoMayNotPassIsToldSoAtTheEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Application = "wiki" })
	p := s.program(t)
	step := p.answer(p.ask("/.authentik/login"), `{"uid_field":"joe"}`)
	p.answer(step, `{"password":"let me in"}`).fails(CodeNotAllowed)
	p.ask("/.authentik/login").fails(CodeNotAllowed)
	p.ask("/").fails(CodeNotAllowed)
	if out := p.request(http.MethodPost, "/.authentik/logout", ""); !out.Done {
		t.Fatalf("signing out: %s", out.body)
	}
	step = p.answer(p.ask("/.authentik/login?to=/there"), `{"uid_field":"jane"}`)
	p.answer(step, `{"password":"open sesame"}`).ends("/there")
}

func TestAProgramSignsOut(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	step := p.answer(p.ask("/.authentik/login"), `{"uid_field":"jane"}`)
	p.answer(step, `{"password":"open sesame"}`).ends("/")
	stolen := p.cookie(s.gate.jar.session.secure)
	out := p.request(http.MethodPost, "/.authentik/logout", "")
	if out.status != http.StatusOK || strings.TrimSpace(out.body) != `{"done":true}` {
		t.Fatalf("status %d: %s", out.status, out.body)
	}
	p.ask("/.authentik/session").fails(CodeSignInRequired)
	p.setCookie(s.gate.jar.session.secure, stolen)
	p.ask("/.authentik/session").fails(CodeSignInRequired)
	if out = p.request(http.MethodPost, "/.authentik/logout", ""); !out.Done {
		t.Errorf("signing out twice: %s", out.body)
	}
}

func TestAVisitGoesOnInEitherForm(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	step := p.ask("/.authentik/login?to=/there")
	page := p.send(step.page(), "uid_field", "jane")
	page.says(t, `type="password"`)
	form := page.fields()
	step = p.answer(heard{Visit: form.Get("visit"), To: form.Get("to")}, `{"password":"wrong"}`).
		complains(asksPassword, "password", "invalid")
	p.http.CheckRedirect = nil
	if page = p.send(step.page(), "password", "open sesame"); page.path != "/there" || page.body != "hello jane" {
		t.Fatalf("landed at %s: %s", page.path, page.body)
	}
}

func TestAFormCanBeAnsweredInJSON(t *testing.T) {
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
	p.hear(r).asks(asksPassword)
}

func TestWhatCannotBeReadIsRefusedWithoutAskingAuthentik(t *testing.T) {
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
		p.request(http.MethodPost, "/.authentik/login", body).fails(CodeBadRequest)
	}
	large := `{"visit":"` + step.Visit + `","answer":{"a":"` + strings.Repeat("a", maxForm) + `"}}`
	p.request(http.MethodPost, "/.authentik/login", large).fails(CodeTooLarge)
	p.answer(step, `{"component":"ak-stage-password","uid_field":"jane"}`).complains(asksName, "non_field_errors", "wrong_page")
	if s.authentik.Requests() != before {
		t.Error("authentik was asked")
	}
	p.answer(step, `{"uid_field":"jane"}`).asks(asksPassword)
}

func TestTheWayBackOfAProgramIsLocalToo(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	for _, to := range []string{"https://evil.example", "//evil.example", `/\evil.example`, "/.authentik/logout", "javascript:alert(1)"} {
		if step := p.ask("/.authentik/login?to=" + to).asks(asksName); step.To != "/" {
			t.Errorf("%s leads to %q", to, step.To)
		}
	}
	step := p.ask("/.authentik/login?to=/there")
	step.To = "https://evil.example/"
	step = p.answer(step, `{"uid_field":"jane"}`)
	p.answer(step, `{"password":"open sesame"}`).ends("/there")
	step.To = "//evil.example"
	p.answer(step, `{"password":"open sesame"}`).ends("/") // the old visit does not open any more
}

func TestAnotherSiteCannotSpeakForAProgram(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	step := p.ask("/.authentik/login")
	before := s.authentik.Requests()
	for _, headers := range []map[string]string{
		{"Origin": "https://evil.example"},
		{"Sec-Fetch-Site": "cross-site"},
		{"Sec-Fetch-Site": "same-site"},
		{"Origin": "null"},
		{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
	} {
		for _, path := range []string{"/.authentik/login", "/.authentik/logout"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path,
				strings.NewReader(`{"visit":"`+step.Visit+`","answer":{"uid_field":"jane"}}`))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept", "application/json")
			r.Header.Set("Content-Type", "application/json")
			for name, value := range headers {
				r.Header.Set(name, value)
			}
			p.hear(r).fails(CodeCrossSite)
		}
	}
	// A browser sends this to another site without asking that site first.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/.authentik/login",
		strings.NewReader(`{"visit":"`+step.Visit+`","answer":{"uid_field":"jane"}}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "text/plain")
	p.hear(r).fails(CodeBadRequest)
	if s.authentik.Requests() != before {
		t.Error("authentik was asked")
	}
}

func TestAPageLoadGetsAPageWhateverItAccepts(t *testing.T) {
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
		t.Errorf("a page load gets %s", page.header.Get("Content-Type"))
	}
}

func TestTheCookiesOfAProgramAreThoseOfABrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	var set []string
	step := p.ask("/.authentik/login")
	set = append(set, step.header["Set-Cookie"]...)
	step = p.answer(step, `{"uid_field":"jane"}`)
	set = append(set, step.header["Set-Cookie"]...)
	set = append(set, p.answer(step, `{"password":"open sesame"}`).header["Set-Cookie"]...)
	set = append(set, p.request(http.MethodPost, "/.authentik/logout", "").header["Set-Cookie"]...)
	var names []string
	for _, line := range set {
		name, _, _ := strings.Cut(line, "=")
		names = append(names, name)
		for _, mark := range []string{"Path=/", "HttpOnly", "Secure", "SameSite=Lax"} {
			if !strings.Contains(line, "; "+mark) {
				t.Errorf("%s lacks %s", name, mark)
			}
		}
	}
	session := s.gate.jar.session.secure
	want := []string{
		"__Host-authentik_visit",
		session, "__Host-authentik_visit", "__Host-authentik_browser",
		session, "__Host-authentik_visit",
	}
	if !slices.Equal(names, want) {
		t.Errorf("cookies are set in this order: %v", names)
	}
}

func TestNothingOfAuthentiksSessionReachesAProgram(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	step := p.answer(p.ask("/.authentik/login"), `{"uid_field":"jane"}`)
	browser, _ := parseSecret(p.cookie("__Host-authentik_visit"))
	vis, err := s.gate.openVisit(browser, Resolved{Scheme: "https", Host: strings.TrimPrefix(s.URL, "https://")}, step.Visit)
	if err != nil || len(vis.Step.Cookies) == 0 {
		t.Fatalf("the visit holds %d cookies (%v)", len(vis.Step.Cookies), err)
	}
	for name, value := range vis.Step.Cookies {
		if strings.Contains(step.body, value) {
			t.Errorf("%s is in the document", name)
		}
	}
}

// tellingAuthentik asks what a test wants.
type tellingAuthentik struct {
	Authentik
	challenge string
}

func (a tellingAuthentik) Ask(ctx context.Context, v flowclient.Visitor, to flowclient.Flow) (flowclient.Step, error) {
	step, err := a.Authentik.Ask(ctx, v, to)
	if err == nil {
		step.Challenge, err = flowclient.Decode([]byte(a.challenge))
	}
	return step, err
}

func told(t *testing.T, challenge string) (program, heard) {
	t.Helper()
	s := newSite(t, func(c *Config) { c.Client = tellingAuthentik{c.Client, challenge} })
	p := s.program(t)
	return p, p.ask("/.authentik/login")
}

func TestAChallengeIsPassedOnByteForByte(t *testing.T) {
	t.Parallel()
	for _, challenge := range []string{
		"{ \"component\" :\t\"ak-stage-password\",\n  \"pending_user\": \"<b>J\u00e4ne\u2028&</b>\", \"n\": 1.50e+1, \"n\": 0 }",
		`{"component":"ak-stage-of-tomorrow","\u003cnew\u003e":[{"deep":{}}],"traceback":"of another kind"}`,
		`{"fields":[],"flow_info":null}`,
	} {
		_, step := told(t, challenge)
		if !bytes.Contains([]byte(step.body), []byte(`"challenge":`+challenge+`}`)) {
			t.Errorf("%s\nbecomes\n%s", challenge, step.body)
		}
	}
}

func TestWhatIsForAdministratorsStaysWithThem(t *testing.T) {
	t.Parallel()
	for challenge, want := range map[string]struct {
		status int
		left   string
	}{
		`{"component":"ak-stage-flow-error","request_id":"<42>","error":"secret","traceback":"File \"secret\""}`: {
			http.StatusBadGateway, `{"component":"ak-stage-flow-error","request_id":"<42>"}`,
		},
		`{"component":"xak-flow-shell","body":"<script>secret</script>"}`: {
			http.StatusBadGateway, `{"component":"xak-flow-shell"}`,
		},
		`{"component":"xak-flow-redirect","to":"javascript:secret"}`: {
			http.StatusForbidden, "",
		},
	} {
		_, step := told(t, challenge)
		if step.status != want.status || strings.Contains(step.body, "secret") || string(step.Challenge) != want.left {
			t.Errorf("%s becomes status %d: %s", challenge, step.status, step.body)
		}
	}
}

// TestAnAddressThatWouldRunIsNotPassedOn has no visit: a flow that only redirects is refused before.
func TestAnAddressThatWouldRunIsNotPassedOn(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{
		"javascript:alert(1)":     `{"component":"xak-flow-redirect"}`,
		"https://example.com/x":   `{"component":"xak-flow-redirect","to":"https://example.com/x"}`,
		"data:text/html,<script>": `{"component":"xak-flow-redirect"}`,
	} {
		c, err := flowclient.Decode([]byte(`{"component":"xak-flow-redirect","to":"` + to + `"}`))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := presentable(c); err != nil || string(got) != want {
			t.Errorf("%s: %s (%v)", to, got, err)
		}
	}
}

func TestARefusalWithoutAWordIsGivenOne(t *testing.T) {
	t.Parallel()
	_, step := told(t, `{"component":"ak-stage-prompt","fields":[],"response_errors":{}}`)
	step.complains("ak-stage-prompt", "non_field_errors", "not_accepted")
}

func TestErrorsHaveTheShapeOfAuthentiks(t *testing.T) {
	t.Parallel()
	_, step := told(t, `{"component":"ak-stage-prompt","fields":[],"response_errors":{"a":[{"string":"<b>","code":"bad"},"bare"]}}`)
	var got struct{ Errors json.RawMessage }
	if err := json.Unmarshal([]byte(step.body), &got); err != nil {
		t.Fatal(err)
	}
	if want := `{"a":[{"string":"\u003cb\u003e","code":"bad"},{"string":"bare","code":""}]}`; string(got.Errors) != want {
		t.Errorf("%s", got.Errors)
	}
}

func TestFailuresOfTheGateAreProblemsToPrograms(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Flow = "nowhere" })
	p := s.program(t)
	p.ask("/.authentik/login").fails(CodeFlowNotFound)
	p.ask("/.authentik/nothing").fails(CodeNotFound)
	p.request(http.MethodPut, "/.authentik/login", "").fails(CodeMethodNotAllowed)
	down := newSite(t, func(c *Config) { c.Client = downAuthentik{Authentik: c.Client} })
	down.program(t).ask("/.authentik/login").fails(CodeAuthentikUnreachable)
}

func TestAProgramChoosesASourceAndComesBack(t *testing.T) {
	t.Parallel()
	p, step := told(t, `{"component":"ak-stage-identification","user_fields":["username"],"sources":[`+
		`{"name":"Elsewhere","challenge":{"component":"xak-flow-redirect","to":"/source/oauth/login/elsewhere/"}}]}`)
	if step.Source != nil {
		t.Errorf("before anything was chosen: %+v", step.Source)
	}
	step = p.say(step, "source", "0").asks(asksName)
	if step.Source == nil || *step.Source != (chosen{Name: "Elsewhere", Barred: true}) {
		t.Errorf("chosen is %+v", step.Source)
	}
	step = p.say(step, "ways", "true").asks(asksName)
	if step.Source != nil {
		t.Errorf("after going back: %+v", step.Source)
	}
	p.say(step, "source", "1").complains(asksName, "non_field_errors", "source_gone")
}

func TestAMessageIsNotSentAgainAtOnceForAProgram(t *testing.T) {
	t.Parallel()
	flow := authentiktest.Flow{Slug: "mail", Bindings: []authentiktest.Binding{
		{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username"}}},
		{Stage: &authentiktest.EmailStage{}},
		{Stage: &authentiktest.UserLoginStage{}},
	}}
	s := newSite(t, func(c *Config) { c.Flow = "mail" }, flow)
	p := s.program(t)
	step := p.answer(p.ask("/.authentik/login"), `{"uid_field":"jane"}`)
	step = p.answer(step, `{}`)
	if step.component() != "ak-stage-email" || step.Notice == nil || step.Notice.Code != noticeRest {
		t.Errorf("status %d: %s", step.status, step.body)
	}
	if sent := len(s.authentik.Mail()); sent != 1 {
		t.Errorf("%d messages are on their way", sent)
	}
}
