package storagestore

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// An audience is everybody in this process who watches. It is let in while
// something can be heard, and sent out when that ends.
type audience struct {
	mu    sync.Mutex
	seats map[*seat]struct{}
	open  chan struct{} // closed while something can be heard
	deaf  bool
}

// A seat is one who watches. Its end comes with the reason why nothing is heard
// any more.
type seat struct {
	names store.Backlog
	end   chan error
}

func newAudience() *audience {
	return &audience{seats: make(map[*seat]struct{}), open: make(chan struct{}), deaf: true}
}

// join waits until something can be heard, or until there is no more
// waiting, and nobody sits.
func (a *audience) join(ctx context.Context) (*seat, bool) {
	for {
		a.mu.Lock()
		open := a.open
		if !a.deaf {
			mine := &seat{store.NewBacklog(), make(chan error, 1)}
			a.seats[mine] = struct{}{}
			a.mu.Unlock()
			return mine, true
		}
		a.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, false
		case <-open:
		}
	}
}

func (a *audience) leave(mine *seat) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.seats, mine)
}

// admit lets everybody in who waits.
func (a *audience) admit() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.deaf {
		a.deaf = false
		close(a.open)
	}
}

// dismiss sends everybody out.
func (a *audience) dismiss(why error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.deaf {
		return
	}
	a.deaf, a.open = true, make(chan struct{})
	for mine := range a.seats {
		mine.end <- why // the one end: there is room
		delete(a.seats, mine)
	}
}

// tell hands a name to all.
func (a *audience) tell(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for mine := range a.seats {
		mine.names.Add(name)
	}
}

// Watch implements store.Store. It begins when something can be heard, and
// ends with an error when nothing can be heard any more: how long what is
// remembered is believed then is for the gate to say.
func (s *Store) Watch(ctx context.Context, told func(name string)) error {
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(s.life, stop)()
	mine, sits := s.audience.join(waiting)
	if !sits {
		return s.unheard(ctx, told)
	}
	defer s.audience.leave(mine)
	told("")
	for {
		select {
		case <-waiting.Done():
			return s.unheard(ctx, told)
		case err := <-mine.end:
			return err
		case name := <-mine.names:
			told(name)
		}
	}
}

// unheard is what is left for who watches a store that was closed, as a gate
// does whose configuration is being taken down: to forget everything, again and again.
func (s *Store) unheard(ctx context.Context, told func(name string)) error {
	for ctx.Err() == nil {
		told("")
		rest(ctx, hearEvery)
	}
	return nil
}

// listen hears what others have buried, until the store is closed. Nobody
// needs to be there to hear it: one ear serves all who watch.
func (s *Store) listen() {
	for s.life.Err() == nil {
		s.attend(s.life)
		s.tidy(s.life)
		rest(s.life, hearEvery)
	}
}

// attend hears once and tells what is new. Who comes in is told to forget
// everything, so what was there before needs no telling.
func (s *Store) attend(ctx context.Context) {
	seen, err := within(ctx, s.hearing, hearWait, s.hear)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.audience.dismiss(err)
		return
	}
	names, missed := s.ear.take(time.Now(), seen)
	if missed {
		names = []string{""}
	}
	for _, name := range names {
		s.audience.tell(name)
	}
	s.audience.admit()
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
