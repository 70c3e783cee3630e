package gates

import (
	"context"
	"slices"
	"sync"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// A server has what the gates of one server of one configuration have in
// common. They have one storage.
type server struct {
	group proxy.Group

	mu       sync.Mutex
	starters []*Starter
	stored   func() ([]byte, error) // the key in the storage; nil until it is asked for
	keeping  int                    // how many gates want the key kept
	unkeep   func()                 // ends the keeping
}

func (s *server) join(one *Starter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starters = append(s.starters, one)
}

// part removes a starter, and reports whether it was the last one.
func (s *server) part(one *Starter) (last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starters = slices.DeleteFunc(s.starters, func(other *Starter) bool { return other == one })
	return len(s.starters) == 0
}

// anyBeside reports whether there is such a starter on the server, except one.
func (s *server) anyBeside(one *Starter, such func(*Starter) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.starters, func(other *Starter) bool { return other != one && such(other) })
}

// storedKey calls load for the first gate and returns its result to all: with
// hundreds of sites, reading the key for each would take a large part of a
// reload.
func (s *server) storedKey(load func() ([]byte, error)) ([]byte, error) {
	s.mu.Lock()
	if s.stored == nil {
		s.stored = sync.OnceValues(load)
	}
	stored := s.stored
	s.mu.Unlock()
	return stored()
}

// keep keeps the key in the storage until all gates that wanted it have called
// release. It does not wait for a storage that hangs.
func (s *server) keep(run func(context.Context)) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keeping == 0 {
		var ctx context.Context
		ctx, s.unkeep = context.WithCancel(context.Background())
		go run(ctx)
	}
	s.keeping++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.keeping--; s.keeping == 0 {
			s.unkeep()
		}
	})
}
