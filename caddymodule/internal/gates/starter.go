package gates

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/singleflight"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// errStopped is returned when a request arrives after Cleanup.
var errStopped = errors.New("this configuration has ended")

// A Starter makes the gate of one handler. Provision starts it at once if there
// is a key. If the storage has no key, the first request creates one: Provision
// must not, since it also runs for "caddy validate", which must leave nothing
// behind.
type Starter struct {
	// CreateKey returns the key in the storage. A storage without a key gets one.
	CreateKey func(context.Context) ([]byte, error)
	// NewGate returns a gate with this key.
	NewGate func(key []byte) (*proxy.Gate, error)
	// KeepKey keeps the key in the storage until ctx is done. It is called for
	// one of the gates of a server. It is nil if the key is in the
	// configuration.
	KeepKey func(ctx context.Context, key []byte)
	// LetGo says that the store is no longer needed.
	LetGo  func() error
	Store  Store
	Cookie Cookie
	// Storage identifies the storage of the key, in every configuration.
	Storage any

	// server is known once the starter is registered.
	server *server
	// sharing returns the starters of all other gates whose key is in the same storage.
	// It may be nil.
	sharing func() []*Starter
	// running returns the key of a gate of this process that runs with a key from the
	// same storage, or nil.
	running func() []byte

	gate     atomic.Pointer[proxy.Gate]
	creating singleflight.Group

	stopped atomic.Bool

	mu      sync.Mutex // guards what follows, and changes of gate and stopped
	unkeep  func()     // called when this gate no longer needs KeepKey
	loadKey loadKey    // nil unless the key is in the storage
	key     []byte     // nil until the gate has started
}

// A loadKey returns the key in a storage, or nil from a storage without a key.
type loadKey = func(context.Context) ([]byte, error)

// StoredKey returns the key in the storage, as load does. Of the gates of a
// server, the first that asks loads it for all. If the storage has lost the key,
// it is the one with which another gate of this process runs, and KeepKey writes
// it again: with a new key after a reload, no session would open.
func (s *Starter) StoredKey(ctx context.Context, load loadKey) ([]byte, error) {
	s.mu.Lock()
	s.loadKey = load
	s.mu.Unlock()
	key, err := s.server.storedKey(func() ([]byte, error) { return load(ctx) })
	if key != nil || err != nil {
		return key, err
	}
	return s.running(), nil
}

// runningKey returns the key with which the gate runs, or nil if it does not run
// or its key is in the configuration.
func (s *Starter) runningKey() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loadKey == nil {
		return nil
	}
	return s.key
}

// Start makes the gate with a key.
func (s *Starter) Start(key []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopped.Load():
		return errStopped
	case s.gate.Load() != nil:
		return nil
	}
	gate, err := s.NewGate(key)
	if err != nil {
		return err
	}
	s.gate.Store(gate)
	s.key = key
	if s.KeepKey != nil {
		s.unkeep = s.server.keep(func(ctx context.Context) { s.KeepKey(ctx, key) })
	}
	return nil
}

// wake starts the gate if another Caddy has created the key since this one was
// started.
func (s *Starter) wake(ctx context.Context) error {
	s.mu.Lock()
	load := s.loadKey
	s.mu.Unlock()
	if s.gate.Load() != nil || load == nil {
		return nil
	}
	key, err := load(ctx)
	if key == nil || err != nil {
		return err
	}
	if err := s.Start(key); !errors.Is(err, errStopped) {
		return err
	}
	return nil
}

// Running returns the gate. If it needs a key, one request creates it. The
// others wait for that, or until their context is done.
func (s *Starter) Running(ctx context.Context) (*proxy.Gate, error) {
	if gate := s.gate.Load(); gate != nil {
		return gate, nil
	}
	created := s.creating.DoChan("", func() (any, error) {
		key, err := s.CreateKey(context.WithoutCancel(ctx))
		if err != nil {
			return nil, err
		}
		return nil, errors.Join(s.Start(key), s.startSharing(key))
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case result := <-created:
		return s.gate.Load(), result.Err
	}
}

// startSharing starts the other gates that wait for the same key. Each has to
// know which other gates guard its hosts, and a login host has to be known to
// the gates of other servers before it gets its first request.
func (s *Starter) startSharing(key []byte) error {
	if s.sharing == nil {
		return nil
	}
	var errs []error
	for _, other := range s.sharing() {
		if err := other.Start(key); !errors.Is(err, errStopped) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Gate returns the gate, or nil if it has not started.
func (s *Starter) Gate() *proxy.Gate { return s.gate.Load() }

// Stopped reports whether the gate's configuration has ended.
func (s *Starter) Stopped() bool { return s.stopped.Load() }

// Stop closes the gate, and prevents another start. The store is released when
// the last request that the gate admitted has ended.
func (s *Starter) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped.Store(true)
	if s.unkeep != nil {
		s.unkeep()
	}
	gate := s.gate.Load()
	if gate == nil {
		return s.LetGo()
	}
	err := gate.Close()
	select {
	case <-gate.Closed():
		return errors.Join(err, s.LetGo())
	default:
	}
	go func() {
		<-gate.Closed()
		_ = s.LetGo() // no store has an error to report
	}()
	return err
}
