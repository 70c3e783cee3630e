package proxy

import (
	"cmp"
	"container/list"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

const (
	// accountFree is how many refusals an account has free: people mistype a password
	// twice or three times, and authentik itself turns them away at the fifth.
	accountFree = 5
	// addressFree is the same for an address, behind which there may be a whole office.
	addressFree = 20
	// firstPause doubles with every further refusal up to longestPause. At that, 1440 tries a
	// day remain of what would be millions: a code of six digits outlives the attacker's
	// patience. Whoever is kept out by somebody else's tries waits a minute.
	firstPause   = time.Second
	longestPause = time.Minute
	// attemptsKept is how long refusals count after the last one.
	attemptsKept = 15 * time.Minute
	// attemptsBound is how many accounts, and how many addresses, are kept count of. Each takes
	// some two hundred bytes.
	attemptsBound = 50_000
	// lineFor is how long a try waits for those before it, and lineBound how many wait at once.
	lineFor   = 5 * time.Second
	lineBound = 1000
)

// attempts count what authentik has refused, and have whoever goes on trying wait before it is
// asked again. They are counted per account, so that neither a new visit, nor another factor, nor
// another address begins anew, and per address, so that trying one password on many
// accounts does not either.
//
// A limit per account is a weapon, too: whoever keeps failing in somebody's name
// has that person wait. So nothing is ever locked: a pause has an end within a minute, tries during
// it do not prolong it, and the first right answer after it goes through. An attacker who never
// stops can be first after each pause and so make a victim try for long, and has to use
// an ever new address for it, since their own is made to wait as well.
//
// They are a process's own and are forgotten when it ends.
type attempts struct {
	now  func() time.Time
	keys seal.Key

	mu        sync.Mutex
	accounts  tally
	addresses tally
	waiting   int // those who stand in line
}

func newAttempts(now func() time.Time, keys seal.Key) *attempts {
	return &attempts{now: now, keys: keys, accounts: newTally(accountFree), addresses: newTally(addressFree)}
}

// An attemptKey is a hash made with the gate's key: what is kept names nobody.
type attemptKey [16]byte

func (a *attempts) key(kind, name string) attemptKey {
	return attemptKey(a.keys.Derive([]byte(name), "v1\x00attempts\x00"+kind, len(attemptKey{})))
}

// A try is an answer on its way to authentik. It counts as refused until more is known, so that
// of many who try at once no more get through than of as many who try in turn.
type try struct {
	of       *attempts
	accounts []attemptKey
	address  []attemptKey // one, or none where it is not known
}

// try lets an answer pass, or returns how long to wait. An answer that proves nothing always passes.
// Where the tries before it have yet to land it stands in line for a moment: people who sign in
// from one office at once have done nothing wrong.
func (a *attempts) try(from netip.Addr, vis visit, answer flowclient.Answer) (*try, time.Duration) {
	if !proves(answer) {
		return nil, 0
	}
	t := &try{of: a, accounts: a.named(typedName(answer), vis.Step.Challenge.Common().PendingUser)}
	if from.IsValid() {
		t.address = append(t.address, a.key("address", network(from)))
	}
	patience := time.NewTimer(lineFor)
	defer patience.Stop()
	for {
		wait, before := a.board(t)
		if before == nil {
			return t, wait
		}
		select {
		case <-before:
			a.leaveLine()
		case <-patience.C:
			a.leaveLine()
			return t, firstPause
		}
	}
}

// board lets a try go, or says how long it is to wait, or which try has to land before.
func (a *attempts) board(t *try) (wait time.Duration, before <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if wait := max(a.accounts.wait(now, t.accounts), a.addresses.wait(now, t.address)); wait > 0 {
		return wait, nil
	}
	if ahead := cmp.Or(a.accounts.ahead(now, t.accounts), a.addresses.ahead(now, t.address)); ahead != nil {
		if a.waiting >= lineBound {
			return firstPause, nil
		}
		a.waiting++
		return 0, ahead.landed
	}
	a.accounts.board(now, t.accounts)
	a.addresses.board(now, t.address)
	return 0, nil
}

func (a *attempts) leaveLine() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting--
}

