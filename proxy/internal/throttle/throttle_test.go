package throttle

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func derive(kind, name string) Key {
	sum := sha256.Sum256([]byte(kind + "\x00" + name))
	return Key(sum[:len(Key{})])
}

// A bench is a throttle whose clock moves only when it is moved.
type bench struct {
	*Throttle
	t   *testing.T
	mu  sync.Mutex
	now time.Time
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, now: time.Unix(1_800_000_000, 0)}
	b.Throttle = New(Options{Derive: derive, Now: func() time.Time {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.now
	}})
	return b
}

func (b *bench) move(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// guesses makes wrong guesses one after the other, and returns how many passed.
func (b *bench) guesses(n int, who func(i int) (client, account string)) (passed int) {
	b.t.Helper()
	for i := range n {
		client, account := who(i)
		if attempt, pause := b.Begin(b.t.Context(), of(client, account)); pause == 0 {
			passed++
			attempt.Fail("")
			attempt.End()
		}
	}
	return passed
}

// of is an answer with a password; the empty client is not known.
func of(client, account string) Answer {
	answer := Answer{Name: account, Proves: true}
	if client != "" {
		answer.Client = netip.MustParseAddr(client)
	}
	return answer
}

// wants fails unless an answer has to wait for so long.
func (b *bench) wants(answer Answer, want time.Duration) {
	b.t.Helper()
	attempt, pause := b.Begin(b.t.Context(), answer)
	if pause != want || (attempt == nil) != (want > 0) {
		b.t.Errorf("%v: got attempt %v after %v, want it after %v", answer, attempt, pause, want)
	}
	attempt.End()
}

func jane(i int) (client, account string) { return fmt.Sprintf("198.51.100.%d", i), "jane" }

func TestThrottle_PausesGrowToAMinute(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if passed := b.guesses(20, jane); passed != accountFree+1 {
		t.Fatalf("guesses: got %d, want %d", passed, accountFree+1)
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		want *= time.Second
		b.wants(of("", "jane"), want)
		b.move(want - 1)
		b.wants(of("", "jane"), 1)
		b.move(1)
		if passed := b.guesses(2, jane); passed != 1 {
			t.Fatalf("guesses after %v: got %d, want 1", want, passed)
		}
	}
	b.wants(of("", "joe"), 0)
}

func TestThrottle_AnswerThatProvesNothingPasses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.guesses(20, jane)
	attempt, pause := b.Begin(t.Context(), Answer{Name: "jane"})
	if attempt != nil || pause != 0 {
		t.Errorf("got %v, %v, want it to pass", attempt, pause)
	}
	attempt.Fail("jane") // these do nothing
	attempt.Accept("jane")
	attempt.End()
}

func TestThrottle_AddressIsCountedOverAccounts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		from        func(i int) string
		same, other string
	}{
		"IPv4": {func(int) string { return "198.51.100.7" }, "::ffff:198.51.100.7", "198.51.100.8"},
		"IPv6": {func(i int) string { return fmt.Sprintf("2001:db8:1:2:%x::%x", i, i+1) }, "2001:db8:1:2::", "2001:db8:1:3::1"},
		"zone": {func(int) string { return "fe80::1%eth0" }, "fe80::2%eth1", "fe81::1%eth0"},
	} {
		b := newBench(t)
		passed := b.guesses(2*addressFree, func(i int) (string, string) { return tt.from(i), fmt.Sprint("user", i) })
		if passed != addressFree+1 {
			t.Errorf("%s: got %d guesses, want %d", name, passed, addressFree+1)
		}
		b.wants(of(tt.same, "another"), time.Second)
		b.wants(of(tt.other, "another"), 0)
	}
}

// TestThrottle_AccountThatAuthentikNamesCounts: two pages of one session of
// authentik can be used to guess at an account from a page that shows another.
func TestThrottle_AccountThatAuthentikNamesCounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range accountFree + 1 {
		attempt, pause := b.Begin(t.Context(), Answer{Pending: fmt.Sprint("decoy", i), Proves: true})
		if pause > 0 {
			t.Fatalf("guess %d: got a pause of %v, want none", i, pause)
		}
		attempt.Fail("jane")
		attempt.End()
	}
	b.wants(of("", "jane"), time.Second)
}

