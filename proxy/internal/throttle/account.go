package throttle

import (
	"slices"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
)

const (
	// nameLifetime is how long the throttle remembers that a name belongs to an
	// account. maxKnown is the maximum number of remembered names, and of
	// remembered sessions.
	nameLifetime = 24 * time.Hour
	maxKnown     = 50_000
	// sessionLifetime is how long the accounts of an authentik session are
	// remembered. A visit is shorter.
	sessionLifetime = time.Hour
	// maxAccounts is how many accounts of one session count.
	maxAccounts = 8
)

// known is what authentik has told the throttle about names and sessions.
type known struct {
	canonical *cache.Cache[Key, Key]   // the account, by another of its names
	sessions  *cache.Cache[Key, []Key] // accounts, by session
}

func newKnown(now func() time.Time) known {
	return known{
		canonical: cache.New(cache.Options[Key, Key]{Entries: maxKnown, Now: now}),
		sessions:  cache.New(cache.Options[Key, []Key]{Entries: maxKnown, Now: now}),
	}
}

func (k known) sweep() {
	k.canonical.Sweep()
	k.sessions.Sweep()
}

// withCanonical adds the canonical names of accounts, if they are known.
func (k known) withCanonical(names []Key) []Key {
	all := names
	for _, name := range names {
		if canonical, found := k.canonical.Get(name); found {
			all = union(all, canonical)
		}
	}
	return all
}

// Alias notes that a name belongs to an account: authentik was given the name
// and has answered with the account. From then on a failure of the name is also
// a failure of the account. Failures of the name itself still count, so a wrong
// Alias makes no guess easier.
func (t *Throttle) Alias(name, username string) {
	names, accounts := t.keysOf(name), t.keysOf(username)
	if len(names) == 0 || len(accounts) == 0 || names[0] == accounts[0] {
		return
	}
	t.known.canonical.Put(names[0], accounts[0], nameLifetime)
}

// Remember notes that authentik has named an account in its own session. Until
// it names others, answers in that session count for this account, whatever
// page they come from: an old page of the session may show another account, or
// no account.
func (t *Throttle) Remember(session, account string) {
	keys := t.keysOf(account)
	if session == "" || len(keys) == 0 {
		return
	}
	key := t.options.Derive("session", session)
	t.mu.Lock()
	defer t.mu.Unlock()
	accounts, _ := t.known.sessions.Get(key)
	t.known.sessions.Put(key, latest(accounts, keys[0]), sessionLifetime)
}

// Knows reports whether authentik has named an account in its own session.
func (t *Throttle) Knows(session string) bool { return len(t.named(session)) > 0 }

// named returns the accounts that authentik has named in a session.
func (t *Throttle) named(session string) []Key {
	if session == "" {
		return nil
	}
	accounts, _ := t.known.sessions.Get(t.options.Derive("session", session))
	return accounts
}

// latest returns keys with one more at the end. If there are then too many, it
// leaves out the first.
func latest(keys []Key, key Key) []Key {
	kept := slices.DeleteFunc(slices.Clone(keys), func(other Key) bool { return other == key })
	kept = append(kept, key)
	return kept[max(0, len(kept)-maxAccounts):]
}

// union returns keys, followed by the keys of more that are not in it.
func union(keys []Key, more ...Key) []Key {
	all := slices.Clip(keys)
	for _, key := range more {
		if !slices.Contains(all, key) {
			all = append(all, key)
		}
	}
	return all
}

// keysOf returns the keys of accounts from their names, each once.
func (t *Throttle) keysOf(names ...string) []Key {
	var keys []Key
	for _, name := range names {
		if name = canonical(name); name != "" {
			keys = union(keys, t.options.Derive("account", name))
		}
	}
	return keys
}
