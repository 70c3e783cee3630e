package session

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	bounded "github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

const (
	// MaxPerUser is how many sessions one user may have in all realms together.
	// Beyond it the oldest end: a session that was only removed from the index
	// could not be ended with the others.
	MaxPerUser = 1000
	// maxAgent bounds what is kept of a browser's User-Agent, in bytes.
	maxAgent = 200
	// emptyFor is how long an empty list is kept.
	emptyFor = time.Minute
)

// A sessionList holds the live sessions of one user of one authentik, in all
// realms. Limits, listings and "end all" of a user rest on it. Only the gate's
// key names and seals it, so a store reveals no user by it, and it holds
// nothing that opens a session.
type sessionList struct {
	// Username is what authentik called the user at the last sign-in.
	Username string `json:"username"`
	// Epoch is random. All sessions that begin in it share a tombstone; once that
	// is written another epoch begins.
	Epoch string `json:"epoch"`
	// Ending are epochs that were to end and may not have: after an interruption or
	// a failure of the store, the next process finishes them.
	Ending []string `json:"ending,omitempty"`
	// Ended is when authentik last said that all sessions of the user have ended. A
	// sign-in that authentik has confirmed before does not become a session after it.
	Ended time.Time `json:"ended,omitzero"`
	Lines []Entry   `json:"lines"` // in the order of admission
}

// An Entry is one session in its user's index.
type Entry struct {
	Name   string     `json:"name"` // of its record
	Epoch  string     `json:"epoch"`
	Site   string     `json:"site"`             // where its cookie goes
	Flow   string     `json:"flow,omitempty"`   // that it was won by
	Client string     `json:"client,omitempty"` // OpenID Connect client that it was won by
	Begun  time.Time  `json:"begun"`
	Until  time.Time  `json:"until"`
	Addr   netip.Addr `json:"addr"`
	Agent  string     `json:"agent,omitempty"`
}

// newEpoch returns a random text, different for every epoch of every user.
func newEpoch() string { return strings.ToLower(rand.Text()) }

// prune removes expired sessions.
func (l *sessionList) prune(now time.Time) {
	l.Lines = slices.DeleteFunc(l.Lines, func(entry Entry) bool { return !now.Before(entry.Until) })
}

// enter adds a session, and returns those that then exceed a limit: the oldest of
// its realm beyond most, and the oldest of all beyond MaxPerUser. They stay listed
// until they have ended. If most is zero, only MaxPerUser limits.
func (l *sessionList) enter(session Entry, most int) (surplus []Entry) {
	session.Epoch = l.Epoch
	l.remove(func(entry Entry) bool { return entry.Name == session.Name }) // saved before by a store that reported an error
	l.Lines = append(l.Lines, session)
	here := 0
	for _, entry := range l.Lines {
		if entry.sameRealm(session) {
			here++
		}
	}
	all := len(l.Lines)
	for _, entry := range l.Lines[:len(l.Lines)-1] {
		if tooMany := most > 0 && entry.sameRealm(session) && here > most; tooMany || all > MaxPerUser {
			surplus = append(surplus, entry)
			all--
			if entry.sameRealm(session) {
				here--
			}
		}
	}
	return surplus
}

// sameRealm reports whether two sessions of one authentik count together.
func (e Entry) sameRealm(other Entry) bool {
	return e.Site == other.Site && e.Flow == other.Flow && e.Client == other.Client
}

// remove takes sessions out, and returns those that were in.
func (l *sessionList) remove(gone func(Entry) bool) (removed []Entry) {
	l.Lines = slices.DeleteFunc(l.Lines, func(entry Entry) bool {
		if !gone(entry) {
			return false
		}
		removed = append(removed, entry)
		return true
	})
	return removed
}

// closeEpoch begins another epoch. The sessions of the one before stay listed
// until their tombstone is written.
func (l *sessionList) closeEpoch() {
	if len(l.Lines) == 0 && len(l.Ending) == 0 {
		return
	}
	l.Ending = append(l.Ending, l.Epoch)
	l.Epoch = newEpoch()
}

// latest returns when the last session of the list expires, but no earlier than
// atLeast.
func (l *sessionList) latest(atLeast time.Time) time.Time {
	for _, entry := range l.Lines {
		if entry.Until.After(atLeast) {
			atLeast = entry.Until
		}
	}
	return atLeast
}

// shortened returns the printable part of a User-Agent header, short enough for
// a table.
func shortened(agent string) string {
	agent = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(agent, ""))
	if len(agent) > maxAgent {
		agent = strings.ToValidUTF8(agent[:maxAgent], "")
	}
	return agent
}

