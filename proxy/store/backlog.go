package store

// backlogSize is how many names may wait for one watcher.
const backlogSize = 1024

// A Backlog is the queue of revoked names that one caller of [Store.Watch] has
// not received yet. A store makes one for each caller, adds every revoked name
// to all of them, and has each Watch receive from its own.
type Backlog chan string

// NewBacklog makes an empty queue.
func NewBacklog() Backlog { return make(Backlog, backlogSize) }

// Add appends a name and never blocks. If the queue is full, the names in it
// are replaced by the empty name, which tells the watcher to drop everything
// that it has cached. Add must not be called concurrently; receiving needs no
// lock.
func (b Backlog) Add(name string) {
	select {
	case b <- name:
		return
	default:
	}
	for {
		select {
		case <-b:
		default:
			b <- "" // Add is the only sender: there is room
			return
		}
	}
}
