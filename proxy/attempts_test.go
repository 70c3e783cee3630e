package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// stillSite is a site whose clock moves only when it is moved, behind a server that has
// resolved the address of each visitor.
func stillSite(t testing.TB, change func(*Config), flows ...authentiktest.Flow) *site {
	t.Helper()
	clock, still := &clock{}, time.Now()
	s := newSite(t, func(c *Config) {
		c.Now = func() time.Time { return clock.since(still) }
		c.Resolve = func(r *http.Request) Resolved {
			at := resolveConnection(r)
			if addr, err := netip.ParseAddr(r.Header.Get("Test-Resolved")); err == nil {
				at.Client = addr
			}
			return at
		}
		if change != nil {
			change(c)
		}
	}, flows...)
	s.clock = clock
	return s
}

// from puts a person behind an address.
func (p *person) from(addr string) *person {
	p.http.Transport = resolved{p.http.Transport, addr}
	return p
}

type resolved struct {
	http.RoundTripper
	addr string
}

func (a resolved) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("Test-Resolved", a.addr)
	return a.RoundTripper.RoundTrip(r)
}

// patient flows never end in a refusal of authentik's own.
func patient(slug string, between ...authentiktest.Binding) authentiktest.Flow {
	flow := loginFlow(slug, between...)
	flow.Bindings[1].Stage = &authentiktest.PasswordStage{FailedAttempts: 1000}
	return flow
}

// isSlow reports whether an answer was not passed on, and checks that it says for how long.
func (s screen) isSlow(t testing.TB) bool {
	t.Helper()
	if s.status != http.StatusTooManyRequests {
		return false
	}
	seconds, err := strconv.Atoi(s.header.Get("Retry-After"))
	if err != nil || seconds < 1 || seconds > 60 {
		t.Fatalf("Retry-After is %q", s.header.Get("Retry-After"))
	}
	s.says(t, fmt.Sprintf("Please try again in %d s.", seconds))
	return true
}

func TestAPasswordIsNotTriedAtWill(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "patient" }, patient("patient"))
	p := s.person(t)
	page := p.send(p.open("/"), "uid_field", "jane")
	for i := range accountFree + 1 {
		page = p.send(page, "password", "wrong")
		if page.isSlow(t) {
			t.Fatalf("slow after %d tries", i)
		}
	}
	var pauses []string
	for range 8 {
		asked := s.authentik.Requests()
		page = p.send(page, "password", "open sesame") // the right one waits as well
		if !page.isSlow(t) {
			t.Fatalf("status %d: %s", page.status, page.body)
		}
		page.says(t, `name="password"`)
		page.lacks(t, "open sesame")
		page.lacks(t, "Invalid password")
		if n := s.authentik.Requests(); n != asked {
			t.Fatalf("authentik was asked %d times", n-asked)
		}
		pauses = append(pauses, page.header.Get("Retry-After"))
		wait, err := time.ParseDuration(page.header.Get("Retry-After") + "s")
		if err != nil {
			t.Fatal(err)
		}
		s.clock.move(wait - time.Millisecond)
		if page = p.send(page, "password", "wrong"); !page.isSlow(t) {
			t.Fatal("the pause ends too soon")
		}
		s.clock.move(time.Millisecond)
		if page = p.send(page, "password", "wrong"); page.isSlow(t) {
			t.Fatal("the pause does not end")
		}
	}
	if got := strings.Join(pauses, " "); got != "1 2 4 8 16 32 60 60" {
		t.Errorf("the pauses are %s seconds", got)
	}
	s.clock.move(time.Minute)
	if page = p.send(page, "password", "open sesame"); page.body != "hello jane" {
		t.Errorf("the right password after the pause: status %d: %s", page.status, page.body)
	}
}

// brute tries passwords, each in a visit of its own, and returns how many authentik was asked about.
func (s *site) brute(t testing.TB, tries int, who func(i int) (name, addr string)) (asked int) {
	t.Helper()
	for i := range tries {
		name, addr := who(i)
		p := s.person(t).from(addr)
		page := p.send(p.open("/"), "uid_field", name, "password", "wrong")
		if page.isSlow(t) {
			page.says(t, `value="`+name+`"`)
			continue
		}
		page.says(t, "Failed to authenticate.")
		asked++
	}
	return asked
}

