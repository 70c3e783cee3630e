// Package background runs the work of a gate that is not part of a request. The
// work ends with the gate: nothing outlives Close.
package background

import (
	"context"
	"sync"
	"time"
)

// A Group is the background work of one gate. It is safe for concurrent use.
type Group struct {
	ctx    context.Context //nolint:containedctx // the lifetime that the work is tied to
	cancel context.CancelFunc

	mu     sync.Mutex // orders the calls of Go, Every and Close
	closed bool
	timers []*time.Timer // those of Every
	work   sync.WaitGroup
}

// New returns a group that runs until it is closed.
func New() *Group {
	ctx, cancel := context.WithCancel(context.Background())
	return &Group{ctx: ctx, cancel: cancel}
}

// Go runs work in a goroutine, with a context that ends with the group. After
// Close it does not run it and returns false.
func (g *Group) Go(work func(backgroundCtx context.Context)) bool {
	if !g.enter() {
		return false
	}
	go func() {
		defer g.work.Done()
		work(g.ctx)
	}()
	return true
}

// Shared is Go for work that several requests wait for. After Close such work
// still runs for the last requests, but Close does not wait for it.
func (g *Group) Shared(work func(context.Context)) bool {
	if !g.Go(work) {
		go work(context.Background())
	}
	return true
}

// Do runs work in this goroutine, with a context that ends with the group and
// not with the request. After Close that context has already ended.
func (g *Group) Do(work func(backgroundCtx context.Context)) {
	if g.enter() {
		defer g.work.Done()
	}
	work(g.ctx)
}

func (g *Group) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.work.Add(1)
	return true
}

// Every runs work repeatedly, with a pause before each run, until the group is
// closed. During the pause there is no goroutine.
func (g *Group) Every(pause time.Duration, work func(backgroundCtx context.Context)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(pause, func() {
		g.Go(func(ctx context.Context) {
			work(ctx)
			g.again(timer, pause)
		})
	})
	g.timers = append(g.timers, timer)
}

// again starts a timer of Every, unless the group is closed.
func (g *Group) again(timer *time.Timer, pause time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		timer.Reset(pause)
	}
}

// Close ends the context of all work and waits until it has returned. It may be
// called more than once.
func (g *Group) Close() {
	g.mu.Lock()
	g.closed = true
	for _, timer := range g.timers {
		timer.Stop()
	}
	g.mu.Unlock()
	g.cancel()
	g.work.Wait()
}

// Sleep waits for d. It returns false if the context ends first.
func Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Beside runs work concurrently with its caller, who must call wait. wait
// returns the result of the work, and may be called more than once. If the work
// panics, wait panics, so that a server can recover.
func Beside[T any](work func() T) (wait func() T) {
	var (
		result  T
		failure any
		done    = make(chan struct{})
	)
	go func() {
		defer close(done)
		defer func() { failure = recover() }()
		result = work()
	}()
	return func() T {
		<-done
		if failure != nil {
			panic(failure)
		}
		return result
	}
}
