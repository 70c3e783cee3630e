package proxy

import (
	"context"
	"crypto/rand"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

const (
	// maxLines is how many sessions one user may have in all realms together. Beyond it the
	// oldest end: a session that was only struck off could not be ended with the others.
	maxLines = 1000
	// maxAgent is how much is kept of what a browser says about itself.
	maxAgent = 200
	// emptyKept is how long a roll is kept on which nobody stands.
	emptyKept = time.Minute
)

// A roll lists the live sessions of one user of one authentik, whatever realms they are in. It is
// what limits, lists and ends for all of a user rest on. It is named and sealed by the gate's key alone,
// so a store reveals no user by it, and it holds nothing that opens a session.
type roll struct {
	// Username is what authentik called the user at the last sign-in.
	Username string `json:"username"`
	// Epoch is random. All sessions that begin in it carry one end; after that has come there
	// is another epoch.
	Epoch string `json:"epoch"`
	// Ending are epochs whose end was ordered and may not have come yet: whoever was
	// interrupted, or could not reach the store, finds here what is left to do.
	Ending []string `json:"ending,omitempty"`
	Lines  []line   `json:"lines"` // in the order of admission
}

// A line is one session on a roll.
type line struct {
	Name  string `json:"name"` // of its record
	Epoch string `json:"epoch"`
	Site  string `json:"site"`           // where its cookie goes
	Flow  string `json:"flow,omitempty"` // that it was won by
	// Client is the client of OpenID Connect that it was won by.
	Client string     `json:"client,omitempty"`
	Begun  time.Time  `json:"begun"`
	Until  time.Time  `json:"until"`
	Addr   netip.Addr `json:"addr"`
	Agent  string     `json:"agent,omitempty"`
}

// newEpoch draws a text that no epoch of any user ever had.
func newEpoch() string { return strings.ToLower(rand.Text()) }

// prune strikes off what is over.
func (l *roll) prune(now time.Time) {
	l.Lines = slices.DeleteFunc(l.Lines, func(at line) bool { return !now.Before(at.Until) })
}

// enter adds a session, and returns those that are too many beside it: the oldest of
// its realm beyond most, and the oldest of all beyond maxLines. They stay on the roll until
// they have ended. No limit is a most of zero.
func (l *roll) enter(session line, most int) (surplus []line) {
	session.Epoch = l.Epoch
	l.strike(func(at line) bool { return at.Name == session.Name }) // written before by a store that said it had failed
	l.Lines = append(l.Lines, session)
	here := 0
	for _, at := range l.Lines {
		if at.sameRealm(session) {
			here++
		}
	}
	all := len(l.Lines)
	for _, at := range l.Lines[:len(l.Lines)-1] {
		if tooMany := most > 0 && at.sameRealm(session) && here > most; tooMany || all > maxLines {
			surplus = append(surplus, at)
			all--
			if at.sameRealm(session) {
				here--
			}
		}
	}
	return surplus
}

// sameRealm reports whether two sessions of one authentik count together.
func (at line) sameRealm(other line) bool {
	return at.Site == other.Site && at.Flow == other.Flow && at.Client == other.Client
}

// strike takes sessions off, and returns those that were on.
func (l *roll) strike(gone func(line) bool) (struck []line) {
	l.Lines = slices.DeleteFunc(l.Lines, func(at line) bool {
		if !gone(at) {
			return false
		}
		struck = append(struck, at)
		return true
	})
	return struck
}

// closeEpoch begins another epoch. The sessions of the one before stay on the roll until
// their end has come.
func (l *roll) closeEpoch() {
	if len(l.Lines) == 0 && len(l.Ending) == 0 {
		return
	}
	l.Ending = append(l.Ending, l.Epoch)
	l.Epoch = newEpoch()
}

// latest is when the last session of the roll ends at the latest, and not before at least.
func (l *roll) latest(atLeast time.Time) time.Time {
	for _, at := range l.Lines {
		if at.Until.After(atLeast) {
			atLeast = at.Until
		}
	}
	return atLeast
}

// shortened is what a browser says about itself, in a length that a table has room for. Who
// sends something else than text gets nothing kept of it.
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

// A lead leads from a username to the user. Users can be renamed, and the name
// given to another: the newest sign-in wins.
type lead struct {
	UID string `json:"uid"`
}

// rolls keep the roll of every user of one authentik.
type rolls struct {
	cfg    Config
	keys   seal.Key
	issuer string
	turns  turns
}

func newRolls(cfg Config, keys seal.Key) *rolls {
	issuer, _ := cfg.Client.PublicURL("/")
	return &rolls{cfg: cfg, keys: keys, issuer: issuer, turns: newTurns()}
}

// box is where a user's roll is.
func (r *rolls) box(uid string) seal.Box { return r.keys.Own(seal.KindIndex, r.issuer+"\x00"+uid) }

// leadBox is where the lead from a username is.
func (r *rolls) leadBox(username string) seal.Box {
	return r.keys.Own(seal.KindUser, r.issuer+"\x00"+username)
}

// ends lists what a new session of a user ends with, besides the end of its own. Whatever
// else is to end many sessions at once is added here and nowhere else.
func (r *rolls) ends(uid, epoch, sid string) []string {
	all := []string{r.userEnd(uid, epoch)}
	if sid != "" {
		all = append(all, r.authentikEnd(sid))
	}
	return all
}

// userEnd is the end of all sessions of a user that began in an epoch.
func (r *rolls) userEnd(uid, epoch string) string {
	return r.keys.Tombstone("user", r.issuer+"\x00"+epoch+"\x00"+uid)
}

// authentikEnd is the end of all sessions that rest on one session of authentik.
func (r *rolls) authentikEnd(sid string) string { return r.keys.Tombstone("sid", r.issuer+"\x00"+sid) }

// read returns a user's roll as it is, without what is over. There is always one: who
// has none has an empty one in an epoch of its own.
func (r *rolls) read(ctx context.Context, uid string) (roll, Version, error) {
	b := r.box(uid)
	stored, found, err := r.cfg.Store.Load(ctx, b.Name())
	if err != nil {
		return roll{}, "", err
	}
	var list roll
	if found {
		if err := b.Open(stored.Value, &list); err != nil {
			r.cfg.Logger.ErrorContext(ctx, "the list of a user's sessions does not open, and is begun anew: those on it last until "+
				"they are over, or are ended one by one", "error", err)
			list = roll{}
		}
	}
	if list.Epoch == "" {
		list.Epoch = newEpoch()
	}
	list.prune(r.cfg.Now())
	return list, stored.Version, nil
}

// change edits a user's roll, on top of whatever others have made of it. edit may be
// called several times, and reports whether there is anything to write.
func (r *rolls) change(ctx context.Context, uid string, edit func(*roll) bool) error {
	b := r.box(uid)
	return persist(ctx, func() error {
		list, version, err := r.read(ctx, uid)
		if err != nil || !edit(&list) {
			return err
		}
		sealed, err := b.Seal(list)
		if err != nil {
			return err
		}
		expiry := list.latest(r.cfg.Now().Add(emptyKept))
		if len(list.Ending) > 0 {
			expiry = list.latest(r.cfg.Now().Add(r.cfg.Lifetime))
		}
		_, err = r.cfg.Store.Save(ctx, b.Name(), Record{Value: sealed, Expiry: expiry, Version: version})
		return err
	})
}

// lead makes a username lead to a user for as long as a session of theirs may last. It is
// written for twice as long, so that most sign-ins find it as it should be.
func (r *rolls) lead(ctx context.Context, username, uid string, until time.Time) error {
	b := r.leadBox(username)
	return persist(ctx, func() error {
		stored, found, err := r.cfg.Store.Load(ctx, b.Name())
		if err != nil {
			return err
		}
		var to lead
		if found && b.Open(stored.Value, &to) == nil && to.UID == uid && !stored.Expiry.Before(until) {
			return nil
		}
		sealed, err := b.Seal(lead{uid})
		if err != nil {
			return err
		}
		expiry := until.Add(until.Sub(r.cfg.Now()))
		_, err = r.cfg.Store.Save(ctx, b.Name(), Record{Value: sealed, Expiry: expiry, Version: stored.Version})
		return err
	})
}

// led returns the user that a username leads to, if to one.
func (r *rolls) led(ctx context.Context, username string) (uid string, found bool, err error) {
	b := r.leadBox(username)
	stored, found, err := r.cfg.Store.Load(ctx, b.Name())
	if err != nil {
		return "", false, fault.New(fault.SessionsUnavailable, err)
	}
	var to lead
	if !found || b.Open(stored.Value, &to) != nil {
		return "", false, nil
	}
	return to.UID, true, nil
}
