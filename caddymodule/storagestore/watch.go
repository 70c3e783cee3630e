package storagestore

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// backlog is how many names may wait for one who watches.
const backlog = 1024

// An audience is everybody in this process who watches.
type audience struct {
	mu    sync.Mutex
	seats map[chan string]struct{}
}

func newAudience() *audience { return &audience{seats: make(map[chan string]struct{})} }

func (a *audience) join() (seat chan string, leave func()) {
	seat = make(chan string, backlog)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seats[seat] = struct{}{}
	return seat, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.seats, seat)
	}
}

// tell hands a name to all. Who is so far behind that there is no place for it is
// told to forget everything instead.
func (a *audience) tell(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for seat := range a.seats {
		select {
		case seat <- name:
		default:
			drain(seat)
			seat <- "" // the one writer, holding the lock: there is room
		}
	}
}

func drain(seat chan string) {
	for {
		select {
		case <-seat:
		default:
			return
		}
	}
}

// Watch implements proxy.Store. Who still watches when the store is closed, as a gate
// does whose configuration is being taken down, is told to forget everything
// again and again: nothing is heard any more.
func (s *Store) Watch(ctx context.Context, told func(name string)) error {
	seat, leave := s.audience.join()
	defer leave()
	told("")
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.life.Done():
			told("")
			rest(ctx, hearEvery)
		case name := <-seat:
			told(name)
		}
	}
}

// listen hears what others have buried, until the store is closed. Nobody
// needs to be there to hear it: one ear serves all who watch.
func (s *Store) listen() {
	deaf := outage{log: s.log, what: "what other processes end cannot be heard"}
	for s.life.Err() == nil {
		deaf.report(s.attend(s.life))
		s.tidy(s.life)
		rest(s.life, hearEvery)
	}
}

// attend hears once and tells what is new. As long as nothing can be heard,
// everybody is told each time to forget everything: what is remembered is
// believed for no longer than a rest.
func (s *Store) attend(ctx context.Context) error {
	seen, err := within(ctx, s.hearing, hearWait, s.hear)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		s.audience.tell("")
		return err
	}
	names, missed := s.ear.take(time.Now(), seen)
	if missed {
		names = []string{""}
	}
	for _, name := range names {
		s.audience.tell(name)
	}
	return nil
}

// tidy tries again what this process could not tell the others, and takes away
// notices that are read.
func (s *Store) tidy(ctx context.Context) {
	silent := s.ear.silent(time.Now())
	if !s.notice.pending() && len(silent) == 0 {
		return
	}
	_, _ = within(ctx, s.hearing, republishWait, func(ctx context.Context) (nothing, error) {
		err := s.publish(ctx, s.notice.latest())
		for _, id := range silent {
			err = errors.Join(err, s.remove(ctx, noticed(id).key))
		}
		return nothing{}, err // and so again after the next rest
	})
}

// rest waits, or less if the context ends.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// An outage logs when something begins to fail and when it works again, and not
// what lies between.
type outage struct {
	log  *slog.Logger
	what string
	on   bool
}

func (o *outage) report(err error) {
	if err != nil && !o.on {
		o.log.Warn(o.what, "error", err)
	}
	if err == nil && o.on {
		o.log.Info("this works again", "after", o.what)
	}
	o.on = err != nil
}
