package gates

import (
	"context"
	"slices"
	"sync"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// A server is what the gates of one server of one configuration have in common.
// They have one storage.
type server struct {
	group proxy.Group

	mu       sync.Mutex
	starters []*Starter
	stored   func() ([]byte, error) // the key in the storage; nil until it is asked for
	keeping  int                    // how many gates want the key kept
	unkeep   func()                 // ends that
}

func (s *server) join(one *Starter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starters = append(s.starters, one)
}

// part removes a starter, and reports whether it was the last.
func (s *server) part(one *Starter) (last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starters = slices.DeleteFunc(s.starters, func(other *Starter) bool { return other == one })
	return len(s.starters) == 0
}

// anyBeside reports whether there is such a starter among those of the server,
// except one.
func (s *server) anyBeside(one *Starter, such func(*Starter) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.starters, func(other *Starter) bool { return other != one && such(other) })
}

// storedKey returns what load has returned for the first gate that asks: with
// hundreds of sites, reading the key for each would take a good part of a reload.
func (s *server) storedKey(load func() ([]byte, error)) ([]byte, error) {
	s.mu.Lock()
	if s.stored == nil {
		s.stored = sync.OnceValues(load)
	}
	stored := s.stored
	s.mu.Unlock()
	return stored()
}

// keep keeps the key in the storage until all gates that wanted that have called
// release. A storage that hangs is not waited for.
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
