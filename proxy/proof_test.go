package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

func TestAProgramIsToldTheSame(t *testing.T) {
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

// TestTheFieldsOfAProgramCountWhateverTheyAnswer: authentik hands an answer to whatever it asks,
// and a visit can be made to say that it asks something else.
func TestTheFieldsOfAProgramCountWhateverTheyAnswer(t *testing.T) {
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

func TestAFlowThatBeginsAnewHasRefused(t *testing.T) {
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

func TestNamesAreComparedAsAuthentikComparesThem(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"jane", "JANE", " Jane\t", "\u00a0jane", "\u3000jane", "jane\x1c", "\x1fjane"},
		{"jill", "J\u0131LL", "j\u0131ll"}, // Postgres writes a dotless i as I in upper case
		{"kim", "\u212aim"},                // the sign for Kelvin
		{"sue", "\u017fue"},                // a long s
		{"gross", "gro\u00df", "GRO\u1e9e"},
	} {
		for _, name := range same {
			if got, want := canonical(name), canonical(same[0]); got != want {
				t.Errorf("%q is %q, want %q", name, got, want)
			}
		}
	}
	if canonical("jane") == canonical("jan") || canonical(" \t") != "" {
		t.Error("different names are one")
	}
}

// TestWhatIsKeptOfAttemptsIsBoundedAndNamesNobody has a million accounts tried from as many addresses.
func TestWhatIsKeptOfAttemptsIsBoundedAndNamesNobody(t *testing.T) {
	t.Parallel()
	a := newAttempts(time.Now, seal.NewKey([]byte(strings.Repeat("k", seal.MinKey))))
	now := time.Now()
	var key attemptKey
	for i := range 1_000_000 {
		key = attemptKey{byte(i), byte(i >> 8), byte(i >> 16)}
		a.accounts.board(now, []attemptKey{key})
		a.accounts.refuse(now, key)
		a.accounts.land([]attemptKey{key})
	}
	if n, m := len(a.accounts.byKey), a.accounts.order.Len(); n != attemptsBound || m != n {
		t.Errorf("%d and %d are kept", n, m)
	}
	if a.accounts.of(now, key) == nil || a.accounts.of(now, attemptKey{}) != nil {
		t.Error("not the oldest has gone")
	}
	other := newAttempts(time.Now, seal.NewKey([]byte(strings.Repeat("o", seal.MinKey))))
	if a.key("account", "jane") == other.key("account", "jane") || a.key("account", "jane") == a.key("address", "jane") {
		t.Error("keys do not depend on the gate's key and on what they are for")
	}
}

func TestWhoGoesOnTryingIsNotForgotten(t *testing.T) {
	t.Parallel()
	now, tries := time.Now(), newTally(accountFree)
	victim := attemptKey{0xff}
	for i := range 3 * attemptsBound {
		if i%1000 == 0 {
			tries.refuse(now, victim)
		}
		tries.refuse(now, attemptKey{byte(i), byte(i >> 8), byte(i >> 16)})
	}
	if s := tries.of(now, victim); s == nil || s.refusals < 100 {
		t.Error("an account has been forgotten that was tried all along")
	}
}

// TestTheAccountThatAuthentikNamesCounts: two pages of one session of authentik can be used to try
// an account on a page that shows another.
func TestTheAccountThatAuthentikNamesCounts(t *testing.T) {
	t.Parallel()
	a := newAttempts(time.Now, seal.NewKey([]byte(strings.Repeat("k", seal.MinKey))))
	password := func(pending string) flowclient.Step {
		return flowclient.Step{Challenge: flowclient.Password{Base: flowclient.Base{PendingUser: pending}}}
	}
	for i := range accountFree + 1 {
		try, wait := a.try(netip.Addr{}, visit{Step: password(fmt.Sprintf("decoy%d", i))}, flowclient.PasswordAnswer{Password: "x"})
		if wait > 0 {
			t.Fatal("too soon")
		}
		try.refused("jane")
		try.land()
	}
	if _, wait := a.try(netip.Addr{}, visit{Step: password("jane")}, flowclient.PasswordAnswer{Password: "x"}); wait == 0 {
		t.Error("tries on an account are not counted that were made on another's page")
	}
}

func TestAnAnswerThatGotNoneDoesNotCount(t *testing.T) {
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
