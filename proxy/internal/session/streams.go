package session

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// streamTick is how often running requests are checked. One that is still running
	// after two ticks is added to the index, and its session is checked then, since
	// it may have ended before.
	streamTick = 500 * time.Millisecond
	// reviewEvery is how often a stream's session is reviewed, for ends that are not
	// announced.
	reviewEvery = 15 * time.Second
	// maxReviews is how many reviews of a gate's streams may wait for the store or
	// for authentik at a time. Others wait for the next tick.
	maxReviews = 4 * MaxRechecks
	// youngShards is how many lists of young requests there are, so that requests
	// hardly ever wait for one another.
	youngShards = 64
)

// Streams are the running requests of sessions, of all gates of a process. They
// end with their session, no matter which gate has let them in and which one
// learns of the end: requests of a replaced configuration continue until their
// clients disconnect.
//
// Nearly all requests end within milliseconds. They stay in lists of young
// requests, which cost no more than two short locks; only what runs for longer
// is indexed by what ends its session.
//
// The zero Streams are ready. They are safe for concurrent use.
type Streams struct {
	young [youngShards]youngStreams

	mu     sync.Mutex // taken after that of a shard
	open   map[*Stream]struct{}
	byName map[string][]*Stream // by all names that end the session
	owners map[*Registry]struct{}
	ticker *streamTicker // while there are owners
}

// youngStreams are requests that have just begun.
type youngStreams struct {
	mu   sync.Mutex
	head *Stream
	_    [48]byte // a cache line of its own
}

// A streamTicker is the goroutine that reviews streams.
type streamTicker struct{ stop, stopped chan struct{} }

// begin adds a new request. If its gate was closed it is indexed at once: the
// gate's watch lasts until its streams have ended.
func (s *Streams) begin(one *Stream) {
	shard := &s.young[shardOf(one.Session.name, youngShards)]
	one.shard = shard
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if one.owner.draining.Load() {
		s.index(one)
		return
	}
	if one.next = shard.head; one.next != nil {
		one.next.prev = one
	}
	shard.head = one
}

// finish removes a request that has ended.
func (s *Streams) finish(one *Stream) {
	one.shard.mu.Lock()
	indexed := one.indexed
	if !indexed {
		one.shard.remove(one)
	}
	one.shard.mu.Unlock()
	if indexed {
		s.drop(one)
	}
}

func (y *youngStreams) remove(one *Stream) {
	if one.prev != nil {
		one.prev.next = one.next
	} else {
		y.head = one.next
	}
	if one.next != nil {
		one.next.prev = one.prev
	}
	one.prev, one.next = nil, nil
}

// promote indexes the young streams that are due for it.
func (s *Streams) promote(due func(*Stream) bool) {
	for i := range s.young {
		shard := &s.young[i]
		shard.mu.Lock()
		for one := shard.head; one != nil; {
			following := one.next
			if due(one) {
				shard.remove(one)
				s.index(one)
			}
			one = following
		}
		shard.mu.Unlock()
	}
}

// index adds a stream to the index. The caller holds its shard.
func (s *Streams) index(one *Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open, s.byName = map[*Stream]struct{}{}, map[string][]*Stream{}
	}
	one.indexed = true
	one.owner.running++
	s.open[one] = struct{}{}
	for name := range one.Session.endNames() {
		s.byName[name] = append(s.byName[name], one)
	}
}

// drop removes a stream from the index. With its last stream, a gate that was
// closed ends.
func (s *Streams) drop(one *Stream) {
	s.mu.Lock()
	delete(s.open, one)
	for name := range one.Session.endNames() {
		rest := s.byName[name]
		if i := slices.Index(rest, one); i >= 0 {
			rest[i], rest[len(rest)-1] = rest[len(rest)-1], nil
			rest = rest[:len(rest)-1]
		}
		if s.byName[name] = rest; len(rest) == 0 {
			delete(s.byName, name)
		}
	}
	one.owner.running--
	last := one.owner.running == 0 && one.owner.finish != nil
	var finish func()
	if last {
		finish, one.owner.finish = one.owner.finish, nil
	}
	s.mu.Unlock()
	if last {
		go func() {
			s.leave(one.owner)
			finish()
		}()
	}
}

// End ends the streams of the sessions that end with a revoked name.
func (s *Streams) End(name string) {
	for _, one := range s.named(name) {
		one.end()
	}
}

// named returns the streams of the sessions that end with a name.
func (s *Streams) named(name string) []*Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.byName[name])
}

// Review makes the next tick review the streams of a session, since the session
// has changed.
func (s *Streams) Review(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.byName[name] {
		one.review, one.changed = time.Time{}, true
	}
}

// reviewAll makes the next tick review all streams of a gate.
func (s *Streams) reviewAll(of *Registry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.open {
		if one.owner == of {
			one.review, one.changed = time.Time{}, true
		}
	}
}

// Len returns the number of streams.
func (s *Streams) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// join starts the review of a gate's streams.
func (s *Streams) join(r *Registry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owners == nil {
		s.owners = map[*Registry]struct{}{}
	}
	s.owners[r] = struct{}{}
	if s.ticker == nil {
		s.ticker = &streamTicker{make(chan struct{}), make(chan struct{})}
		go s.run(s.ticker)
	}
}

// leave undoes join, and waits for the goroutine that the last gate ends.
func (s *Streams) leave(r *Registry) {
	s.mu.Lock()
	delete(s.owners, r)
	ticker := s.ticker
	if last := len(s.owners) == 0 && ticker != nil; last {
		s.ticker = nil
		close(ticker.stop)
	} else {
		ticker = nil
	}
	s.mu.Unlock()
	if ticker != nil {
		<-ticker.stopped
	}
}

// Close calls finish once the gate has no open streams, at once if it has none.
// Until then the gate's watch, rechecks and reviews continue, since they can end
// the streams.
func (r *Registry) Close(finish func()) {
	s := r.Streams
	r.draining.Store(true)
	s.promote(func(one *Stream) bool { return one.owner == r })
	s.mu.Lock()
	lingers := r.running > 0
	if lingers {
		r.finish = finish
	}
	s.mu.Unlock()
	r.cache.flush()
	if !lingers {
		s.leave(r)
		finish()
	}
}

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

// due returns the streams whose review is due. It gives each to one caller only.
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

// again sets when the next review of a stream is due.
func (s *Streams) again(one *Stream, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one.reviewed = false; !one.changed {
		one.review = at
	}
}

// review ends a stream if its session has ended. It does not block: the store and
// authentik are asked in the background.
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
		s, stays := r.MayStay(backgroundCtx, one)
		if !stays {
			one.end()
			s = one.Session
		}
		r.Streams.again(one, r.nextReview(s, r.Now()))
	})
	if !started { // the gate has ended and no longer learns of revocations
		<-r.reviews
		one.end()
		r.Streams.again(one, r.Now().Add(reviewEvery))
	}
}

// nextReview returns when the next review of a stream is due: when its session
// expires or a recheck is due, and after reviewEvery at the latest.
func (r *Registry) nextReview(s *Session, now time.Time) time.Time {
	next := now.Add(reviewEvery)
	for _, at := range []time.Time{s.Until, s.due} {
		if at.After(now) && at.Before(next) {
			next = at
		}
	}
	return next
}
