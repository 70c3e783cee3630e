package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

func TestJSON_OtherSitesAreRefused(t *testing.T) {
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
			p.answerTo(r).fails(fault.CrossSite)
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
	p.answerTo(r).fails(fault.BadRequest)
	if s.authentik.Requests() != before {
		t.Error("got a request to authentik, want none")
	}
}

func TestJSON_CookiesAreThoseOfABrowser(t *testing.T) {
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
				t.Errorf("%s: got no %s", name, mark)
			}
		}
	}
	session := cookieNames(s.gate).Session
	want := []string{
		"__Host-authentik_visit",
		session, "__Host-authentik_visit", "__Host-authentik_arrivals", "__Host-authentik_browser",
		session, "__Host-authentik_visit", "__Host-authentik_arrivals",
	}
	if !slices.Equal(names, want) {
		t.Errorf("got cookies set in the order %v", names)
	}
}

func TestJSON_HasNothingOfAuthentiksSession(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.program(t)
	step := p.answer(p.ask("/.authentik/login"), `{"uid_field":"jane"}`)
	browser, _ := seal.ParseSecret(p.cookie("__Host-authentik_visit"))
	vis, err := openVisit(s.gate, browser, Resolved{Scheme: "https", Host: strings.TrimPrefix(s.URL, "https://")}, step.Visit)
	if err != nil || len(vis.Step.Cookies) == 0 {
		t.Fatalf("got %d cookies in the visit (%v)", len(vis.Step.Cookies), err)
	}
	for name, value := range vis.Step.Cookies {
		if strings.Contains(step.body, value) {
			t.Errorf("got %s in the document, want none", name)
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

func told(t *testing.T, challenge string) (program, jsonAnswer) {
	t.Helper()
	s := newSite(t, func(c *Config) { c.Client = tellingAuthentik{c.Client, challenge} })
	p := s.program(t)
	return p, p.ask("/.authentik/login")
}

func TestJSON_ChallengeIsPassedOnByteForByte(t *testing.T) {
	t.Parallel()
	for _, challenge := range []string{
		"{ \"component\" :\t\"ak-stage-password\",\n  \"pending_user\": \"<b>J\u00e4ne\u2028&</b>\", \"n\": 1.50e+1, \"n\": 0 }",
		`{"component":"ak-stage-of-tomorrow","\u003cnew\u003e":[{"deep":{}}],"traceback":"of another kind"}`,
		`{"fields":[],"flow_info":null}`,
	} {
		_, step := told(t, challenge)
		if !bytes.Contains([]byte(step.body), []byte(`"challenge":`+challenge+`}`)) {
			t.Errorf("got\n%[2]s\nwant the challenge\n%[1]s", challenge, step.body)
		}
	}
}

func TestJSON_ExceptionTextIsNotPassedOn(t *testing.T) {
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
			t.Errorf("%s: got status %d: %s", challenge, step.status, step.body)
		}
	}
}

// TestDocument_ScriptAddressIsNotPassedOn has no visit: a flow that only redirects is refused before.
func TestJSON_SilentRefusalHasAnError(t *testing.T) {
	t.Parallel()
	_, step := told(t, `{"component":"ak-stage-prompt","fields":[],"response_errors":{}}`)
	step.complains("ak-stage-prompt", "non_field_errors", "not_accepted")
}

func TestJSON_ErrorsHaveAuthentiksShape(t *testing.T) {
	t.Parallel()
	_, step := told(t, `{"component":"ak-stage-prompt","fields":[],"response_errors":{"a":[{"string":"<b>","code":"bad"},"bare"]}}`)
	var got struct{ Errors json.RawMessage }
	if err := json.Unmarshal([]byte(step.body), &got); err != nil {
		t.Fatal(err)
	}
	if want := `{"a":[{"string":"\u003cb\u003e","code":"bad"},{"string":"bare","code":""}]}`; string(got.Errors) != want {
		t.Errorf("got %s, want %s", got.Errors, want)
	}
}

func TestJSON_FailuresAreProblemDetails(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Flow = "nowhere" })
	p := s.program(t)
	p.ask("/.authentik/login").fails(fault.FlowNotFound)
	p.ask("/.authentik/nothing").fails(fault.NotFound)
	p.request(http.MethodPut, "/.authentik/login", "").fails(fault.MethodNotAllowed)
	down := newSite(t, func(c *Config) { c.Client = downAuthentik{Authentik: c.Client} })
	down.program(t).ask("/.authentik/login").fails(fault.AuthentikUnreachable)
}

func TestJSON_SourceIsChosenAndReturnedFrom(t *testing.T) {
	t.Parallel()
	p, step := told(t, `{"component":"ak-stage-identification","user_fields":["username"],"sources":[`+
		`{"name":"Elsewhere","challenge":{"component":"xak-flow-redirect","to":"/source/oauth/login/elsewhere/"}}]}`)
	if step.Source != nil {
		t.Errorf("before a choice: got source %+v, want none", step.Source)
	}
	step = p.say(step, "source", "0").asks(asksName)
	if step.Source == nil || *step.Source != (chosen{Name: "Elsewhere", Barred: true}) {
		t.Errorf("got source %+v", step.Source)
	}
	step = p.say(step, "ways", "true").asks(asksName)
	if step.Source != nil {
		t.Errorf("after going back: got source %+v, want none", step.Source)
	}
	p.say(step, "source", "1").complains(asksName, "non_field_errors", "source_gone")
}

func TestJSON_MessageIsNotSentAgainAtOnce(t *testing.T) {
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
	if step.component() != "ak-stage-email" || step.Notice == nil || step.Notice.Code != "wait_again" {
		t.Errorf("got status %d: %s", step.status, step.body)
	}
	if sent := len(s.authentik.Mail()); sent != 1 {
		t.Errorf("got %d messages sent", sent)
	}
}