func TestNewVisitsAndOtherSpellingsDoNotBeginAnew(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "both" })
	spellings := []string{"jane", "JANE", "Jane", "jan\u0065", "JaNe"}
	asked := s.brute(t, 4*accountFree, func(i int) (string, string) { return spellings[i%len(spellings)], fmt.Sprintf("198.51.100.%d", i) })
	if asked != accountFree+1 {
		t.Errorf("authentik was asked %d times about one account from many addresses", asked)
	}
	if asked := s.brute(t, 1, func(int) (string, string) { return "joe", "198.51.100.200" }); asked != 1 {
		t.Error("another account from another address has to wait")
	}
}

func TestManyAccountsFromOneAddressAreSlowedDown(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "both" })
	asked := s.brute(t, 2*addressFree, func(i int) (string, string) { return fmt.Sprintf("user%d", i), "198.51.100.7" })
	if asked != addressFree+1 {
		t.Errorf("authentik was asked %d times", asked)
	}
	if asked := s.brute(t, 1, func(int) (string, string) { return "another", "::ffff:198.51.100.7" }); asked != 0 {
		t.Error("the same address counts twice when it is written as one of IPv6")
	}
	if asked := s.brute(t, 1, func(int) (string, string) { return "another", "198.51.100.8" }); asked != 1 {
		t.Error("another address has to wait")
	}
}

func TestAPrefixOfIPv6CountsAsOneAddress(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "both" })
	asked := s.brute(t, 2*addressFree, func(i int) (string, string) {
		return fmt.Sprintf("user%d", i), fmt.Sprintf("2001:db8:1:2:%x::%x", i, i+1)
	})
	if asked != addressFree+1 {
		t.Errorf("authentik was asked %d times", asked)
	}
	if asked := s.brute(t, 1, func(int) (string, string) { return "another", "2001:db8:1:3::1" }); asked != 1 {
		t.Error("another prefix has to wait")
	}
}

func TestHeadersAndCookiesOfAClientChangeNothing(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "both" })
	asked := 0
	for i := range 2 * addressFree {
		p := s.person(t).from("198.51.100.7")
		p.http.Transport = forged{p.http.Transport, fmt.Sprintf("203.0.113.%d", i)}
		p.setCookie("anything", strconv.Itoa(i))
		if !p.send(p.open("/"), "uid_field", fmt.Sprintf("user%d", i), "password", "wrong").isSlow(t) {
			asked++
		}
	}
	if asked != addressFree+1 {
		t.Errorf("authentik was asked %d times", asked)
	}
}

type forged struct {
	http.RoundTripper
	addr string
}

func (f forged) RoundTrip(r *http.Request) (*http.Response, error) {
	for _, name := range []string{"X-Forwarded-For", "X-Real-IP", "Forwarded", "Client-IP", "User-Agent"} {
		r.Header.Set(name, f.addr)
	}
	return f.RoundTripper.RoundTrip(r)
}

// TestASecondFactorIsNotTriedByBeginningAgain: whoever knows a password already has as few tries
// for the rest, however often they begin anew (CVE-2024-21500).
func TestASecondFactorIsNotTriedByBeginningAgain(t *testing.T) {
	t.Parallel()
	for name, restart := range map[string]authentiktest.InvalidResponse{"in one visit": authentiktest.Retry, "begun anew by authentik": authentiktest.Restart} {
		s := stillSite(t, func(c *Config) { c.Flow = "mfa" }, patient("mfa",
			authentiktest.Binding{Stage: &authentiktest.AuthenticatorValidateStage{}, InvalidResponse: restart}))
		s.authentik.EditUser("jane", func(u *authentiktest.User) {
			u.Devices = []authentiktest.Device{{Class: authentiktest.DeviceStatic, Codes: []string{"goodcode"}}}
		})
		tried := 0
		for i := range 4 * accountFree {
			p := s.person(t).from(fmt.Sprintf("198.51.100.%d", i))
			page := p.send(p.open("/"), "uid_field", "jane")
			if page.isSlow(t) {
				continue
			}
			page = p.send(page, "password", "open sesame")
			if !strings.Contains(page.body, `name="code"`) {
				t.Fatalf("%s: status %d: %s", name, page.status, page.body)
			}
			if page = p.send(page, "code", fmt.Sprintf("wrong%d", i)); !page.isSlow(t) {
				tried++
			}
		}
		if tried != accountFree+1 {
			t.Errorf("%s: %d codes were tried", name, tried)
		}
	}
}

