package proxy

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

func TestThrottle_ProgramIsToldToWait(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "both" })
	p := s.program(t)
	asked := p.ask("/.authentik/login")
	for range accountFree + 1 {
		asked = p.answer(asked, `{"uid_field":"jane","password":"wrong"}`)
	}
	before := s.authentik.Requests()
	slow := p.answer(asked, `{"uid_field":"jane","password":"open sesame"}`)
	var told struct {
		RetryAfter int `json:"retry_after"`
	}
	if err := json.Unmarshal([]byte(slow.body), &told); err != nil {
		t.Fatal(err)
	}
	said := slow.Errors[flowclient.NonField]
	if slow.status != http.StatusTooManyRequests || told.RetryAfter != 1 || slow.header.Get("Retry-After") != "1" ||
		len(said) != 1 || said[0].Code != string(fault.TooManyAttempts) || slow.Visit == "" {
		t.Fatalf("status %d, Retry-After %q: %s", slow.status, slow.header.Get("Retry-After"), slow.body)
	}
	if s.authentik.Requests() != before {
		t.Error("authentik was asked")
	}
	s.clock.move(time.Second)
	if end := p.answer(slow, `{"uid_field":"jane","password":"open sesame"}`); !end.Done {
		t.Errorf("status %d: %s", end.status, end.body)
	}
}

// TestThrottle_FieldsOfAProgramCountWhateverTheyAnswer: authentik hands an answer to whatever it asks,
// and a visit can be made to say that it asks something else.
func TestThrottle_FieldsOfAProgramCountWhateverTheyAnswer(t *testing.T) {
	t.Parallel()
	raw := func(component flowclient.Component, fields string) flowclient.RawAnswer {
		members, ok := readMembers([]byte(fields))
		if !ok {
			t.Fatal(fields)
		}
		return flowclient.RawAnswer{Name: component, Fields: members}
	}
	for _, component := range []flowclient.Component{flowclient.ComponentIdentification, flowclient.ComponentDummy, flowclient.ComponentPrompt, flowclient.ComponentConsent} {
		for _, fields := range []string{`{"uid_field":"jane"}`, `{"password":"x"}`, `{"code":123456}`, `{"passkey":{}}`, `{"webauthn":{}}`} {
			if !proves(raw(component, fields)) {
				t.Errorf("%s to %s proves nothing", fields, component)
			}
		}
		if proves(raw(component, `{"token":"x","selected_challenge":{}}`)) {
			t.Errorf("a choice for %s proves something", component)
		}
	}
	if name := typedName(raw(flowclient.ComponentIdentification, `{"uid_field":12345}`)); name != "12345" {
		t.Errorf("a number is read as %q", name)
	}
	lost := flowclient.Step{Challenge: flowclient.Identification{}, Lost: true}
	vis := visit{Step: flowclient.Step{Challenge: flowclient.Dummy{}}}
	if !refused(vis, raw(flowclient.ComponentDummy, `{"uid_field":"jane","password":"x"}`), lost) {
		t.Error("a try that posed as another answer is not counted")
	}
	if refused(visit{Step: flowclient.Step{Challenge: flowclient.Password{}}}, flowclient.PasswordAnswer{Password: "x"}, lost) {
		t.Error("a visit that authentik has forgotten counts as a try")
	}
}

func TestThrottle_FlowThatBeginsAgainHasRefused(t *testing.T) {
	t.Parallel()
	flow := flowclient.Flow{Slug: "login"}
	password := stepOf(t, flow, `{"component":"ak-stage-password"}`)
	answer := flowclient.PasswordAnswer{Password: "x"}
	for raw, want := range map[string]bool{
		`{"component":"ak-stage-identification"}`:                true,
		`{"component":"ak-stage-dummy"}`:                         true, // its first question
		`{"component":"ak-stage-access-denied"}`:                 true,
		`{"component":"ak-stage-flow-error"}`:                    true,
		`{"component":"ak-stage-password","response_errors":{}}`: true,
		`{"component":"ak-stage-authenticator-validate"}`:        false,
		`{"component":"xak-flow-redirect","to":"/"}`:             false,
	} {
		vis := visit{First: flow, Opening: flowclient.ComponentDummy, Step: password}
		if got := refused(vis, answer, stepOf(t, flow, raw)); got != want {
			t.Errorf("%s: refused is %v", raw, got)
		}
	}
}

func TestThrottle_AnswerWithoutAReplyDoesNotCount(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "both" })
	s.warm(t)
	client := s.gate.cfg.Client
	p := s.person(t)
	page := p.open("/")
	s.gate.cfg.Client = deadAuthentik{downAuthentik{client}}
	for range 3 * addressFree {
		if got := p.send(page, "uid_field", "jane", "password", "open sesame"); got.status != http.StatusServiceUnavailable {
			t.Fatalf("status %d", got.status)
		}
	}
	s.gate.cfg.Client = client
	if end := p.send(page, "uid_field", "jane", "password", "open sesame"); end.body != "hello jane" {
		t.Errorf("status %d: %s", end.status, end.body)
	}
}
