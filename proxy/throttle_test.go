package proxy

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/throttle"
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

// patient flows never end in a refusal by authentik itself.
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
		t.Fatalf("got Retry-After %q, want a number of seconds", s.header.Get("Retry-After"))
	}
	s.says(t, fmt.Sprintf("Please try again in %d s.", seconds))
	return true
}

func TestThrottle_PasswordCannotBeGuessedAtWill(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "patient" }, patient("patient"))
	p := s.person(t)
	page := p.send(p.open("/"), "uid_field", "jane")
	for i := range accountFree + 1 {
		page = p.send(page, "password", "wrong")
		if page.isSlow(t) {
			t.Fatalf("got a pause after %d tries, want none yet", i)
		}
	}
	var pauses []string
	for range 8 {
		asked := s.authentik.Requests()
		page = p.send(page, "password", "open sesame") // the right one waits as well
		if !page.isSlow(t) {
			t.Fatalf("got status %d: %s", page.status, page.body)
		}
		page.says(t, `name="password"`)
		page.lacks(t, "open sesame")
		page.lacks(t, "Invalid password")
		if n := s.authentik.Requests(); n != asked {
			t.Fatalf("got %d requests to authentik", n-asked)
		}
		pauses = append(pauses, page.header.Get("Retry-After"))
		wait, err := time.ParseDuration(page.header.Get("Retry-After") + "s")
		if err != nil {
			t.Fatal(err)
		}
		s.clock.move(wait - time.Millisecond)
		if page = p.send(page, "password", "wrong"); !page.isSlow(t) {
			t.Fatal("got no pause any more, want it to last")
		}
		s.clock.move(time.Millisecond)
		if page = p.send(page, "password", "wrong"); page.isSlow(t) {
			t.Fatal("got a pause that does not end, want it over")
		}
	}
	if got := strings.Join(pauses, " "); got != "1 2 4 8 16 32 60 60" {
		t.Errorf("got pauses of %s seconds, want 1 2 4 8 16 32 60 60", got)
	}
	s.clock.move(time.Minute)
	if page = p.send(page, "password", "open sesame"); page.body != "hello jane" {
		t.Errorf("the right password after the pause: got status %d, want it accepted: %s", page.status, page.body)
	}
}

// brute tries passwords, each in a separate visit, and returns how many authentik was asked about.
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

func TestThrottle_NewVisitsAndOtherSpellingsCount(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "both" })
	spellings := []string{"jane", "JANE", "Jane", "jan\u0065", "JaNe"}
	asked := s.brute(t, 4*accountFree, func(i int) (string, string) { return spellings[i%len(spellings)], fmt.Sprintf("198.51.100.%d", i) })
	if asked != accountFree+1 {
		t.Errorf("got %d requests about one account from many addresses, want %d", asked, accountFree+1)
	}
	if asked := s.brute(t, 1, func(int) (string, string) { return "joe", "198.51.100.200" }); asked != 1 {
		t.Error("got a pause for another account from another address, want none")
	}
}

func TestThrottle_ManyAccountsFromOneAddressCount(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "both" })
	asked := s.brute(t, 2*addressFree, func(i int) (string, string) { return fmt.Sprintf("user%d", i), "198.51.100.7" })
	if asked != addressFree+1 {
		t.Errorf("got %d requests to authentik, want %d", asked, addressFree+1)
	}
	if asked := s.brute(t, 1, func(int) (string, string) { return "another", "::ffff:198.51.100.7" }); asked != 0 {
		t.Error("got the same address counted twice when it is written in IPv6, want it counted once")
	}
	if asked := s.brute(t, 1, func(int) (string, string) { return "another", "198.51.100.8" }); asked != 1 {
		t.Error("got a pause for another address, want none")
	}
}

func TestThrottle_PrefixOfIPv6CountsAsOneAddress(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "both" })
	asked := s.brute(t, 2*addressFree, func(i int) (string, string) {
		return fmt.Sprintf("user%d", i), fmt.Sprintf("2001:db8:1:2:%x::%x", i, i+1)
	})
	if asked != addressFree+1 {
		t.Errorf("got %d requests to authentik, want %d", asked, addressFree+1)
	}
	if asked := s.brute(t, 1, func(int) (string, string) { return "another", "2001:db8:1:3::1" }); asked != 1 {
		t.Error("got a pause for another prefix, want none")
	}
}

