package proxy

// backlogRoom is how many names may wait for one who watches.
const backlogRoom = 1024

// A Backlog holds the names that one caller of [Store.Watch] has yet to be told. A store makes
// one for each, adds to all of them what it hears, and has Watch receive from its own.
type Backlog chan string

// NewBacklog makes an empty one.
func NewBacklog() Backlog { return make(Backlog, backlogRoom) }

// Add hands a name on and never waits. Where the one who watches is so far behind that there
// is no room, everything goes for the empty name, which tells to forget all that is
// remembered. There must be one writer at a time; receiving needs no lock.
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
			b <- "" // of the one writer: there is room
			return
		}
	}
}