// named returns the keys of accounts by their names.
func (a *attempts) named(names ...string) []attemptKey {
	var keys []attemptKey
	for _, name := range names {
		if name = canonical(name); name == "" {
			continue
		}
		if key := a.key("account", name); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// network is what counts as one address. A household or a machine has a whole /64 of IPv6 for itself.
func network(from netip.Addr) string {
	from = from.Unmap().WithZone("")
	if from.Is4() {
		return from.String()
	}
	prefix, _ := from.Prefix(64) // an address of IPv6 has one
	return prefix.String()
}

// refused counts the try, also for the account that authentik says it was about: that need not be the one whose
// question was shown.
func (t *try) refused(pending string) {
	if t == nil {
		return
	}
	about := slices.Clone(t.accounts)
	for _, key := range t.of.named(pending) {
		if !slices.Contains(about, key) {
			about = append(about, key)
		}
	}
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	now := t.of.now()
	for _, key := range about {
		t.of.accounts.refuse(now, key)
	}
	for _, key := range t.address {
		t.of.addresses.refuse(now, key)
	}
}

// land ends a try. What was not refused by then has done no harm.
func (t *try) land() {
	if t == nil {
		return
	}
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	t.of.accounts.land(t.accounts)
	t.of.addresses.land(t.address)
}

// succeed forgets the refusals of an account that has signed in, by the name that authentik gives it:
// a password that was right before a second factor is no success yet, and whoever has
// one account can give themselves another's address. Refusals of the address stay,
// or an account of one's own would pay for tries on others.
func (a *attempts) succeed(username string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, key := range a.named(username) {
		a.accounts.forget(key)
	}
}

// sweep forgets what does not count any more.
func (a *attempts) sweep() {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	a.accounts.sweep(now)
	a.addresses.sweep(now)
}

// A tally counts refusals by key. The one that is longest without a refusal goes first when there
// are too many: who goes on trying stays.
type tally struct {
	free  int
	byKey map[attemptKey]*list.Element // of *score
	order *list.List                   // the latest refusal last
}

// A score is what one key has to its name.
type score struct {
	key      attemptKey
	refusals int
	going    int           // tries on their way
	landed   chan struct{} // closed when the next of them has landed
	last     time.Time
}

func newTally(free int) tally {
	return tally{free: free, byKey: map[attemptKey]*list.Element{}, order: list.New()}
}

// of returns the score of a key as it is by now; nil where there is none.
func (t tally) of(now time.Time, key attemptKey) *score {
	element, ok := t.byKey[key]
	if !ok {
		return nil
	}
	s, _ := element.Value.(*score)
	switch age := now.Sub(s.last); {
	case age < 0: // the clock was set back: what is left of a pause begins once more
		s.last = now
	case age >= attemptsKept:
		s.refusals = 0
	}
	return s
}

// wait is how long the first of the keys is to wait that has to wait longest.
func (t tally) wait(now time.Time, keys []attemptKey) (longest time.Duration) {
	for _, key := range keys {
		s := t.of(now, key)
		if s == nil {
			continue
		}
		longest = max(longest, t.pause(s.refusals)-now.Sub(s.last))
	}
	return longest
}

// ahead returns a score whose tries on their way may be all that it has free.
func (t tally) ahead(now time.Time, keys []attemptKey) *score {
	for _, key := range keys {
		if s := t.of(now, key); s != nil && s.going > 0 && s.refusals+s.going >= t.free {
			return s
		}
	}
	return nil
}

// pause is how long nothing is tried after so many refusals.
func (t tally) pause(refusals int) time.Duration {
	if refusals <= t.free {
		return 0
	}
	pause := firstPause
	for range min(refusals-t.free-1, 16) {
		pause = min(2*pause, longestPause)
	}
	return pause
}

// board takes down that a try is on its way.
func (t tally) board(now time.Time, keys []attemptKey) {
	for _, key := range keys {
		t.score(now, key).going++
	}
}

func (t tally) refuse(now time.Time, key attemptKey) {
	s := t.score(now, key)
	s.refusals++
	s.last = now
	t.order.MoveToBack(t.byKey[key])
}

func (t tally) land(keys []attemptKey) {
	for _, key := range keys {
		element, ok := t.byKey[key]
		if !ok {
			continue
		}
		s, _ := element.Value.(*score)
		close(s.landed)
		s.landed = make(chan struct{})
		if s.going = max(s.going-1, 0); s.going == 0 && s.refusals == 0 {
			t.forget(key)
		}
	}
}

// score returns the score of a key, which may be a new one.
func (t tally) score(now time.Time, key attemptKey) *score {
	if s := t.of(now, key); s != nil {
		return s
	}
	if len(t.byKey) >= attemptsBound {
		if oldest, _ := t.order.Front().Value.(*score); oldest != nil {
			t.forget(oldest.key)
		}
	}
	s := &score{key: key, last: now, landed: make(chan struct{})}
	t.byKey[key] = t.order.PushBack(s)
	return s
}

func (t tally) forget(key attemptKey) {
	if element, ok := t.byKey[key]; ok {
		t.order.Remove(element)
		delete(t.byKey, key)
	}
}

// sweep goes from the oldest to the first that still counts.
func (t tally) sweep(now time.Time) {
	for element := t.order.Front(); element != nil; element = t.order.Front() {
		s, _ := element.Value.(*score)
		if t.of(now, s.key); s.refusals > 0 || s.going > 0 {
			return
		}
		t.forget(s.key)
	}
}
