package index

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
)

const (
	// MaxPerUser is the maximum number of sessions of one user in all realms
	// together. Beyond it the oldest end. They are not merely removed from the
	// index, since they could not be ended with the others then.
	MaxPerUser = 1000
	// maxAgent is the maximum length of a kept User-Agent, in bytes.
	maxAgent = 200
)

// A List has the live sessions of one user of one authentik, in all realms.
// Limits, listings and the end of all sessions of a user depend on it. Its name
// and its seal come only from the gate's key, so a store does not reveal users.
// It contains nothing that opens a session.
type List struct {
	// Username is the name that authentik gave the user at the last sign-in.
	Username string `json:"username"`
	// Epoch is random. All sessions that begin in it share a tombstone. Before
	// the tombstone is written, another epoch begins.
	Epoch string `json:"epoch"`
	// Ending are epochs that should have ended and may not have, because of an
	// interruption or a failure of the store. The next process ends them.
	Ending []string `json:"ending,omitempty"`
	// Ended is when authentik last said that all sessions of the user have
	// ended. A sign-in that authentik confirmed before then does not become a
	// session later.
	Ended time.Time `json:"ended,omitzero"`
	// Left has the records on which sessions of the list rested and none does
	// any more: their names, and since when. They are deleted, and no other
	// session begins on them.
	Left  map[string]time.Time `json:"left,omitempty"`
	Lines []Entry              `json:"lines"` // in the order in which they began
}

// An Entry is one session in its user's index.
type Entry struct {
	Name   string     `json:"name"` // the name of its record
	Epoch  string     `json:"epoch"`
	Site   string     `json:"site"`             // the host or domain of its cookie
	Flow   string     `json:"flow,omitempty"`   // the flow with which it began
	Client string     `json:"client,omitempty"` // the client of OpenID Connect with which it began
	Begun  time.Time  `json:"begun"`
	Until  time.Time  `json:"until"`
	Addr   netip.Addr `json:"addr"`
	Agent  string     `json:"agent,omitempty"` // shortened when it enters a list
	Rest   string     `json:"rest,omitempty"`  // the record on which it rests, with others
	SID    string     `json:"sid,omitempty"`   // if it rests on one, the tombstone by its session at authentik
}

// newEpoch returns a random text, different for every epoch of every user.
func newEpoch() string { return strings.ToLower(rand.Text()) }

// prune removes expired sessions.
func (l *List) prune(now time.Time) {
	l.Lines = slices.DeleteFunc(l.Lines, func(entry Entry) bool { return !now.Before(entry.Until) })
}

// Enter adds a session, and returns those that then exceed a limit: the oldest
// of its realm beyond most, and the oldest of all beyond MaxPerUser. They stay
// listed until they have ended. If most is zero, only MaxPerUser is a limit.
func (l *List) Enter(session Entry, most int) (surplus []Entry) {
	session.Epoch, session.Agent = l.Epoch, shortened(session.Agent)
	l.Remove(func(entry Entry) bool { return entry.Name == session.Name }) // a store that reported an error may have saved it before
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

// Remove removes sessions, and returns those that were in the list.
func (l *List) Remove(gone func(Entry) bool) (removed []Entry) {
	l.Lines = slices.DeleteFunc(l.Lines, func(entry Entry) bool {
		if !gone(entry) {
			return false
		}
		removed = append(removed, entry)
		return true
	})
	return removed
}

// CloseEpoch begins another epoch. The sessions of the previous one stay listed
// until their tombstone is written.
func (l *List) CloseEpoch() {
	if len(l.Lines) == 0 && len(l.Ending) == 0 {
		return
	}
	l.Ending = append(l.Ending, l.Epoch)
	l.Epoch = newEpoch()
}

// Latest returns when the last session of the list expires, but at least
// atLeast.
func (l *List) Latest(atLeast time.Time) time.Time {
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