// index keeps the session lists of the users of one authentik.
type index struct {
	store    store.Store
	key      seal.Key
	now      func() time.Time
	logger   *slog.Logger
	issuer   string
	lifetime time.Duration
	client   string // of OpenID Connect
	notices  bool   // whether authentik sends logout notices
	turns    turns
	unsigned *bounded.Cache[string, time.Time] // by authentik's name of its session
}

func newIndex(o Options) *index {
	return &index{
		store: o.Store, key: o.Key, now: o.Now, logger: o.Logger, issuer: o.Issuer, lifetime: o.Lifetime,
		client: o.Client, notices: o.Client != "", turns: newTurns(),
		unsigned: bounded.New(bounded.Options[string, time.Time]{Entries: maxUnsigned, Now: o.Now}),
	}
}

func (x *index) listBox(uid string) seal.Box {
	return x.key.Own(seal.KindIndex, x.issuer+"\x00"+uid)
}

// tombstones lists the shared tombstones that end a new session of a user. Every
// way to end many sessions at once adds its tombstone here and nowhere else.
func (x *index) tombstones(uid, epoch, sid, sidEpoch string) []string {
	all := []string{x.userTombstone(uid, epoch)}
	if sid != "" {
		all = append(all, x.sidTombstone(sid, sidEpoch))
	}
	return all
}

// userTombstone ends all sessions of a user that began in an epoch.
func (x *index) userTombstone(uid, epoch string) string {
	return x.key.Tombstone("user", x.issuer+"\x00"+epoch+"\x00"+uid)
}

// read returns a user's list without expired sessions. A user without one gets
// an empty list in an epoch of its own.
func (x *index) read(ctx context.Context, uid string) (sessionList, store.Version, error) {
	b := x.listBox(uid)
	kept, found, err := x.store.Load(ctx, b.Name())
	if err != nil {
		return sessionList{}, "", err
	}
	var list sessionList
	if found {
		if err := b.Open(kept.Value, &list); err != nil {
			x.logger.ErrorContext(ctx, "session index: a user's list does not open and is begun anew; "+
				"sessions on it last until they expire or are ended one by one", "error", err)
			list = sessionList{}
		}
	}
	if list.Epoch == "" {
		list.Epoch = newEpoch()
	}
	list.prune(x.now())
	return list, kept.Version, nil
}

// change edits a user's list on top of concurrent changes. edit may be called
// several times, and reports whether there is anything to save.
func (x *index) change(ctx context.Context, uid string, edit func(*sessionList) bool) error {
	b := x.listBox(uid)
	return persist(ctx, func() error {
		list, version, err := x.read(ctx, uid)
		if err != nil || !edit(&list) {
			return err
		}
		sealed, err := b.Seal(list)
		if err != nil {
			return err
		}
		expiry := list.latest(x.now().Add(emptyFor))
		if !list.Ended.IsZero() {
			expiry = list.latest(later(expiry, list.Ended.Add(beginsFor)))
		}
		if len(list.Ending) > 0 {
			expiry = list.latest(x.now().Add(x.lifetime))
		}
		_, err = x.store.Save(ctx, b.Name(), store.Record{Value: sealed, Expiry: expiry, Version: version})
		return err
	})
}

// List returns the live sessions of a user in the order of admission, and the
// username at the last sign-in.
func (r *Registry) List(ctx context.Context, uid string) (username string, all []Entry, err error) {
	list, _, err := r.index.read(ctx, uid)
	if err != nil {
		return "", nil, fault.New(fault.SessionsUnavailable, err)
	}
	return list.Username, list.Lines, nil
}

// Unlist takes sessions out of a user's list without ending them.
func (r *Registry) Unlist(ctx context.Context, uid string, entries ...Entry) {
	r.remove(ctx, uid, entries...)
}

// EndListed ends one session of a user's list.
func (r *Registry) EndListed(ctx context.Context, uid string, entry Entry) error {
	if err := r.Revoke(ctx, entry.Name, entry.Until); err != nil {
		return err
	}
	r.remove(ctx, uid, entry)
	return nil
}

// Places returns the names under which the store keeps a user's list and the
// pointer from a username, and the tombstones of the user's sessions.
func (r *Registry) Places(uid, username, epoch string) (list, pointer seal.Box, tombstones []string) {
	return r.index.listBox(uid), r.index.pointerBox(username), r.index.tombstones(uid, epoch, "", "")
}

// Unfinished returns how many epochs of a user were to end and may not have ended
// yet.
func (r *Registry) Unfinished(ctx context.Context, uid string) (int, error) {
	list, _, err := r.index.read(ctx, uid)
	return len(list.Ending), err
}
