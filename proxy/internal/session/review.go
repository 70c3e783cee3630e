package session

import (
	"context"
	"time"
)

const (
	// reviewEvery is how often a stream's session is reviewed, to find ends
	// that are not announced.
	reviewEvery = 15 * time.Second
	// maxReviews is how many reviews of a gate's streams may wait for the store
	// or for authentik at the same time. Other streams wait for the next tick.
	maxReviews = 4 * MaxRechecks
)

func (s *Streams) run(t *streamTicker) {
	defer close(t.stopped)
	tick := time.NewTicker(streamTick)
	defer tick.Stop()
	for {
		select {
		case <-t.stop:
			return
		case <-tick.C:
			s.Tick()
		}
	}
}

// Tick checks the running requests once: it indexes those that have been running
// for a while as streams, and ends streams whose session has ended.
func (s *Streams) Tick() {
	s.promote(func(one *Stream) bool {
		seen := one.seen
		one.seen = true
		return seen
	})
	for _, one := range s.due() {
		one.owner.review(one)
	}
}

// due returns the streams whose review is due. It returns each to one caller
// only.
func (s *Streams) due() (due []*Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.open {
		if !one.reviewed && !one.owner.Now().Before(one.review) {
			one.reviewed, one.changed = true, false
			due = append(due, one)
		}
	}
	return due
}

// again sets the time of the next review of a stream.
func (s *Streams) again(one *Stream, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one.reviewed = false; !one.changed {
		one.review = at
	}
}

// review ends a stream if its session has ended. It does not block: it asks the
// store and authentik in the background.
func (r *Registry) review(one *Stream) {
	now := r.Now()
	if !now.Before(one.Session.Until) {
		one.end()
	} else if s, known := r.peek(one); !known || !r.Passes(s) {
		r.ask(one)
		return
	} else {
		r.Touch(one.Cookie, one.Host, s)
		r.Streams.again(one, r.nextReview(s, now))
		return
	}
	r.Streams.again(one, now.Add(reviewEvery))
}

// peek returns the session of a stream if it is cached and not idle.
func (r *Registry) peek(one *Stream) (s *Session, known bool) {
	if one.Again != nil {
		return nil, false
	}
	s, known = r.cache.get(keyOf(one.Cookie))
	return s, known && s.name == one.Session.name && (r.Idle == 0 || r.Now().Sub(s.Used()) <= r.Idle)
}

// ask ends a stream in the background unless a request with its cookie would
// pass.
func (r *Registry) ask(one *Stream) {
	select {
	case r.reviews <- struct{}{}:
	default:
		r.Streams.again(one, time.Time{})
		return
	}
	started := r.Background.Go(func(backgroundCtx context.Context) {
		defer func() { <-r.reviews }()
		s, stays := r.goesOn(backgroundCtx, one)
		if !stays {
			one.end()
			s = one.Session
		}
		r.Streams.again(one, r.nextReview(s, r.Now()))
	})
	if !started { // the gate has closed and no longer receives revocations
		<-r.reviews
		one.end()
		r.Streams.again(one, r.Now().Add(reviewEvery))
	}
}

// goesOn returns the session of a stream, and whether a request with its cookie or
// credential would pass.
func (r *Registry) goesOn(ctx context.Context, one *Stream) (*Session, bool) {
	if one.Again != nil {
		return one.Again(ctx)
	}
	return r.MayStay(ctx, one)
}

// nextReview returns when the next review of a stream is due: when its session
// expires or a recheck is due, but at the latest after reviewEvery.
func (r *Registry) nextReview(s *Session, now time.Time) time.Time {
	next := now.Add(reviewEvery).Round(0) // by the wall clock, like the times of the session
	for _, at := range []time.Time{s.Until, s.due} {
		if at.After(now) && at.Before(next) {
			next = at
		}
	}
	return next
}
