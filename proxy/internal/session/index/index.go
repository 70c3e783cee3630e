// Package index knows which sessions there are: those of each user, those that
// rest on one session of authentik, and the names that end many at once. It
// does not end sessions.
//
//   - index.go, list.go: the list of each user's sessions
//   - pointer.go: from a username to the user
//   - sid.go: sessions of authentik on which sessions rest
//   - rest.go: records on which sessions rest
//   - turns.go: the order of changes to one record
package index

import (
	"context"
	"log/slog"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	bounded "github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// emptyFor is how long an empty list is kept.
const emptyFor = time.Minute

// Options configure an Index.
type Options struct {
	Store    store.Store
	Key      seal.Key
	Now      func() time.Time
	Logger   *slog.Logger
	Issuer   string        // authentik's public address
	Lifetime time.Duration // the maximum lifetime of a session
	Client   string        // the client of OpenID Connect; empty: authentik sends no logout notices
}

// An Index keeps the session lists of the users of one authentik. It is safe for
// concurrent use.
type Index struct {
	store    store.Store
	key      seal.Key
	now      func() time.Time
	logger   *slog.Logger
	issuer   string
	lifetime time.Duration
	client   string // the client of OpenID Connect
	notices  bool   // whether authentik sends logout notices
	turns    *turns
	unsigned *bounded.Cache[string, time.Time] // by authentik's identifier of its session
}

// New returns an index.
func New(o Options) *Index {
	return &Index{
		store: o.Store, key: o.Key, now: o.Now, logger: o.Logger, issuer: o.Issuer, lifetime: o.Lifetime,
		client: o.Client, notices: o.Client != "", turns: newTurns(),
		unsigned: bounded.New(bounded.Options[string, time.Time]{Entries: maxUnsigned, Now: o.Now}),
	}
}

// Of returns the index of the same authentik by another of its public addresses.
func (x *Index) Of(issuer string) *Index {
	other := *x
	other.issuer = issuer
	return &other
}

func (x *Index) listBox(uid string) seal.Box {
	return x.key.Own(seal.KindIndex, x.issuer+"\x00"+uid)
}

// Tombstones lists the shared tombstones that end a new session of a user.
// Every function that ends many sessions at once has its tombstone here and
// nowhere else.
func (x *Index) Tombstones(uid, epoch, sid, sidEpoch string) []string {
	all := []string{x.UserTombstone(uid, epoch)}
	if sid != "" {
		all = append(all, x.sidTombstone(sid, sidEpoch))
	}
	return all
}

// UserTombstone ends all sessions of a user that began in an epoch.
func (x *Index) UserTombstone(uid, epoch string) string {
	return x.key.Tombstone("user", x.issuer+"\x00"+epoch+"\x00"+uid)
}

// Turn waits until no other sign-in or end of a user's sessions is running in
// this process. It returns a function that ends the turn.
func (x *Index) Turn(ctx context.Context, uid string) (leave func(), err error) {
	return x.turns.wait(ctx, uid)
}

// Read returns a user's list without expired sessions. A user without a list
// gets an empty one with its own epoch.
func (x *Index) Read(ctx context.Context, uid string) (List, store.Version, error) {
	list, version, err := x.read(ctx, uid)
	list.prune(x.now())
	return list, version, err
}

// read is Read with expired sessions.
func (x *Index) read(ctx context.Context, uid string) (List, store.Version, error) {
	b := x.listBox(uid)
	kept, found, err := x.store.Load(ctx, b.Name())
	if err != nil {
		return List{}, "", err
	}
	var list List
	if found {
		if err := b.Open(kept.Value, &list); err != nil {
			x.logger.ErrorContext(ctx, "session index: a user's list cannot be opened and begins again; "+
				"sessions on it last until they expire or are ended one by one", "error", err)
			list = List{}
		}
	}
	if list.Epoch == "" {
		list.Epoch = newEpoch()
	}
	return list, kept.Version, nil
}

// Change edits a user's list together with concurrent changes. edit may be
// called several times, and reports whether there is anything to save. Records
// on which no session of the list rests any more are deleted.
func (x *Index) Change(ctx context.Context, uid string, edit func(*List) bool) error {
	b := x.listBox(uid)
	var left []string
	err := persist(ctx, func() error {
		list, version, err := x.read(ctx, uid)
		if err != nil {
			return err
		}
		before := list.rests()
		list.prune(x.now())
		changed := edit(&list)
		if left = list.leave(before, x.now()); !changed && len(left) == 0 {
			return nil
		}
		sealed, err := b.Seal(list)
		if err != nil {
			return err
		}
		expiry := list.Latest(x.now().Add(emptyFor))
		if !list.Ended.IsZero() {
			expiry = list.Latest(Later(expiry, list.Ended.Add(beginsFor)))
		}
		if len(list.Ending) > 0 {
			expiry = list.Latest(x.now().Add(x.lifetime))
		}
		expiry = Later(expiry, list.restsUntil())
		_, err = x.store.Save(ctx, b.Name(), store.Record{Value: sealed, Expiry: expiry, Version: version})
		return err
	})
	if err == nil {
		x.Drop(ctx, left...)
	}
	return err
}

// List returns the live sessions of a user in the order in which they began,
// and the username at the last sign-in.
func (x *Index) List(ctx context.Context, uid string) (username string, all []Entry, err error) {
	list, _, err := x.Read(ctx, uid)
	if err != nil {
		return "", nil, fault.New(fault.SessionsUnavailable, err)
	}
	return list.Username, list.Lines, nil
}

// Places returns the names under which the store keeps a user's list and the
// pointer from a username, and the tombstones of the user's sessions.
func (x *Index) Places(uid, username, epoch string) (list, pointer seal.Box, tombstones []string) {
	return x.listBox(uid), x.pointerBox(username), x.Tombstones(uid, epoch, "", "")
}

// Unfinished returns how many epochs of a user should have ended and may not
// have.
func (x *Index) Unfinished(ctx context.Context, uid string) (int, error) {
	list, _, err := x.Read(ctx, uid)
	return len(list.Ending), err
}

// ProgramsOf is the name by which the sessions of programs end: those of a
// user, by the identifier or the name that authentik gives the user, or those
// whose tokens rest on an authentik session. The name is only announced and
// never has a tombstone, since authentik may confirm the credential again at
// once.
func (x *Index) ProgramsOf(of, whose string) string {
	return x.key.Tombstone("programs of "+of, x.issuer+"\x00"+whose)
}

// Later returns the later of two times.
func Later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
