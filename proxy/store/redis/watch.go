package redis

import (
	"context"
	"sync"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// watchers are the callers of Watch. They share one subscription, which exists
// while there are any.
type watchers struct {
	run func(context.Context, receiver) // runs a subscription until its context is done

	mu         sync.Mutex
	all        map[*store.Backlog]struct{}
	current    *subscription // nil while there are no watchers
	closed     bool
	background sync.WaitGroup
}

// A subscription delivers to all watchers for as long as it is the current one.
// A subscription that was ended may still be running, but delivers nothing.
type subscription struct {
	watchers *watchers
	end      context.CancelFunc
	working  bool // whether every revocation is received
}

// Watch implements store.Store. It returns only when ctx is done: while Redis
// is unreachable, the empty name comes again and again.
func (s *Store) Watch(ctx context.Context, ended func(name string)) error {
	names := store.NewBacklog()
	s.watchers.add(names)
	defer s.watchers.remove(names)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-names.Added():
			for _, name := range names.Take() {
				if ctx.Err() == nil {
					ended(name)
				}
			}
		}
	}
}

// add adds a watcher. If the subscription works already, the watch is
// established at once. If the store is closed, the watcher is told to drop its
// cache.
func (w *watchers) add(names *store.Backlog) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = make(map[*store.Backlog]struct{})
	}
	w.all[names] = struct{}{}
	if w.closed || w.current != nil && w.current.working {
		names.Add("")
	}
	if w.current == nil && !w.closed {
		w.current = w.subscribe()
	}
}

func (w *watchers) subscribe() *subscription {
	untilEnd, end := context.WithCancel(context.Background())
	s := &subscription{watchers: w, end: end}
	w.background.Go(func() { w.run(untilEnd, s) })
	return s
}

// remove removes a watcher. The last one ends the subscription, without waiting
// for it.
func (w *watchers) remove(names *store.Backlog) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, names)
	if len(w.all) == 0 {
		w.unsubscribe()
	}
}

func (w *watchers) unsubscribe() {
	if w.current != nil {
		w.current.end()
		w.current = nil
	}
}

// close ends the subscription for good and waits for it. It makes watchers drop
// their caches.
func (w *watchers) close() {
	w.mu.Lock()
	w.closed = true
	w.unsubscribe()
	for names := range w.all {
		names.Add("")
	}
	w.mu.Unlock()
	w.background.Wait()
}

// established implements receiver.
func (s *subscription) established() { s.deliver("", true) }

// lost implements receiver.
func (s *subscription) lost() { s.deliver("", false) }

// revoked implements receiver.
func (s *subscription) revoked(name string) { s.deliver(name, true) }

func (s *subscription) deliver(name string, working bool) {
	s.watchers.mu.Lock()
	defer s.watchers.mu.Unlock()
	if s.watchers.current != s {
		return
	}
	s.working = working
	for names := range s.watchers.all {
		names.Add(name)
	}
}
