// Package throttle counts the answers that authentik has refused, and makes
// clients that keep guessing wait before authentik is asked again. It knows
// names of accounts and addresses of clients, but no visits, challenges or
// gates: the caller says whether an answer could be guessed, and whether
// authentik has refused it.
//
// Failures are counted per account, so that neither a new visit, nor another
// factor, nor another address resets the count. They are also counted per
// address, so that one password tried on many accounts is counted as well.
//
// A limit per account can also be misused: a client that keeps failing under a
// user's name makes that user wait. So there is no lockout. A pause ends within
// a minute, answers during it do not prolong it, and the first right answer
// after it is accepted. An attacker who never stops can be first after each
// pause, so that the user may need many tries. For that the attacker needs new
// addresses all the time, since addresses are throttled as well.
//
// Counts belong to one process and end with it.
//
//   - throttle.go: an answer's way through
//   - counter.go: failures and pauses by key
//   - account.go: which accounts an answer may be for
//   - name.go: when two names belong to one account
package throttle

import (
	"cmp"
	"context"
	"net/netip"
	"sync"
	"time"
)

const (
	// accountFree is how many failures of an account have no consequence. Users
	// mistype a password two or three times, and authentik's own limit is five.
	accountFree = 5
	// addressFree is the same number for an address, which a whole office may
	// share.
	addressFree = 20
	// firstPause doubles with every further failure, up to longestPause. Then
	// 1440 guesses a day are possible, instead of millions: few enough for a
	// code of six digits. A user who is throttled because of another client's
	// guesses waits a minute.
	firstPause   = time.Second
	longestPause = time.Minute
	// countLifetime is how long failures count after the last one.
	countLifetime = 15 * time.Minute
	// maxCounts is the maximum number of counted accounts, and of counted
	// addresses. Each takes some two hundred bytes.
	maxCounts = 50_000
	// queueTimeout is the default of [Options.Wait], and maxQueue the maximum
	// number of answers that wait at the same time.
	queueTimeout = 5 * time.Second
	maxQueue     = 1000
)

// A Key identifies an account or an address.
type Key [16]byte

// Options configure a throttle. Derive is required.
type Options struct {
	// Derive makes the key of a name. It should need a secret, so that the memory of
	// the process contains no names. Different kinds have different keys.
	Derive func(kind, name string) Key
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Wait is how long an answer waits for earlier ones. Default: 5 seconds.
	Wait time.Duration
}

// A Throttle counts failures. It is safe for concurrent use.
type Throttle struct {
	options Options

	mu        sync.Mutex
	accounts  counter
	addresses counter
	pairs     counter // failures of an account at an address: a sign-in there forgives them
	queued    int

	known known
}

// New makes a throttle without failures.
func New(o Options) *Throttle {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Wait = cmp.Or(o.Wait, queueTimeout)
	return &Throttle{
		options: o, known: newKnown(o.Now),
		accounts: newCounter(accountFree), addresses: newCounter(addressFree), pairs: newCounter(0),
	}
}

// An Answer is what the throttle has to know about an answer to authentik.
type Answer struct {
	// Client is the visitor's address. The zero Addr is not counted.
	Client netip.Addr
	// Name is the name of an account in the answer, and Pending the account that
	// authentik's challenge was about. Either may be empty.
	Name, Pending string
	// Session identifies authentik's session, for example by its cookie. The
	// accounts that were passed to Remember count as well. It may be empty.
	Session string
	// Proves says that a right answer proves something, as a password does, and
	// that it could therefore be guessed.
	Proves bool
}

// An Attempt is an answer on its way to authentik. Until it has ended it counts
// as failed, so that no more concurrent guesses pass than consecutive ones
// would. The methods of a nil Attempt do nothing.
type Attempt struct {
	of       *Throttle
	name     string
	names    []Key // all accounts that the answer may be for, by the names that were given
	accounts []Key // these, and the accounts to which these names are known to belong
	address  []Key // the client's address, or empty if it is not known
}

// Begin lets an answer pass and returns its Attempt, or returns how long the
// client has to wait and no Attempt. An answer that proves nothing always
// passes, without an Attempt.
//
// If the earlier attempts would use up the free failures, should they all fail,
// Begin waits for them for some seconds: users who sign in from one office at
// the same time have done nothing wrong.
func (t *Throttle) Begin(ctx context.Context, answer Answer) (*Attempt, time.Duration) {
	if !answer.Proves {
		return nil, 0
	}
	a := &Attempt{of: t, name: answer.Name, address: t.addressOf(answer.Client)}
	a.names = union(t.keysOf(answer.Name, answer.Pending), t.named(answer.Session)...)
	a.accounts = t.known.withCanonical(a.names)
	timeout := time.NewTimer(t.options.Wait)
	defer timeout.Stop()
	for {
		pause, before := t.enter(a)
		switch {
		case pause > 0:
			return nil, pause
		case before == nil:
			return a, 0
		}
		select {
		case <-before:
			t.leaveQueue()
		case <-timeout.C:
			t.leaveQueue()
			return nil, firstPause
		case <-ctx.Done():
			t.leaveQueue()
			return nil, firstPause
		}
	}
}