func TestThrottle_SignInForgetsFailuresOfTheAccountOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	one := func(int) (string, string) { return "198.51.100.7", "jane" }
	b.guesses(accountFree, one)
	b.SignedIn(netip.Addr{}, " JANE")
	if passed := b.guesses(20, one); passed != accountFree+1 {
		t.Errorf("guesses after a sign-in: got %d, want %d", passed, accountFree+1)
	}
	b.SignedIn(netip.Addr{}, "jane")
	b.move(time.Minute)
	b.guesses(addressFree, func(i int) (string, string) { return "198.51.100.7", fmt.Sprint("user", i) })
	b.SignedIn(netip.Addr{}, "jane")
	if _, pause := b.Begin(t.Context(), of("198.51.100.7", "jane")); pause == 0 {
		t.Error("an account of one's own has bought guesses at others: got no pause, want one for the address")
	}
}

func TestThrottle_FailuresAreForgotten(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.guesses(20, jane)
	b.move(countLifetime - 1)
	if passed := b.guesses(2, jane); passed != 1 {
		t.Errorf("guesses before the time: got %d, want 1", passed)
	}
	b.move(countLifetime)
	if passed := b.guesses(20, jane); passed != accountFree+1 {
		t.Errorf("guesses after it: got %d, want %d", passed, accountFree+1)
	}
	b.move(countLifetime)
	b.Sweep()
	if accounts, addresses := b.Len(); accounts != 0 || addresses != 0 {
		t.Errorf("counts: got %d accounts and %d addresses, want none", accounts, addresses)
	}
}

func TestThrottle_ClockThatWasSetBackLocksNoVisitorOut(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.guesses(20, jane)
	b.move(-time.Hour)
	b.wants(of("", "jane"), time.Second)
	b.move(time.Second)
	b.wants(of("", "jane"), 0)
}

func TestThrottle_ConcurrentGuessesAreLimited(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var passed atomic.Int64
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			passed.Add(int64(b.guesses(1, func(int) (string, string) { return jane(i) })))
		})
	}
	all.Wait()
	if got := passed.Load(); got != accountFree+1 {
		t.Errorf("guesses at once: got %d, want %d", got, accountFree+1)
	}
}

func TestThrottle_AnswersWaitForThoseBeforeThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		throttle := New(Options{Derive: derive})
		var right atomic.Int32
		for i := range 3 * addressFree {
			go func() {
				attempt, pause := throttle.Begin(t.Context(), of("198.51.100.7", fmt.Sprint("user", i)))
				if pause > 0 {
					t.Errorf("got a pause of %v, want none for who does nothing wrong", pause)
				}
				time.Sleep(time.Second)
				right.Add(1)
				attempt.End()
			}()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if accounts, addresses := throttle.Len(); accounts != 0 || addresses != 0 || right.Load() != 3*addressFree {
			t.Errorf("got %d accounts and %d addresses after %d answers, want none after all", accounts, addresses, right.Load())
		}
	})
}

func TestThrottle_QueueEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		throttle := New(Options{Derive: derive})
		for range accountFree {
			if _, pause := throttle.Begin(t.Context(), of("", "jane")); pause > 0 {
				t.Fatalf("got a pause of %v, want none", pause)
			}
		}
		begun := time.Now()
		if attempt, pause := throttle.Begin(t.Context(), of("", "jane")); attempt != nil || pause != firstPause || time.Since(begun) != queueTimeout {
			t.Errorf("got %v, %v after %v, want a pause after %v", attempt, pause, time.Since(begun), queueTimeout)
		}
		leaving, leave := context.WithCancel(t.Context())
		leave()
		begun = time.Now()
		if attempt, pause := throttle.Begin(leaving, of("", "jane")); attempt != nil || pause != firstPause || time.Since(begun) != 0 {
			t.Errorf("client that left: got %v, %v after %v, want a pause at once", attempt, pause, time.Since(begun))
		}
		done := make(chan time.Duration)
		go func() {
			_, pause := throttle.Begin(t.Context(), of("", "jane"))
			done <- pause
		}()
		synctest.Wait()
		throttle.SignedIn(netip.Addr{}, "jane")
		if pause := <-done; pause != 0 || throttle.queued != 0 {
			t.Errorf("once the account has signed in: got a pause of %v and a queue of %d, want none", pause, throttle.queued)
		}
	})
}

func TestThrottle_KeysDependOnTheirKind(t *testing.T) {
	t.Parallel()
	kinds := map[string]string{}
	throttle := New(Options{Derive: func(kind, name string) Key { kinds[kind] = name; return Key{} }})
	attempt, _ := throttle.Begin(t.Context(), Answer{Client: office, Name: "Jane", Pending: " ", Proves: true})
	attempt.End()
	if len(kinds) != 2 || kinds["account"] != canonical("jane") || kinds["address"] != "198.51.100.7" {
		t.Errorf("derived: got %q, want one account and one address", kinds)
	}
}
