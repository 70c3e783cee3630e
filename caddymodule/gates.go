package caddymodule

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// gatesKey is the place of the process's gates in the pool.
type gatesKey struct{}

// gates are those of all configurations that run: while one takes over from another, those
// of both.
type gates struct {
	mu  sync.Mutex
	all map[*proxy.Gate]keeping
}

// keeping is where a gate's sessions are kept, and what that is called.
type keeping struct {
	store proxy.Store
	name  string
}

// Destruct has nothing to end: every gate has taken itself off.
func (*gates) Destruct() error { return nil }

// enlist lets the operator reach the gate, for as long as it runs.
func (h *Handler) enlist() error {
	kept, _, err := pool.LoadOrNew(gatesKey{}, func() (caddy.Destructor, error) {
		return &gates{all: make(map[*proxy.Gate]keeping)}, nil
	})
	if err != nil {
		return err
	}
	all, fits := kept.(*gates)
	if !fits {
		return fmt.Errorf("a %T is in the place of the gates", kept)
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	all.all[h.gate] = h.kept
	h.release = append(h.release, func() error { return all.drop(h.gate) })
	return nil
}

func (g *gates) drop(gate *proxy.Gate) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.all, gate)
	_, err := pool.Delete(gatesKey{})
	return err
}

// allGates returns the gates that run, and where each keeps its sessions.
func allGates() map[*proxy.Gate]keeping {
	var all map[*proxy.Gate]keeping
	pool.Range(func(_, value any) bool {
		if found, is := value.(*gates); is {
			found.mu.Lock()
			defer found.mu.Unlock()
			all = maps.Clone(found.all)
		}
		return true
	})
	return all
}

// stores returns the stores of gates by name, each once.
func stores(of map[*proxy.Gate]keeping) map[string][]proxy.Store {
	byName := make(map[string][]proxy.Store)
	for _, k := range of {
		if !slices.ContainsFunc(byName[k.name], func(s proxy.Store) bool { return same(s, k.store) }) {
			byName[k.name] = append(byName[k.name], k.store)
		}
	}
	return byName
}

// same reports whether two stores are one. A third party's may be of a kind that Go cannot
// compare; then nobody can tell.
func same(a, b proxy.Store) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.TypeOf(a).Comparable() && a == b
}
