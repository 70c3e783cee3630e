package proxy

import (
	"context"
	"errors"
	"strings"
	"time"
)

// ErrConflict is what Save returns when the record under a name is not the one
// that the caller has read.
var ErrConflict = errors.New("proxy: the record was changed, ended or made by somebody else")

// Version tells one state of a record from the next. It means nothing but
// equality, and only to the store that gave it.
type Version string

// A Record is what a store keeps under a name: bytes that say nothing without
// the key that sealed them.
type Record struct {
	Value []byte
	// Expiry is when the store may forget the record. It is housekeeping: the
	// gate reads a record's true end inside it.
	Expiry time.Time
	// Version is the one that Load gave. Empty stands for a record that is new.
	Version Version
}

// Store keeps small sealed records until they expire. It is written for third
// parties to implement; package storetest holds every implementation to what
// is said here. Implementations are safe for concurrent use. A Record's Value
// belongs to the receiver in both directions: a store keeps a copy of what it
// is given and gives a copy of what it keeps.
//
// Names are at most 80 characters of [a-z0-9-] and reveal nothing. Times are
// compared with the store's own clock, so clocks that differ make an expiry, and the end of a
// lease, come early or late by as much. An error is for a store that fails, or a name that is
// none, never for what is absent: the gate refuses everybody while a store fails. After an error a
// change may have been made or not.
//
// See examples/store for one as a module of Caddy.
type Store interface {
	// Load returns the record under name. found is false if there is none, if
	// it has expired, or if the name has a tombstone.
	Load(ctx context.Context, name string) (r Record, found bool, err error)

	// Save writes the record under name if the record that is there has
	// r.Version, and returns the new version. An empty Version means the name
	// must be unused. On a version mismatch, or if the name has a tombstone,
	// Save changes nothing and returns ErrConflict. So of two writers who have
	// read the same version one wins, and no late write brings a revoked
	// session back. A record that has expired is not written, which is no
	// error.
	Save(ctx context.Context, name string, r Record) (Version, error)

	// Delete removes the record under name, if there is one. A tombstone stays.
	Delete(ctx context.Context, name string) error

	// Revoke writes a tombstone for name that lasts until the given time: the
	// record is deleted, none can be saved under the name, and every watcher
	// in every process is told within two seconds. A name can be revoked that
	// never held a record; revoking it again keeps the later of the two times.
	Revoke(ctx context.Context, name string, until time.Time) error

	// Revoked reports whether any of the names has a tombstone.
	Revoked(ctx context.Context, names ...string) (bool, error)

	// Lease gives work that one process alone may do to the first who asks.
	// held is false while another has it. It ends with release, which may be
	// called more than once, or after d, should its holder be lost.
	Lease(ctx context.Context, name string, d time.Duration) (release func(), held bool, err error)

	// Watch calls ended with every name that any process revokes, until ctx is
	// done, and then returns nil. An empty name means that revocations may have
	// been missed and that everything cached must be dropped: it comes once at
	// the beginning, when the watch is established, and again whenever the
	// watch was lost in between. Calls come one at a time and in any order; a
	// name may come twice. A store that cannot watch returns an error, and is
	// watched anew a second later: until then cached sessions are believed for
	// half a minute and then no more.
	Watch(ctx context.Context, ended func(name string)) error
}

// maxNameLength is how long a name in a Store may be, in characters.
const maxNameLength = 80

// ValidName reports whether text can be a name in a [Store]: 1 to 80 characters of [a-z0-9-].
func ValidName(text string) bool {
	return text != "" && len(text) <= maxNameLength && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// A Counter is a Store that knows how many records it keeps. A store need not be one: then
// nobody is told how many sessions are alive, which is better than a number that is wrong.
type Counter interface {
	// Count returns how many records are kept whose names begin with kind and a
	// hyphen, as "session" does those of sessions. Records that are over count until the
	// store makes room, so one that leaves them lying for longer than a few minutes has to
	// look at their expiry, or be no Counter. Names are taken not to be used again once their record is
	// over. It is asked a few times a minute at most, may
	// take seconds, and must not hold up anything else meanwhile.
	Count(ctx context.Context, kind string) (int, error)
}
