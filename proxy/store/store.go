// Package store is the contract between the gate and the store of its sessions.
// It also has a store in the memory of this process. Package proxy has the same
// names as aliases, so a program that uses the gate need not import this
// package. The author of a store does, and tests the store with package
// storetest.
//
// Package redis, below this one, keeps sessions in Redis or Valkey.
// examples/store is a store to copy from.
//
//   - store.go: the contract
//   - memory.go: the store in memory
//   - backlog.go: a queue for implementations of Watch
package store

import (
	"context"
	"errors"
	"strings"
	"time"
)

// ErrConflict is the error of Save if the name does not have the version that
// the caller has read, or has a tombstone.
var ErrConflict = errors.New("store: the record was changed, created or revoked by another writer")

// A Version identifies one state of a record. It can be compared for equality
// and has no other meaning outside of the store that issued it.
type Version string

// A Record is the value under a name: bytes that reveal nothing without the key
// that sealed them.
type Record struct {
	Value []byte
	// Expiry is when the store may drop the record. It is for housekeeping: the
	// gate checks the end of a session, which is sealed in the value.
	Expiry time.Time
	// Version is the version that Load returned, or empty for a new record.
	Version Version
}

// A Store keeps small sealed records until they expire, and tombstones of
// revoked names. Third parties implement it; package storetest tests every
// promise below.
//
// Implementations are safe for concurrent use. A Record's Value belongs to the
// receiver in both directions: Save keeps a copy of its argument, and Load
// returns a copy of what is kept.
//
// A name is 1 to 80 characters of [a-z0-9-], see [ValidName], and reveals
// nothing. A tombstone is set on the name of a record. The names of leases are
// separate: a lease and a record of the same name do not affect each other.
//
// Times are compared with the clock of the process that calls. If clocks
// differ, records, tombstones and leases end early or late by the difference.
//
// An error means that the store failed, that the context is done, or that the
// name is invalid; an absent record is never an error. After an error the
// change may have been made or not. While a store fails, the gate refuses every
// request that needs a session.
type Store interface {
	// Load returns the record under name. If no record is under it, if the record
	// has expired, or if the name has a tombstone, found is false and err is nil.
	Load(ctx context.Context, name string) (r Record, found bool, err error)

	// Save writes the record under name if the present record has the version
	// r.Version, and returns the new version. An empty Version means the name
	// must be unused; an expired record does not count. On a version mismatch,
	// or if the name has a tombstone, Save changes nothing and returns
	// ErrConflict. So of two writers who have read the same version one wins,
	// and no late write brings a revoked session back. If r.Expiry has passed,
	// Save leaves the name without a record and returns an empty Version and no
	// error.
	Save(ctx context.Context, name string, r Record) (Version, error)

	// Delete removes the record under name, if there is one. It neither sets
	// nor removes a tombstone.
	Delete(ctx context.Context, name string) error

	// Revoke sets a tombstone on name until the given time. When it returns,
	// the record under name is gone, Save refuses the name, and every watcher
	// in every process is told the name within two seconds. The name need not
	// have had a record. If it has a tombstone already, the later of the two
	// times counts. If the time has passed, no tombstone is set, but the record
	// is removed and the watchers are told nevertheless.
	Revoke(ctx context.Context, name string, until time.Time) error

	// Revoked reports whether any of the names has a tombstone. Without names
	// it returns false.
	Revoked(ctx context.Context, names ...string) (bool, error)

	// Lease grants the caller a piece of work that only one process may do. If
	// another caller has the lease, held is false and err is nil. The lease
	// ends when release is called, or after d if its holder was lost; a release
	// after that does not end the lease of the next holder. release is never
	// nil, may be called more than once, and does nothing if held is false.
	Lease(ctx context.Context, name string, d time.Duration) (release func(), held bool, err error)

	// Watch calls ended with every name that any process revokes, until ctx is
	// done, and then returns nil. The empty name means that revocations may
	// have been missed, and that the receiver must drop everything it has
	// cached. It comes when the watch is established, and again after every
	// interruption. Calls come one at a time, in any order, and a name may come
	// twice. If the store cannot watch, Watch returns an error and the gate
	// calls it again after a second; until a watch is established, the gate
	// trusts cached sessions for half a minute at most.
	Watch(ctx context.Context, ended func(name string)) error
}

// A Counter is a Store that can count its records. A store need not implement
// it; then the gate reports no number of sessions.
type Counter interface {
	// Count returns the number of records whose names begin with kind and a
	// hyphen: "session" counts the records of sessions. Expired records may be
	// included, for a few minutes at most, and a number above 10 000 may be an
	// estimate. The gate never saves an expired name again. It calls Count a
	// few times a minute at most. Count may take seconds, but must not block
	// other calls meanwhile.
	Count(ctx context.Context, kind string) (int, error)
}

// maxNameLength is the maximum length of a name, in characters.
const maxNameLength = 80

// ValidName reports whether text can be a name in a [Store]: 1 to 80 characters
// of [a-z0-9-].
func ValidName(text string) bool {
	return text != "" && len(text) <= maxNameLength && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
