package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/background"
)

const (
	// awaitHost is how long after its own start a gate waits for an unknown
	// login host, which may have started at the same time in another process.
	awaitHost = registerAfter + 3*time.Second
	awaitPoll = 100 * time.Millisecond
	// knownFor is how long a login host counts as running before it is looked
	// up again.
	knownFor = time.Minute
)

// A Member is one gate that registers with a login host. It is safe for
// concurrent use.
type Member struct {
	Records
	Registration
	// Name is the name of its registration.
	Name string
	// NeedsStepUp says that the gate demands a second factor for some requests.
	NeedsStepUp bool
	// Neighbours are the login hosts of this process. It may be nil.
	Neighbours *Neighbours

	born time.Time
	mu   sync.Mutex
	seen time.Time // when the login host was last seen
	at   Announcement
}

// NewMember returns a gate that has not registered yet.
func NewMember(r Records, g Registration, gate string) *Member {
	return &Member{Records: r, Registration: g, Name: g.Name(gate), born: time.Now()}
}

// Renew registers the gate, or renews its registration.
func (m *Member) Renew(ctx context.Context) error {
	return m.Register(ctx, m.Name, m.Registration)
}

// Introduce makes the gate known to the login host, before a browser is sent
// there, and returns the login host's address. The error has the code
// LoginHostUnknown if no such login host is known.
func (m *Member) Introduce(ctx context.Context) (Announcement, error) {
	_, registered, err := m.Registered(ctx, m.Name) // the store may have lost it meanwhile
	if err == nil && !registered {
		err = m.Renew(ctx)
	}
	if err != nil {
		return Announcement{}, err
	}
	if at, known := m.lately(); known {
		return at, nil
	}
	return m.await(ctx)
}

// lately returns what was read last about the login host, without asking the
// store.
func (m *Member) lately() (at Announcement, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at, m.fresh(m.seen, knownFor)
}

// await looks for the login host. If it is unknown, the login hosts of this
// process announce themselves at once. A login host of another process may be
// starting: await waits for it for a short time after this gate's own start.
func (m *Member) await(ctx context.Context) (Announcement, error) {
	waiting, cancel := context.WithDeadline(ctx, m.born.Add(awaitHost))
	defer cancel()
	for woken := false; ; woken = true {
		at, found, err := m.Announced(ctx)
		switch {
		case !found && !woken: // an announcement of another version or of a later time may be from a process that has ended
			m.Neighbours.announce(ctx)
		case err != nil:
			return Announcement{}, err
		case found:
			m.mu.Lock()
			defer m.mu.Unlock()
			m.at, m.seen = at, m.Now()
			return at, nil
		case !background.Sleep(waiting, awaitPoll):
			return Announcement{}, fault.New(fault.LoginHostUnknown, fmt.Errorf("%w: %s", errNoHost, m.Origin))
		}
	}
}

// Neighbours are the login hosts of one process. Each announces itself a moment
// after its start, or as soon as a gate of the process needs one. They are safe
// for concurrent use; the zero Neighbours and nil have no members.
type Neighbours struct {
	mu  sync.Mutex
	all []*neighbour
}

type neighbour struct {
	once sync.Once
	tell func(context.Context)
}

// Join adds a login host; announce makes it known. leave removes it.
func (n *Neighbours) Join(tell func(context.Context)) (leave func()) {
	one := &neighbour{tell: tell}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, one)
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.all = slices.DeleteFunc(n.all, func(other *neighbour) bool { return other == one })
	}
}

// announce makes known all login hosts that have not announced themselves yet.
func (n *Neighbours) announce(ctx context.Context) {
	if n == nil {
		return
	}
	n.mu.Lock()
	all := slices.Clone(n.all)
	n.mu.Unlock()
	for _, one := range all {
		one.once.Do(func() { one.tell(ctx) })
	}
}

var errNoHost = errors.New("no gate with login_host is known at this origin with the same store and key, and with authentik at the same path; write login_host in the block of authentik at that site, and the same sessions and key as here")
