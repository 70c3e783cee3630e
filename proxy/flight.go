package proxy

import (
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	gocache "github.com/patrickmn/go-cache"
)

const (
	// flightKept is how long the result of an answer is kept for a second
	// submit of the same page.
	flightKept = time.Minute
	// flightBound is how many results are kept at most. Beyond it answers are still given one at a time.
	flightBound = 10_000
)

// flights give authentik each answer of a visit once. authentik would take
// the second click of an impatient visitor for the answer to whatever it asks next.
type flights struct {
	mu    sync.Mutex
	going map[string]*flight // by visit
	done  *gocache.Cache     // by visit: *flight
}

// A flight is one answer on its way.
type flight struct {
	answer string
	landed chan struct{}
	result outcome
}

func newFlights() *flights {
	return &flights{going: map[string]*flight{}, done: newFlightCache()}
}

// newFlightCache needs no goroutine of its own: the gate sweeps.
func newFlightCache() *gocache.Cache { return gocache.New(flightKept, 0) }

// sweep forgets results that nobody has asked for again.
func (f *flights) sweep() { f.done.DeleteExpired() }

// do gives an answer, unless it was given already, and returns what came of it.
// Answers to one page are given one after the other. Once the page has been answered for good,
// every further answer to it gets the result of that one.
func (f *flights) do(visit, answer string, give func() outcome) outcome {
	for {
		mine, other := f.board(visit, answer)
		if mine != nil {
			f.fly(visit, mine, give)
			return mine.result
		}
		<-other.landed
		if other.holds(answer) {
			return other.result
		}
		f.forget(visit, other)
	}
}

// board begins a flight, or returns the one that is there already.
func (f *flights) board(visit, answer string) (mine, other *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if going, ok := f.going[visit]; ok {
		return nil, going
	}
	if found, ok := f.done.Get(visit); ok {
		if landed, ok := found.(*flight); ok {
			return nil, landed
		}
	}
	mine = &flight{answer: answer, landed: make(chan struct{})}
	f.going[visit] = mine
	return mine, nil
}

// fly gives the answer. Whatever happens on the way, those who wait are let go.
func (f *flights) fly(visit string, mine *flight, give func() outcome) {
	mine.result = outcome{err: fault.New(fault.AuthentikUnexpected, nil)}
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.going, visit)
		if mine.result.err == nil && mine.result.wait == 0 && f.room() {
			f.done.SetDefault(visit, mine)
		}
		close(mine.landed)
	}()
	mine.result = give()
}

// room reports whether one more result can be kept.
func (f *flights) room() bool {
	if f.done.ItemCount() >= flightBound {
		f.done.DeleteExpired()
	}
	return f.done.ItemCount() < flightBound
}

// forget makes room for another answer to a page whose last one was refused.
func (f *flights) forget(visit string, landed *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if found, ok := f.done.Get(visit); ok && found == landed {
		f.done.Delete(visit)
	}
}

// holds reports whether the flight's result is that of an answer, too. One
// who waited for an answer of the same words gets its failure as well: to give it
// again is the visitor's to decide.
func (l *flight) holds(answer string) bool {
	return l.answer == answer || l.result.advanced
}
