// Package gates knows the gates of all Caddy configurations of this process,
// and starts and stops them.
//
//   - gates.go: the running gates
//   - server.go: what the gates of one server have in common
//   - starter.go: how one gate starts, with a key that may have to be created
//     first
//   - cookie.go: session cookies of which a browser keeps only one
package gates

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"sync"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/certmagic"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/shared"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// gatesKey is the key of the process's gates in the pool.
type gatesKey struct{}

// gates are the gates of all configurations, including those that have not
// started. During a reload there are two configurations.
type gates struct {
	mu  sync.Mutex
	all map[*Starter]bool
	// family removes the gates' cookies from requests to applications.
	family proxy.Family
	// servers has the gates of each server of each configuration.
	servers map[*caddyhttp.Server]*server
}

// A Store is where a gate keeps its sessions, and the name of the module.
type Store struct {
	Store proxy.Store
	Name  string
}

// Destruct does nothing: every gate has unregistered itself.
func (*gates) Destruct() error { return nil }

// Register makes a gate known to operators and to the gates of its server,
// until it is unregistered. It returns the family of all gates of the process.
func Register(s *Starter, on *caddyhttp.Server) (family *proxy.Family, group *proxy.Group, unregister func() error, err error) {
	known, release, err := shared.Take(gatesKey{}, func() (*gates, error) {
		return &gates{all: make(map[*Starter]bool), servers: make(map[*caddyhttp.Server]*server)}, nil
	})
	if err != nil {
		return nil, nil, nil, err
	}
	if on == nil {
		on = new(caddyhttp.Server) // a separate server: the handler is outside of servers
	}
	known.set(s, true)
	together := known.join(s, on)
	s.server = together
	s.sharing = func() []*Starter { return known.sharing(s) }
	s.running = func() []byte {
		for _, other := range known.sharing(s) {
			if key := other.runningKey(); key != nil {
				return key
			}
		}
		return nil
	}
	return &known.family, &together.group, func() error {
		known.set(s, false)
		known.part(s, on)
		return release()
	}, nil
}

func (g *gates) join(s *Starter, on *caddyhttp.Server) *server {
	g.mu.Lock()
	defer g.mu.Unlock()
	together := g.servers[on]
	if together == nil {
		together = new(server)
		g.servers[on] = together
	}
	together.join(s)
	return together
}

func (g *gates) part(s *Starter, on *caddyhttp.Server) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.servers[on].part(s) {
		delete(g.servers, on)
	}
}

// sharing returns the starters whose key is in the same storage, except one.
// Gates with a key in the configuration have started already.
func (g *gates) sharing(s *Starter) (others []*Starter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for other := range g.all {
		if other != s && same(other.Storage, s.Storage) {
			others = append(others, other)
		}
	}
	return others
}

func (g *gates) set(s *Starter, known bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if known {
		g.all[s] = true
		return
	}
	delete(g.all, s)
}

// Wake starts the gates whose key is in the storage by now. They have had no request
// yet, but other Caddys with the same storage may have sessions of theirs.
func Wake(ctx context.Context) error {
	var errs []error
	for _, s := range starters() {
		errs = append(errs, s.wake(ctx))
	}
	return errors.Join(errs...)
}

// Running returns the running gates with their session stores, and whether any
// gate is configured.
func Running() (running map[*proxy.Gate]Store, configured bool) {
	all := starters()
	running = make(map[*proxy.Gate]Store)
	for _, s := range all {
		if gate := s.gate.Load(); gate != nil {
			running[gate] = s.Store
		}
	}
	return running, len(all) > 0
}

// starters returns the starters of all gates of this process.
func starters() (all []*Starter) {
	shared.Pool.Range(func(_, value any) bool {
		known, ok := value.(*gates)
		if !ok {
			return true
		}
		known.mu.Lock()
		defer known.mu.Unlock()
		all = slices.Collect(maps.Keys(known.all))
		return false
	})
	return all
}

// Distinct returns the stores of gates by the name of their module, each
// store once.
func Distinct(of map[*proxy.Gate]Store) map[string][]proxy.Store {
	byName := make(map[string][]proxy.Store)
	for _, s := range of {
		if !slices.ContainsFunc(byName[s.Name], func(known proxy.Store) bool { return same(known, s.Store) }) {
			byName[s.Name] = append(byName[s.Name], s.Store)
		}
	}
	return byName
}

// A directory identifies the storage on the file system.
type directory string

// Place returns what identifies a storage in this process. A directory is
// recognized after a reload of the configuration, any other storage only by its
// value.
func Place(storage any) any {
	if files, ok := storage.(*certmagic.FileStorage); ok {
		return directory(filepath.Clean(files.Path))
	}
	return storage
}

// same reports whether two stores or storages are the same. Stores of third
// parties may have types that Go cannot compare; they count as different.
func same(a, b any) bool {
	return a != nil && reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.TypeOf(a).Comparable() && a == b
}