func TestThrottle_HeadersAndCookiesOfAClientChangeNothing(t *testing.T) {
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
		t.Errorf("got %d requests to authentik, want %d", asked, addressFree+1)
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

// TestThrottle_SecondFactorCannotBeGuessedByBeginningAgain: an attacker who knows a password has as few tries
// for the rest, however often they begin anew (CVE-2024-21500).
func TestThrottle_SecondFactorCannotBeGuessedByBeginningAgain(t *testing.T) {
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
				t.Fatalf("%s: got status %d: %s", name, page.status, page.body)
			}
			if page = p.send(page, "code", fmt.Sprintf("wrong%d", i)); !page.isSlow(t) {
				tried++
			}
		}
		if tried != accountFree+1 {
			t.Errorf("%s: got %d codes tried, want %d", name, tried, accountFree+1)
		}
	}
}

func TestThrottle_SignInForgetsFailuresOfItsAccountAndNotOfItsAddress(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "both" })
	who := func(name, addr string) func(int) (string, string) {
		return func(int) (string, string) { return name, addr }
	}
	s.brute(t, accountFree, who("jane", "198.51.100.1"))
	p := s.person(t).from("198.51.100.2")
	if end := p.send(p.open("/"), "uid_field", "jane", "password", "open sesame"); end.body != "hello jane" {
		t.Fatalf("got status %d: %s", end.status, end.body)
	}
	if asked := s.brute(t, 2*accountFree, who("jane", "198.51.100.3")); asked != accountFree+1 {
		t.Errorf("got %d free tries after a success, want as many as at first", asked)
	}
	s.brute(t, addressFree, func(i int) (string, string) { return fmt.Sprintf("user%d", i), "198.51.100.9" })
	other := s.person(t).from("198.51.100.9")
	if end := other.send(other.open("/"), "uid_field", "joe", "password", "let me in"); end.body != "hello joe" {
		t.Fatalf("got status %d: %s", end.status, end.body)
	}
	if asked := s.brute(t, 3, func(i int) (string, string) { return fmt.Sprintf("more%d", i), "198.51.100.9" }); asked != 1 {
		t.Errorf("got %d tries on others by an account of one's own, want no more than without it", asked)
	}
}

func TestThrottle_FailuresAreForgottenAfterAQuarterOfAnHour(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "both" })
	jane := func(i int) (string, string) { return "jane", fmt.Sprintf("198.51.100.%d", i) }
	s.brute(t, 2*accountFree, jane)
	s.clock.move((15 * time.Minute) - time.Second)
	if asked := s.brute(t, 2, jane); asked != 1 {
		t.Errorf("got %d tries before the time, want 1", asked)
	}
	s.clock.move((15 * time.Minute))
	if asked := s.brute(t, 2*accountFree, jane); asked != accountFree+1 {
		t.Errorf("got %d tries after it, want %d", asked, accountFree+1)
	}
	s.clock.move((15 * time.Minute))
	s.gate.member.SignIn.Throttle.Sweep()
	if n, m := s.gate.member.SignIn.Throttle.Len(); n != 0 || m != 0 {
		t.Errorf("got %d accounts and %d addresses remembered, want none", n, m)
	}
}

func TestThrottle_ClockThatIsSetLocksNoVisitorOut(t *testing.T) {
	t.Parallel()
	for _, move := range []time.Duration{time.Hour, -time.Hour} {
		s := stillSite(t, func(c *Config) { c.Flow = "both" })
		jane := func(i int) (string, string) { return "jane", fmt.Sprintf("198.51.100.%d", i) }
		s.brute(t, 2*accountFree, jane)
		s.clock.move(move)
		s.brute(t, 1, jane) // with any result
		s.clock.move(time.Minute)
		p := s.person(t)
		if end := p.send(p.open("/"), "uid_field", "jane", "password", "open sesame"); end.body != "hello jane" {
			t.Errorf("clock moved by %v: got status %d, want the user signed in: %s", move, end.status, end.body)
		}
	}
}

// TestThrottle_ConcurrentGuessesAreLimited sends a hundred answers at one moment.
func TestThrottle_ConcurrentGuessesAreLimited(t *testing.T) {
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
		t.Errorf("got %d of a hundred tried, want %d", n, accountFree+1)
	}
}

// TestThrottle_OfficeSignsInAtOnce: those who have done nothing wrong wait for
// one another, and are not refused. Here they wait for as long as a busy machine
// needs.
func TestThrottle_OfficeSignsInAtOnce(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "both" })
	s.gate.member.SignIn.Throttle = throttle.New(throttle.Options{Wait: testsite.Timeout, Derive: func(kind, name string) (k throttle.Key) {
		h := sha256.Sum256([]byte(kind + " " + name))
		copy(k[:], h[:])
		return k
	}})
	for i := range 3 * addressFree {
		s.authentik.AddUser(authentiktest.User{Username: fmt.Sprintf("user%d", i), Password: "open sesame"})
	}
	var all sync.WaitGroup
	for i := range 3 * addressFree {
		all.Go(func() {
			p := s.person(t)
			if end := p.send(p.open("/"), "uid_field", fmt.Sprintf("user%d", i), "password", "open sesame"); end.body != fmt.Sprintf("hello user%d", i) {
				t.Errorf("got status %d: %.200s", end.status, end.body)
			}
		})
	}
	all.Wait()
	if n, m := s.gate.member.SignIn.Throttle.Len(); n != 0 || m != 0 {
		t.Errorf("got %d accounts and %d addresses remembered of people who did nothing wrong, want none", n, m)
	}
}

