package storagestore

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// subscribers are the callers of Watch. They can subscribe while polls succeed.
// When a poll fails, all subscriptions end.
type subscribers struct {
	mu      sync.Mutex
	all     map[*subscription]struct{}
	polled  bool          // whether the last poll has succeeded
	resumed chan struct{} // closed while polled
}

// A subscription belongs to one caller of Watch.
type subscription struct {
	names *store.Backlog
	lost  chan error // why the watch ends, at most once
}

func newSubscribers() *subscribers {
	return &subscribers{all: make(map[*subscription]struct{}), resumed: make(chan struct{})}
}

// subscribe waits until polls succeed. ok is false if a context is done before.
func (s *subscribers) subscribe(ctx, untilClose context.Context) (mine *subscription, ok bool) {
	for {
		s.mu.Lock()
		resumed := s.resumed
		if s.polled {
			mine := &subscription{store.NewBacklog(), make(chan error, 1)}
			s.all[mine] = struct{}{}
			s.mu.Unlock()
			return mine, true
		}
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, false
		case <-untilClose.Done():
			return nil, false
		case <-resumed:
		}
	}
}

func (s *subscribers) unsubscribe(mine *subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, mine)
}

// resume admits the waiting callers.
func (s *subscribers) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.polled {
		s.polled = true
		close(s.resumed)
	}
}

// interrupt ends all subscriptions.
func (s *subscribers) interrupt(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.polled {
		return
	}
	s.polled, s.resumed = false, make(chan struct{})
	for mine := range s.all {
		mine.lost <- why // no other error is ever sent, so there is room
		delete(s.all, mine)
	}
}

// publish adds a name to all subscriptions.
func (s *subscribers) publish(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for mine := range s.all {
		mine.names.Add(name)
	}
}

// Watch implements store.Store. It begins when a poll succeeds, and ends with
// an error when one fails: the gate decides how long it then trusts its cache.
func (s *Store) Watch(ctx context.Context, ended func(name string)) error {
	s.start()
	mine, ok := s.subscribers.subscribe(ctx, s.untilClose)
	if !ok {
		return s.watchClosed(ctx, ended)
	}
	defer s.subscribers.unsubscribe(mine)
	ended("")
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.untilClose.Done():
			return s.watchClosed(ctx, ended)
		case err := <-mine.lost:
			return err
		case <-mine.names.Added():
			for _, name := range mine.names.Take() {
				ended(name)
			}
		}
	}
}

// watchClosed is the watch of a closed store, for a gate whose configuration is
// being removed. It makes the gate drop its cache again and again, since no
// revocation would reach it any more.
func (s *Store) watchClosed(ctx context.Context, ended func(name string)) error {
	for ctx.Err() == nil {
		ended("")
		pause(ctx, pollEvery)
	}
	return nil
}

// poll reads the notices of other processes until the store is closed. One
// poll serves all callers of Watch.
func (s *Store) poll() {
	for s.untilClose.Err() == nil {
		s.pollOnce(s.untilClose)
		s.maintainNotices(s.untilClose)
		pause(s.untilClose, pollEvery)
	}
}

// pollOnce reads the notices and publishes the new names. A caller that
// subscribes afterwards drops its cache first, so it needs no older names.
func (s *Store) pollOnce(ctx context.Context) {
	all, err := bounded(ctx, s.polling, pollTimeout, s.readNotices)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.subscribers.interrupt(err)
		return
	}
	names, missed := s.inbox.receive(time.Now(), all)
	if missed {
		names = []string{""}
	}
	for _, name := range names {
		s.subscribers.publish(name)
	}
	s.subscribers.resume()
}

// maintainNotices writes this process's notice if that has failed before, and
// removes finished notices.
func (s *Store) maintainNotices(ctx context.Context) {
	finished := s.inbox.finished(time.Now())
	if !s.outbox.pending() && len(finished) == 0 {
		return
	}
	_, _ = bounded(ctx, s.polling, republishTimeout, func(ctx context.Context) (nothing, error) {
		err := s.publish(ctx, s.outbox.latest())
		for _, id := range finished {
			err = errors.Join(err, s.remove(ctx, noticePlace(id).key))
		}
		return nothing{}, err // after a failure the next poll tries again
	})
}

// An outage logs when something begins to fail, and when it works again.
type outage struct {
	log          *slog.Logger
	failed, over string // the messages
	on           bool
}

func (o *outage) report(err error) {
	if err != nil && !o.on {
		o.log.Warn(o.failed, "error", err)
	}
	if err == nil && o.on {
		o.log.Info(o.over)
	}
	o.on = err != nil
}
