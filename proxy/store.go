package proxy

import "github.com/flowsidecar/caddy-authentik/proxy/store"

// The contract of stores, and the store in memory, from package store.
type (
	// Store is [store.Store].
	Store = store.Store
	// Record is [store.Record].
	Record = store.Record
	// Version is [store.Version].
	Version = store.Version
	// Counter is [store.Counter].
	Counter = store.Counter
	// Memory is [store.Memory].
	Memory = store.Memory
	// Backlog is [store.Backlog].
	Backlog = store.Backlog
)

// ErrConflict is [store.ErrConflict].
var ErrConflict = store.ErrConflict

// NewMemory makes an empty store in the memory of this process.
func NewMemory() *Memory { return store.NewMemory() }

// NewBacklog makes an empty queue of revoked names for one watcher.
func NewBacklog() *Backlog { return store.NewBacklog() }

// ValidName reports whether text can be a name in a [Store]: 1 to 80 characters
// of [a-z0-9-].
func ValidName(text string) bool { return store.ValidName(text) }