// enter lets an attempt pass. Otherwise it returns its pause, or a channel that
// is closed when an earlier attempt has ended.
func (t *Throttle) enter(a *Attempt) (pause time.Duration, before <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.options.Now()
	if pause := max(t.accounts.pause(now, a.accounts), t.addresses.pause(now, a.address)); pause > 0 {
		return pause, nil
	}
	if full := cmp.Or(t.accounts.full(now, a.accounts), t.addresses.full(now, a.address)); full != nil {
		if t.queued >= maxQueue {
			return firstPause, nil
		}
		t.queued++
		return 0, full.ended
	}
	t.accounts.begin(now, a.accounts)
	t.addresses.begin(now, a.address)
	return 0, nil
}

func (t *Throttle) leaveQueue() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queued--
}

// addressOf returns the key of an address, or nothing if the address is not
// known.
func (t *Throttle) addressOf(client netip.Addr) []Key {
	if !client.IsValid() {
		return nil
	}
	return []Key{t.options.Derive("address", network(client))}
}

// network returns the addresses that count as one. A household or a machine has
// a whole /64 of IPv6.
func network(client netip.Addr) string {
	client = client.Unmap().WithZone("")
	if client.Is4() {
		return client.String()
	}
	prefix, _ := client.Prefix(64) // every address of IPv6 has one
	return prefix.String()
}

// Fail counts a failed attempt. It counts for the accounts with which it began
// and for the one that authentik now names: the challenge that was answered
// need not be the one on the browser's page.
func (a *Attempt) Fail(pending string) {
	if a == nil {
		return
	}
	t := a.of
	names := union(a.names, t.keysOf(pending)...)
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.options.Now()
	for _, key := range union(a.accounts, t.known.withCanonical(names)...) {
		t.accounts.fail(now, key)
	}
	for _, address := range a.address {
		t.addresses.fail(now, address)
		if len(names) == 1 { // otherwise an attacker could add an own account beside the victim's
			t.pairs.fail(now, t.pair(address, names[0]))
		}
	}
}

// Accept notes that authentik has accepted the answer and continues with an
// account. The name in the answer is then one of that account's names.
func (a *Attempt) Accept(username string) {
	if a != nil {
		a.of.Alias(a.name, username)
	}
}

// End ends the attempt. An attempt that has not failed before does not count.
// Every Attempt must end, once.
func (a *Attempt) End() {
	if a == nil {
		return
	}
	a.of.mu.Lock()
	defer a.of.mu.Unlock()
	a.of.accounts.end(a.accounts)
	a.of.addresses.end(a.address)
}

// SignedIn forgives the failures of an account, by the name that authentik
// gives it after a sign-in. A right password before a second factor is not a
// sign-in yet, and a user may be able to set another user's e-mail address as
// their own.
//
// Failures of the client's address stay: otherwise an attacker with an account
// could reset them after guesses at other accounts. Only the failures of this
// very account are forgiven there, since in a large office some users mistype
// at any time, and then succeed. others are the account's other names that
// authentik has confirmed, such as its e-mail address; an Alias is not enough
// for that.
func (t *Throttle) SignedIn(client netip.Addr, username string, others ...string) {
	accounts, names, address := t.keysOf(username), t.keysOf(append([]string{username}, others...)...), t.addressOf(client)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, account := range accounts {
		t.accounts.forget(account)
	}
	now := t.options.Now()
	for _, address := range address {
		for _, name := range names {
			pair := t.pair(address, name)
			t.addresses.forgive(now, address, t.pairs.failures(now, pair))
			t.pairs.forget(pair)
		}
	}
}

// pair is the key of an account at an address.
func (t *Throttle) pair(address, account Key) Key {
	return t.options.Derive("pair", string(address[:])+string(account[:]))
}

// Sweep drops expired counts.
func (t *Throttle) Sweep() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.options.Now()
	t.accounts.sweep(now)
	t.addresses.sweep(now)
	t.pairs.sweep(now)
	t.known.sweep()
}

// Len returns how many accounts and addresses are counted.
func (t *Throttle) Len() (accounts, addresses int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.accounts.byKey), len(t.addresses.byKey)
}
