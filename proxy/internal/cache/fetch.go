package cache

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// A Fetch gets a missing value, and says how long it may be kept. An error is
// never kept: the next caller tries again.
type Fetch[V any] func(context.Context) (value V, lifetime time.Duration, err error)

// A PanicError is what Do returns after its fetch has panicked.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("fetching a value: panic: %v", e.Value) }

// ErrClosed is what Do returns if it would have to fetch a value after the
// owner of the cache has closed.
var ErrClosed = errors.New("fetching a value: the cache is closed")

// errExit is what Do returns after its fetch has called runtime.Goexit, as
// testing.T.FailNow does.
var errExit = errors.New("fetching a value: the goroutine was ended")

// A call is a running fetch. Its result may be read once done is closed.
type call[V any] struct {
	done  chan struct{}
	value V
	err   error
}

// Do returns the value of a key, and fetches it if the cache does not have it.
// One fetch of a key runs at a time; all callers that ask meanwhile get its
// result.
//
// If a caller's ctx ends, Do returns the error of ctx. The fetch goes on for
// the others, with the context of the cache's owner. It runs in its own
// goroutine, and no lock is held meanwhile. If it panics, all callers that wait
// for it get a *PanicError.
func (c *Cache[K, V]) Do(ctx context.Context, key K, fetch Fetch[V]) (V, error) {
	value, running := c.join(key, fetch)
	if running == nil {
		return value, nil
	}
	select {
	case <-running.done:
		return running.value, running.err
	case <-ctx.Done():
		return value, ctx.Err()
	}
}

// join returns the value of a key, or the call that fetches it.
func (c *Cache[K, V]) join(key K, fetch Fetch[V]) (V, *call[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	value, found := c.get(key)
	if found {
		return value, nil
	}
	running, found := c.calls[key]
	if !found {
		running = &call[V]{done: make(chan struct{}), err: errExit}
		if c.calls == nil {
			c.calls = map[K]*call[V]{}
		}
		c.calls[key] = running
		c.begin(key, running, fetch)
	}
	return value, running
}

// begin makes the cache's owner run a call.
func (c *Cache[K, V]) begin(key K, mine *call[V], fetch Fetch[V]) {
	if !c.options.Go(func(ctx context.Context) { c.run(ctx, key, mine, fetch) }) {
		delete(c.calls, key)
		mine.err = ErrClosed
		close(mine.done)
	}
}

// run runs a call. It releases the waiters even if the fetch panics or exits.
func (c *Cache[K, V]) run(ctx context.Context, key K, mine *call[V], fetch Fetch[V]) {
	var lifetime time.Duration
	defer func() {
		if p := recover(); p != nil {
			mine.err = &PanicError{p, debug.Stack()}
		}
		c.finish(key, mine, lifetime)
	}()
	mine.value, lifetime, mine.err = fetch(ctx)
}

// finish keeps the result of a call, unless Put or Delete was called meanwhile.
func (c *Cache[K, V]) finish(key K, mine *call[V], lifetime time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(mine.done)
	if c.calls[key] != mine {
		return
	}
	delete(c.calls, key)
	if mine.err == nil {
		c.put(key, mine.value, lifetime)
	}
}
