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
	// Load returns the record under name. One that is absent, past its expiry
	// or buried is not found.
	Load(ctx context.Context, name string) (r Record, found bool, err error)

	// Save keeps the record under name if what is kept there still has
	// r.Version, and returns the new version. With an empty version nothing may be kept there. Otherwise, and for
	// every name that was buried, it changes nothing and returns ErrConflict. So
	// of two writers who have read the same version one wins, and no late
	// write brings back what has ended. A record whose expiry has passed is not
	// kept, which is no error.
	Save(ctx context.Context, name string, r Record) (Version, error)

	// Delete forgets the record under name, and nothing else. To delete what
	// is absent is no error. A name that was buried stays buried.
	Delete(ctx context.Context, name string) error

	// Bury ends name for everybody: the record under it is deleted, no record can
	// be saved under it until then, and every watcher in every process
	// is told, within two seconds. A name can be buried without ever having
	// held a record; burying it again moves its end to the later of the two.
	Bury(ctx context.Context, name string, until time.Time) error

	// Buried reports whether any of the names is buried.
	Buried(ctx context.Context, names ...string) (bool, error)

	// Lease gives work that one process alone may do to the first who asks.
	// held is false while another has it. It ends with release, which may be
	// called more than once, or after d, should its holder be lost.
	Lease(ctx context.Context, name string, d time.Duration) (release func(), held bool, err error)

	// Watch calls ended with every name that is buried, by any process, until
	// ctx is done, and then returns nil. The empty name says that names may
	// have been missed, and that nothing remembered can be believed: it comes
	// once at the beginning, when watching has begun, and again whenever the store
	// has lost its hearing. Calls come one at a time and in any order; a name
	// may come twice. A store that cannot hear returns an error, and is watched anew a
	// second later: until it hears, sessions that are remembered are believed for half a
	// minute and then nobody's.
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