func TestASuccessForgetsTheRefusalsOfItsAccountAndNotOfItsAddress(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "both" })
	who := func(name, addr string) func(int) (string, string) {
		return func(int) (string, string) { return name, addr }
	}
	s.brute(t, accountFree, who("jane", "198.51.100.1"))
	p := s.person(t).from("198.51.100.2")
	if end := p.send(p.open("/"), "uid_field", "jane", "password", "open sesame"); end.body != "hello jane" {
		t.Fatalf("status %d: %s", end.status, end.body)
	}
	if asked := s.brute(t, 2*accountFree, who("jane", "198.51.100.3")); asked != accountFree+1 {
		t.Errorf("after a success %d tries were free", asked)
	}
	s.brute(t, addressFree, func(i int) (string, string) { return fmt.Sprintf("user%d", i), "198.51.100.9" })
	other := s.person(t).from("198.51.100.9")
	if end := other.send(other.open("/"), "uid_field", "joe", "password", "let me in"); end.body != "hello joe" {
		t.Fatalf("status %d: %s", end.status, end.body)
	}
	if asked := s.brute(t, 3, func(i int) (string, string) { return fmt.Sprintf("more%d", i), "198.51.100.9" }); asked != 1 {
		t.Errorf("an account of one's own has bought %d tries on others", asked)
	}
}

func TestRefusalsAreForgottenAfterAQuarterOfAnHour(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "both" })
	jane := func(i int) (string, string) { return "jane", fmt.Sprintf("198.51.100.%d", i) }
	s.brute(t, 2*accountFree, jane)
	s.clock.move(attemptsKept - time.Second)
	if asked := s.brute(t, 2, jane); asked != 1 {
		t.Errorf("%d tries before the time", asked)
	}
	s.clock.move(attemptsKept)
	if asked := s.brute(t, 2*accountFree, jane); asked != accountFree+1 {
		t.Errorf("%d tries after it", asked)
	}
	s.clock.move(attemptsKept)
	s.gate.attempts.sweep()
	if n, m := len(s.gate.attempts.accounts.byKey), len(s.gate.attempts.addresses.byKey); n != 0 || m != 0 {
		t.Errorf("%d accounts and %d addresses are remembered", n, m)
	}
}

func TestAClockThatIsSetLocksNobodyOut(t *testing.T) {
	t.Parallel()
	for _, move := range []time.Duration{time.Hour, -time.Hour} {
		s := stillSite(t, func(c *Config) { c.Flow = "both" })
		jane := func(i int) (string, string) { return "jane", fmt.Sprintf("198.51.100.%d", i) }
		s.brute(t, 2*accountFree, jane)
		s.clock.move(move)
		s.brute(t, 1, jane) // whatever comes of this one
		s.clock.move(longestPause)
		p := s.person(t)
		if end := p.send(p.open("/"), "uid_field", "jane", "password", "open sesame"); end.body != "hello jane" {
			t.Errorf("moved by %v: status %d: %s", move, end.status, end.body)
		}
	}
}

// TestThoseWhoTryAtOnceHaveNoMoreTries sends a hundred answers at one moment.
func TestThoseWhoTryAtOnceHaveNoMoreTries(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "both" })
	s.warm(t)
	var asked atomic.Int64
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			asked.Add(int64(s.brute(t, 1, func(int) (string, string) { return "jane", fmt.Sprintf("198.51.100.%d", i) })))
		})
	}
	all.Wait()
	if n := asked.Load(); n != accountFree+1 {
		t.Errorf("%d of a hundred were tried", n)
	}
}

// TestAnOfficeSignsInAtOnce: those who have done nothing wrong wait for one another, and are not refused.
func TestAnOfficeSignsInAtOnce(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "both" })
	for i := range 3 * addressFree {
		s.authentik.AddUser(authentiktest.User{Username: fmt.Sprintf("user%d", i), Password: "open sesame"})
	}
	var all sync.WaitGroup
	for i := range 3 * addressFree {
		all.Go(func() {
			p := s.person(t)
			if end := p.send(p.open("/"), "uid_field", fmt.Sprintf("user%d", i), "password", "open sesame"); end.body != fmt.Sprintf("hello user%d", i) {
				t.Errorf("status %d: %.200s", end.status, end.body)
			}
		})
	}
	all.Wait()
	if n, m := len(s.gate.attempts.accounts.byKey), len(s.gate.attempts.addresses.byKey); n != 0 || m != 0 {
		t.Errorf("%d accounts and %d addresses are remembered of people who did nothing wrong", n, m)
	}
}

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
		len(said) != 1 || said[0].Code != string(CodeTooManyAttempts) || slow.Visit == "" {
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
	a := newAttempts(time.Now, keyring{[]byte(strings.Repeat("k", minKey))})
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
	other := newAttempts(time.Now, keyring{[]byte(strings.Repeat("o", minKey))})
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
	a := newAttempts(time.Now, keyring{[]byte(strings.Repeat("k", minKey))})
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
