package store

import "sync"

// MaxBacklog is the maximum number of names that wait for one watcher.
const MaxBacklog = 1024

// A Backlog is the queue of revoked names that one caller of [Store.Watch] has
// not received yet. A store makes one for each caller, adds every revoked name
// to all of them, and has each Watch take the names from its own. It is safe
// for concurrent use, and an empty queue takes no memory for names.
type Backlog struct {
	added chan struct{} // holds one signal if names may be waiting

	mu    sync.Mutex
	names []string
}

// NewBacklog makes an empty queue.
func NewBacklog() *Backlog { return &Backlog{added: make(chan struct{}, 1)} }

// Add appends a name and never blocks. If the queue is full, the empty name
// replaces all names, including this one. It tells the watcher to drop
// everything that it has cached.
func (b *Backlog) Add(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.names) == MaxBacklog {
		b.names, name = nil, ""
	}
	b.names = append(b.names, name)
	select {
	case b.added <- struct{}{}:
	default: // the watcher has not received the last signal yet
	}
}

// Added returns a channel that delivers a signal after names were added. One
// signal may stand for many names.
func (b *Backlog) Added() <-chan struct{} { return b.added }

// Take returns the names that wait, in the order in which they were added, and
// empties the queue.
func (b *Backlog) Take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	names := b.names
	b.names = nil
	return names
}
