package caddymodule

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

// A starter makes the gate of one handler. Provision does so at once if there
// is a key. A storage without a key gets one with the first request and not
// before: Provision also runs for "caddy validate", which must leave nothing
// behind.
type starter struct {
	// createKey returns the key in the storage, after it has created one if
	// there is none.
	createKey func(context.Context) ([]byte, error)
	// newGate returns a gate with this key.
	newGate func(key []byte) (*proxy.Gate, error)
	// keepKey keeps the key in the storage until ctx is done. It is nil if the key
	// is in the configuration.
	keepKey func(ctx context.Context, key []byte)
	store   sessionStore
	cookie  sessionCookie
	at      post
	letGo   func() error // says that the store is no longer needed
	// beside returns the starters of the other gates on the server, and sharing those
	// of all gates whose key is in the same storage. Both may be nil.
	beside, sharing func() []*starter
	storage         any // of the key

	gate     atomic.Pointer[proxy.Gate]
	creating singleflight.Group

	stopped atomic.Bool

	mu     sync.Mutex // guards unkeep, and changes of gate and stopped
	unkeep func()     // ends keepKey; a storage that hangs is not waited for
}

// start makes the gate with a key.
func (s *starter) start(key []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopped.Load():
		return errStopped
	case s.gate.Load() != nil:
		return nil
	}
	gate, err := s.newGate(key)
	if err != nil {
		return err
	}
	s.gate.Store(gate)
	if s.keepKey != nil {
		var ctx context.Context
		ctx, s.unkeep = context.WithCancel(context.Background())
		go s.keepKey(ctx, key)
	}
	return nil
}

// running returns the gate. If it needs a key, one request creates it; the
// others wait for that, or until their context is done.
func (s *starter) running(ctx context.Context) (*proxy.Gate, error) {
	if gate := s.gate.Load(); gate != nil {
		return gate, nil
	}
	created := s.creating.DoChan("", func() (any, error) {
		key, err := s.createKey(context.WithoutCancel(ctx))
		if err != nil {
			return nil, err
		}
		return nil, errors.Join(s.start(key), s.startSharing(key))
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case result := <-created:
		return s.gate.Load(), result.Err
	}
}

// startSharing makes the other gates that wait for the same key: each has to know
// who else stands before its hosts, and a login host has to be known to the gates of
// other servers before it gets its first request.
func (s *starter) startSharing(key []byte) error {
	if s.sharing == nil {
		return nil
	}
	var errs []error
	for _, other := range s.sharing() {
		if err := other.start(key); !errors.Is(err, errStopped) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// stop closes the gate, and makes no other. The store is let go when no request
// that the gate let in is running any more.
func (s *starter) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped.Store(true)
	if s.unkeep != nil {
		s.unkeep()
	}
	gate := s.gate.Load()
	if gate == nil {
		return s.letGo()
	}
	err := gate.Close()
	select {
	case <-gate.Closed():
		return errors.Join(err, s.letGo())
	default:
	}
	go func() {
		<-gate.Closed()
		_ = s.letGo() // no store has anything to report
	}()
	return err
}
