package host

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/background"
)

const (
	// awaitHost is how long a gate waits for a login host that is not known yet:
	// it may have started at the same time.
	awaitHost = 3 * time.Second
	awaitPoll = 100 * time.Millisecond
	// knownFor is how long a login host counts as running without being looked up
	// again.
	knownFor = time.Minute
)

// A Member is one gate that registers with a login host. It is safe for
// concurrent use.
type Member struct {
	Records
	Registration
	// Name is the name of its registration.
	Name string
	// NeedsStepUp says that the gate demands a second factor of some requests.
	NeedsStepUp bool

	mu   sync.Mutex
	seen time.Time // when the login host was last seen
	at   Announcement
}

// NewMember returns a gate that has not registered yet.
func NewMember(r Records, g Registration, gate string) *Member {
	return &Member{Records: r, Registration: g, Name: g.Name(gate)}
}

// Renew registers the gate, or renews its registration.
func (m *Member) Renew(ctx context.Context) error {
	return m.Register(ctx, m.Name, m.Registration)
}

// Introduce makes sure that the login host knows the gate, before a browser is
// sent there, and returns the login host's address. An error with the code
// LoginHostUnknown says that there is no such login host.
func (m *Member) Introduce(ctx context.Context) (Announcement, error) {
	_, registered, err := m.Registered(ctx, m.Name) // a store may have lost it meanwhile
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

// lately returns what is known of the login host without asking the store.
func (m *Member) lately() (at Announcement, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at, m.fresh(m.seen, knownFor)
}

// await looks for the login host, and waits a moment for one that is starting.
func (m *Member) await(ctx context.Context) (Announcement, error) {
	waiting, cancel := context.WithTimeout(ctx, awaitHost)
	defer cancel()
	for {
		at, found, err := m.Announced(ctx)
		switch {
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

var errNoHost = errors.New("no gate with login_host is known at this origin with the same store and key; write login_host in the block of authentik at that site, and the same sessions and key as here")
