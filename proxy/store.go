package proxy

import "github.com/flowsidecar/caddy-authentik/proxy/store"

// The contract of stores, and the store in memory, from package store.
type (
	// A Store keeps sessions. It is [store.Store], which has the contract.
	Store = store.Store
	// A Record is the value under a name in a Store: [store.Record].
	Record = store.Record
	// A Version identifies one state of a record: [store.Version].
	Version = store.Version
	// A Counter is a Store that can count its records: [store.Counter].
	Counter = store.Counter
	// Memory is a Store in the memory of this process: [store.Memory].
	Memory = store.Memory
	// A Backlog is a queue of revoked names, for authors of stores:
	// [store.Backlog].
	Backlog = store.Backlog
)

// ErrConflict is the error of Store.Save if another writer was faster. It is
// [store.ErrConflict].
var ErrConflict = store.ErrConflict

// NewMemory makes an empty store in the memory of this process.
func NewMemory() *Memory { return store.NewMemory() }

// NewBacklog makes an empty queue of revoked names for one watcher.
func NewBacklog() *Backlog { return store.NewBacklog() }

// ValidName reports whether text can be a name in a [Store]: 1 to 80 characters
// of [a-z0-9-].
func ValidName(text string) bool { return store.ValidName(text) }
