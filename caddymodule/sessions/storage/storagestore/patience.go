package storagestore

import (
	"context"
	"fmt"
	"time"
)

const (
	// longestWait is how long one operation may take, whatever its caller's
	// patience. The lock of a process that was killed is given up by the file
	// system's storage after some twelve seconds.
	longestWait = 20 * time.Second
	// atOnce is how many operations of requests the storage is given at once.
	// Those that it never returns from stay: there are no more than these.
	atOnce = 128
)

// slots bound how many operations are under way.
type slots chan struct{}

// within does work that may not heed its context, and waits for it no longer than
// the context says: the file system's storage does not look at it, and one on a network that has gone
// may never return. Work that nobody waits for any longer ends at
// its next look at the context.
func within[T any](ctx context.Context, s slots, limit time.Duration, work func(context.Context) (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case <-ctx.Done():
		return none, fmt.Errorf("storagestore: waiting for a storage with too much to do: %w", ctx.Err())
	case s <- struct{}{}:
	}
	done := make(chan outcome[T], 1)
	go func() {
		defer func() { <-s }()
		done <- attempt(ctx, work)
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		return none, fmt.Errorf("storagestore: waiting for the storage: %w", ctx.Err())
	}
}

// A turn is a lock that one waits for no longer than a context says.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func newStripes() (all [stripes]turn) {
	for i := range all {
		all[i] = newTurn()
	}
	return all
}

func (t turn) take(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("storagestore: waiting for another who writes: %w", ctx.Err())
	case t <- struct{}{}:
		return nil
	}
}

func (t turn) give() { <-t }

// An outcome is what work has come to.
type outcome[T any] struct {
	value T
	err   error
}

// attempt does the work. A storage that panics would end the process here,
// where no server stands behind; it is one that fails.
func attempt[T any](ctx context.Context, work func(context.Context) (T, error)) (o outcome[T]) {
	defer func() {
		if p := recover(); p != nil {
			o.err = fmt.Errorf("storagestore: the storage has panicked: %v", p)
		}
	}()
	o.value, o.err = work(ctx)
	return o
}

// nothing is what work returns that returns nothing.
type nothing = struct{}
