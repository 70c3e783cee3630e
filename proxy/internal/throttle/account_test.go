package throttle

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fails makes a wrong guess that passes.
func (b *bench) fails(answer Answer, pending string) {
	b.t.Helper()
	attempt, pause := b.Begin(b.t.Context(), answer)
	if pause > 0 {
		b.t.Fatalf("%v: got a pause of %v, want none yet", answer, pause)
	}
	attempt.Fail(pending)
	attempt.End()
}

var (
	office = netip.MustParseAddr("198.51.100.7")
	names  = []string{"jane", "jane@example.com", "jane@ad.example.com"}
)

func TestAlias_FailuresOfAllNamesAddUp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	attempt, _ := b.Begin(t.Context(), of("", " Jane@Example.com"))
	attempt.Accept("jane")
	attempt.End()
	b.Alias("jane@ad.example.com", "JANE")
	b.Alias("jane", "jane")
	b.Alias("", "jane")
	b.Alias("joe", "")
	for i := range accountFree + 1 {
		b.fails(of("", names[i%len(names)]), "")
	}
	for _, name := range names {
		b.wants(of("", name), time.Second)
	}
	b.wants(of("", "joe"), 0)
}

// TestAlias_WrongOneMakesNoGuessEasier: a client that makes the gate conclude that
// the victim's address is a name of the attacker's own account must not be able to
// wipe out the victim's failures with it.
func TestAlias_WrongOneMakesNoGuessEasier(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Alias("jane@example.com", "mallory")
	for range accountFree + 1 {
		b.fails(of("", "jane@example.com"), "")
		b.SignedIn(netip.Addr{}, "mallory")
	}
	b.wants(of("", "jane@example.com"), time.Second)
}

func TestAlias_IsForgottenAfterADay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Alias("jane@example.com", "jane")
	b.move(nameLifetime)
	b.Sweep()
	for range accountFree + 1 {
		b.fails(of("", "jane@example.com"), "")
	}
	b.wants(of("", "jane"), 0)
}

func TestSession_OldPagesCountForItsAccounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	guess := func(i int, page string) Answer {
		return Answer{Client: netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), Pending: page, Session: "cookie", Proves: true}
	}
	b.Remember("cookie", "jane")
	for i := range accountFree + 1 {
		b.fails(guess(i, []string{"", "decoy"}[i%2]), "") // and authentik's reply names no user
	}
	b.wants(guess(50, ""), time.Second)
	b.wants(guess(50, "decoy"), time.Second)
	b.wants(of("", "jane"), time.Second)
	b.Remember("cookie", "joe")
	b.wants(guess(50, ""), time.Second) // both count, or two requests at once could switch them
	other := guess(50, "")
	other.Session = "another"
	b.wants(other, 0)
	b.move(sessionLifetime)
	b.wants(guess(50, ""), 0)
}

func TestSession_RemembersTheLatestAccounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Remember("", "jane")
	b.Remember("cookie", "")
	if got := b.named("cookie"); len(got) != 0 {
		t.Errorf("accounts of nothing: got %d, want none", len(got))
	}
	var all sync.WaitGroup
	for i := range 3 * maxAccounts {
		all.Go(func() { b.Remember("cookie", fmt.Sprint("user", i)) })
	}
	all.Wait()
	b.Remember("cookie", "jane")
	b.Remember("cookie", "joe")
	b.Remember("cookie", "jane")
	got := b.named("cookie")
	if len(got) != maxAccounts || got[maxAccounts-1] != b.keysOf("jane")[0] || got[maxAccounts-2] != b.keysOf("joe")[0] {
		t.Errorf("accounts: got %d, want %d with the latest last", len(got), maxAccounts)
	}
}

func TestKnown_IsBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range maxKnown + 100 {
		b.Alias(fmt.Sprint("name", i), fmt.Sprint("user", i))
		b.Remember(fmt.Sprint("session", i), "jane")
	}
	for what, got := range map[string]int{"names": b.known.canonical.Len(), "sessions": b.known.sessions.Len()} {
		if got > maxKnown {
			t.Errorf("%s: got %d, want at most %d", what, got, maxKnown)
		}
	}
}

