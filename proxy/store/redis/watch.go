package redis

import (
	"context"
	"sync"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// watchers share one ear: there is one while anybody watches.
type watchers struct {
	listen func(context.Context, audience)

	life sync.Mutex // held while an ear begins or ends
	stop func()     // ends the ear, and returns when it has ended

	mu      sync.Mutex
	all     map[store.Backlog]struct{}
	hearing bool
	closed  bool
}

// Watch implements store.Store. It ends with ctx alone: while Redis is gone the empty name
// comes again and again.
func (s *Store) Watch(ctx context.Context, ended func(name string)) error {
	names := store.NewBacklog()
	s.watchers.join(names)
	defer s.watchers.leave(names)
	for {
		select {
		case <-ctx.Done():
			return nil
		case name := <-names:
			if ctx.Err() == nil {
				ended(name)
			}
		}
	}
}

// join begins to tell names. Where an ear is at work already, everything is heard
// from the beginning.
func (w *watchers) join(names store.Backlog) {
	w.life.Lock()
	defer w.life.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = make(map[store.Backlog]struct{})
	}
	w.all[names] = struct{}{}
	if w.hearing || w.closed {
		names.Add("")
	}
	if w.stop == nil && !w.closed {
		w.stop = w.start()
	}
}

// start sets an ear to work.
func (w *watchers) start() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.listen(ctx, w)
	}()
	return func() {
		cancel()
		<-done
		w.deaf()
	}
}

func (w *watchers) leave(names store.Backlog) {
	w.life.Lock()
	defer w.life.Unlock()
	w.mu.Lock()
	delete(w.all, names)
	last := len(w.all) == 0
	w.mu.Unlock()
	if last {
		w.end()
	}
}

// end ends the ear, if there is one.
func (w *watchers) end() {
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
}

// close ends the ear for good.
func (w *watchers) close() {
	w.life.Lock()
	defer w.life.Unlock()
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.end()
	w.lost()
}

func (w *watchers) deaf() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hearing = false
}

// began implements audience.
func (w *watchers) began() { w.tell("", true) }

// lost implements audience.
func (w *watchers) lost() { w.tell("", false) }

// ended implements audience.
func (w *watchers) ended(name string) { w.tell(name, true) }

func (w *watchers) tell(name string, hearing bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hearing = hearing
	for names := range w.all {
		names.Add(name)
	}
}
