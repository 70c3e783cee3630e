package session

import (
	"slices"
	"sync"
	"time"
)

const (
	// streamTick is how often running requests are checked. A request that is
	// still running after two ticks is added to the index. Its session is
	// checked then, since it may have ended before.
	streamTick = 500 * time.Millisecond
	// youngShards is the number of lists of young requests. With several lists,
	// requests hardly ever wait for one another.
	youngShards = 64
)

// Streams are the running requests of sessions, of all gates of a process. A
// request ends with its session, whichever gate admitted the request and
// whichever gate learns of the end: requests of a replaced configuration
// continue until their clients disconnect.
//
// Nearly all requests end within milliseconds. They stay in lists of young
// requests, which cost no more than two short locks. Only requests that run for
// longer are indexed by the names that end their session.
//
// The zero Streams are ready to use. They are safe for concurrent use.
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
	_    [48]byte // padding to a separate cache line
}

// A streamTicker is the goroutine that reviews streams.
type streamTicker struct{ stop, stopped chan struct{} }

// begin adds a new request. If its gate is closed, the request is indexed at
// once: the gate's watch lasts until its streams have ended.
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

// promote indexes the young streams that have run for long enough.
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

// drop removes a stream from the index. When the last stream of a closed gate
// ends, the gate ends.
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

// End ends the streams of all sessions that end with a revoked name.
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

// leave undoes join, and waits for the goroutine if this was the last gate.
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

// Close calls finish once the gate has no streams, which may be at once. Until
// then the gate's watch, rechecks and reviews continue, since they can end the
// streams.
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
