package proxy

import (
	"context"
	"maps"
	"sync"
	"time"
)

// A storeSpy remembers everything that was ever written to a store.
type storeSpy struct {
	Store
	mu         sync.Mutex
	values     map[string][]byte // all that was saved under a name, joined
	tombstones map[string]time.Time
}

func spyOn(s Store) *storeSpy {
	return &storeSpy{Store: s, values: map[string][]byte{}, tombstones: map[string]time.Time{}}
}

func (s *storeSpy) Save(ctx context.Context, name string, r Record) (Version, error) {
	s.mu.Lock()
	s.values[name] = append(s.values[name], r.Value...)
	s.mu.Unlock()
	return s.Store.Save(ctx, name, r)
}

func (s *storeSpy) Revoke(ctx context.Context, name string, until time.Time) error {
	s.mu.Lock()
	s.tombstones[name] = until
	s.mu.Unlock()
	return s.Store.Revoke(ctx, name, until)
}

// written is what was saved, by name; a name that was only revoked has nothing.
func (s *storeSpy) written() map[string][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := maps.Clone(s.values)
	for name := range s.tombstones {
		if _, saved := all[name]; !saved {
			all[name] = nil
		}
	}
	return all
}

// revoked is until when names were revoked last.
func (s *storeSpy) revoked() map[string]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.tombstones)
}