func TestName_NoAccountCanHaveIsNotKept(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fails(of("198.51.100.7", strings.Repeat("x", maxName+1)), "")
	if accounts, addresses := b.Len(); accounts != 0 || addresses != 1 {
		t.Errorf("got %d accounts and %d addresses, want none and 1", accounts, addresses)
	}
	b.fails(of("", strings.Repeat(" ", 8<<20)+"jane"+strings.Repeat("\t", maxName)), "")
	if got := b.accounts.failures(b.now, b.keysOf("jane")[0]); got != 1 {
		t.Errorf("failures of a name within blanks: got %d, want 1", got)
	}
}

// TestOffice_MendedTyposCountNoLonger has two hundred people sign in from one
// address. Each tenth mistypes once and gets it right a moment later.
func TestOffice_MendedTyposCountNoLonger(t *testing.T) {
	t.Parallel()
	for name, typed := range map[string]func(i int) string{
		"by username": func(i int) string { return fmt.Sprint("user", i) },
		"by e-mail":   func(i int) string { return fmt.Sprintf("User%d@example.com", i) },
	} {
		synctest.Test(t, func(t *testing.T) {
			throttle := New(Options{Derive: derive})
			signIn := func(i int, right bool) {
				attempt, pause := throttle.Begin(t.Context(), Answer{Client: office, Name: typed(i), Proves: true})
				if pause > 0 {
					t.Errorf("%s: user %d: got a pause of %v, want none", name, i, pause)
					return
				}
				time.Sleep(300 * time.Millisecond)
				if right {
					throttle.SignedIn(office, fmt.Sprint("user", i), fmt.Sprintf("user%d@example.com", i))
				} else {
					attempt.Fail("")
				}
				attempt.End()
			}
			for i := range 200 {
				go func() {
					time.Sleep(time.Duration(i) * 150 * time.Millisecond) // all within half a minute
					if i%10 == 0 {
						signIn(i, false)
						time.Sleep(10 * time.Second)
					}
					signIn(i, true)
				}()
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			if got := throttle.addresses.failures(time.Now(), throttle.addressOf(office)[0]); got != 0 {
				t.Errorf("%s: failures of the address: got %d, want none", name, got)
			}
		})
	}
}

func TestOffice_SprayOverAccountsStillCounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	passed := 0
	for i := range 10 * addressFree {
		passed += b.guesses(1, func(int) (string, string) { return office.String(), fmt.Sprint("user", i) })
		b.SignedIn(office, "mallory")
		b.SignedIn(netip.MustParseAddr("203.0.113.1"), fmt.Sprint("user", i)) // from elsewhere
	}
	if passed != addressFree+1 {
		t.Errorf("guesses: got %d, want %d", passed, addressFree+1)
	}
}

// TestOffice_FailureThatMayBeOfTwoAccountsIsForgivenByNeither: an attacker's own
// name in the answer, beside the victim's question, would make guesses at the
// victim cheap.
func TestOffice_FailureThatMayBeOfTwoAccountsIsForgivenByNeither(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]Answer{
		"in the answer":  {Client: office, Name: "mallory", Pending: "jane", Proves: true},
		"in the session": {Client: office, Name: "mallory", Session: "cookie", Proves: true},
		"in the reply":   {Client: office, Name: "mallory", Proves: true},
		"as an alias":    {Client: office, Name: "jane@example.com", Proves: true},
	} {
		b := newBench(t)
		b.Remember("cookie", "jane")
		b.Alias("jane@example.com", "mallory")
		reply := map[string]string{"in the reply": "jane"}[name]
		for range 3 {
			b.fails(answer, reply)
			b.SignedIn(office, "mallory", "mallory@example.com")
		}
		if got := b.addresses.failures(b.now, b.addressOf(office)[0]); got != 3 {
			t.Errorf("%s: failures of the address: got %d, want 3", name, got)
		}
	}
}