// TestThrottle_OldPageOfASessionIsHeldBack has an attacker begin a visit in a
// victim's name, and then answer its first page, which names no user, with
// passwords: authentik checks them as answers to the question that it is at.
func TestThrottle_OldPageOfASessionIsHeldBack(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "patient" }, patient("patient"))
	begun := func(addr string) (p program, first jsonAnswer) {
		p = s.program(t)
		p.from(addr)
		first = p.ask("/.authentik/login")
		p.answer(first, `{"uid_field":"jane"}`).asks(asksPassword)
		return p, first
	}
	old, first := begun("198.51.100.1")
	s.clock.move(time.Minute) // until then the page gets the result of its first answer
	for i := range 2 * accountFree {
		p := s.person(t).from(fmt.Sprintf("198.51.100.%d", 10+i))
		p.send(p.send(p.open("/"), "uid_field", "jane"), "password", "wrong")
	}
	old.from("198.51.100.2")
	asked := s.authentik.Requests()
	if got := old.answer(first, `{"uid_field":"joe"}`); got.status != http.StatusTooManyRequests {
		t.Errorf("an answer on an old page: got status %d, want it held back", got.status)
	}
	if got := s.authentik.Requests() - asked; got != 0 {
		t.Errorf("requests to authentik: got %d, want none", got)
	}
}

// eitherName is a page with name and password, on which users are known by their
// e-mail address, too.
func eitherName() authentiktest.Flow {
	return authentiktest.Flow{Slug: "either", Title: "Either", Bindings: []authentiktest.Binding{
		{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username", "email"}, Password: &authentiktest.PasswordStage{}}},
		{Stage: &authentiktest.UserLoginStage{}},
	}}
}

func TestThrottle_NamesOfOneAccountCountTogether(t *testing.T) {
	t.Parallel()
	for _, flow := range []string{"either", "patient"} {
		s := stillSite(t, func(c *Config) { c.Flow = flow }, eitherName(), patient("patient"))
		names := []string{"jane@example.com", "jane"}
		guess := func(i int, password string) screen {
			p := s.person(t).from(fmt.Sprintf("198.51.100.%d", i))
			if flow == "either" {
				return p.send(p.open("/"), "uid_field", names[i%len(names)], "password", password)
			}
			page := p.send(p.open("/"), "uid_field", names[i%len(names)])
			if page.isSlow(t) {
				return page
			}
			return p.send(page, "password", password)
		}
		if end := guess(0, "open sesame"); end.body != "hello jane" { // by the e-mail address
			t.Fatalf("%s: got status %d: %s", flow, end.status, end.body)
		}
		tried := 0
		for i := range 4 * accountFree {
			if !guess(i, "wrong").isSlow(t) {
				tried++
			}
		}
		if tried != accountFree+1 {
			t.Errorf("%s: got %d guesses by two names, want %d", flow, tried, accountFree+1)
		}
	}
}

// TestThrottle_MendedTypoDoesNotCountAgainstTheAddress has people mistype their
// password, and then get it right, behind one address.
func TestThrottle_MendedTypoDoesNotCountAgainstTheAddress(t *testing.T) {
	t.Parallel()
	s := stillSite(t, func(c *Config) { c.Flow = "either" }, eitherName())
	for i := range 3 * addressFree {
		user := authentiktest.User{Username: fmt.Sprintf("user%d", i), Email: fmt.Sprintf("user%d@example.com", i), Password: "open sesame"}
		s.authentik.AddUser(user)
		p := s.person(t).from("198.51.100.7")
		name := []string{user.Username, user.Email}[i%2]
		page := p.send(p.open("/"), "uid_field", name, "password", "wrong")
		if page.isSlow(t) {
			t.Fatalf("user %d: got a pause, want none", i)
		}
		if end := p.send(page, "uid_field", name, "password", "open sesame"); end.body != "hello "+user.Username {
			t.Fatalf("user %d: got status %d, want the user signed in: %.200s", i, end.status, end.body)
		}
	}
	spray := func(i int) (string, string) { return fmt.Sprintf("other%d", i), "198.51.100.7" }
	if asked := s.brute(t, 2*addressFree, spray); asked != addressFree+1 {
		t.Errorf("a spray over accounts: got %d guesses, want %d", asked, addressFree+1)
	}
}
